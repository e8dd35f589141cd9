#include "repository/internal/record.hpp"

#include <gtest/gtest.h>

#include "repository/internal/object_names.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve::repository {
namespace {

Bytes body_of(std::size_t size) {
  Bytes body(size);
  SeededRandom{size}.fill(body);
  return body;
}

AcceptRecord accept_only(const Bytes& good) {
  return [&good](ByteView record) -> Result<> {
    if (copy_of(record) == good) return kOk;
    return Error{ErrorKind::kCorrupt, "other bytes"};
  };
}

TEST(Record, GivesBackItsBody) {
  const Bytes body = body_of(100);
  const Bytes record = encode_record(RecordKind::kSlot, body);
  const auto parsed = parse_record(record, RecordKind::kSlot);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(copy_of(*parsed), body);
}

TEST(Record, RefusesAnotherKindAMissingByteAndAnAddedOne) {
  Bytes record = encode_record(RecordKind::kSlot, body_of(100));
  EXPECT_EQ(parse_record(record, RecordKind::kTomb).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(parse_record(ByteView{record}.first(111), RecordKind::kSlot).error().kind,
            ErrorKind::kCorrupt);
  record.push_back(std::byte{0});
  EXPECT_EQ(parse_record(record, RecordKind::kSlot).error().kind, ErrorKind::kCorrupt);
}

TEST(Record, TellsToUpgradeForANewerVersion) {
  Bytes record = encode_record(RecordKind::kSlot, body_of(10));
  record[5] = std::byte{2};
  const auto parsed = parse_record(record, RecordKind::kSlot);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(parsed.error().hint.find("newer version"), std::string::npos);
}

TEST(SignedRecord, VerifiesUntilAnyByteOfItIsFlipped) {
  SeededRandom random{1};
  const auto key = crypto::SigningKey::generate(random);
  Bytes record = encode_signed_record(RecordKind::kSession, body_of(40), key);
  ASSERT_TRUE(is_signed_by(record, key.public_key()));
  ASSERT_TRUE(parse_signed_record(record, RecordKind::kSession));
  for (std::byte& byte : record) {
    byte ^= std::byte{1};
    EXPECT_FALSE(is_signed_by(record, key.public_key()));
    byte ^= std::byte{1};
  }
}

TEST(Twin, HoldsTheSecondCopyInItsMiddle) {
  const Bytes record = encode_record(RecordKind::kGc, body_of(5000));
  const Bytes object = encode_twin(record);
  EXPECT_EQ(object.size(), 4 * kTwinAlignment);
  EXPECT_TRUE(std::ranges::equal(ByteView{object}.subspan(2 * kTwinAlignment, record.size()),
                                 ByteView{record}));
  const auto copy = read_twin(object, accept_only(record));
  ASSERT_TRUE(copy);
  EXPECT_TRUE(copy->is_whole);
}

TEST(Twin, GivesTheRecordWhicheverByteIsFlippedAndTellsOfIt) {
  const Bytes record = encode_record(RecordKind::kSession, body_of(60));
  Bytes object = encode_twin(record);
  for (std::size_t at = 0; at < object.size(); at += at % kTwinAlignment < 80 ? 1U : 97U) {
    object[at] ^= std::byte{0x20};
    const auto copy = read_twin(object, accept_only(record));
    ASSERT_TRUE(copy) << at;
    EXPECT_EQ(copy_of(copy->record), record);
    EXPECT_FALSE(copy->is_whole) << at;
    object[at] ^= std::byte{0x20};
  }
}

TEST(Twin, GivesTheRecordOfAnObjectThatIsCutOffOrHasBytesAdded) {
  const Bytes record = encode_record(RecordKind::kSession, body_of(60));
  const Bytes object = encode_twin(record);
  for (std::size_t size = record.size(); size < object.size(); size += 61) {
    const auto copy = read_twin(ByteView{object}.first(size), accept_only(record));
    ASSERT_TRUE(copy) << size;
    EXPECT_FALSE(copy->is_whole);
  }
  Bytes longer = object;
  longer.resize(object.size() + 10);
  longer[0] = std::byte{0};
  const auto copy = read_twin(longer, accept_only(record));
  ASSERT_TRUE(copy);
  EXPECT_FALSE(copy->is_whole);
}

TEST(Twin, IsCorruptWhenBothCopiesAre) {
  const Bytes record = encode_record(RecordKind::kSession, body_of(60));
  Bytes object = encode_twin(record);
  object[20] ^= std::byte{1};
  object[kTwinAlignment + 30] ^= std::byte{1};
  EXPECT_EQ(read_twin(object, accept_only(record)).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(read_twin({}, accept_only(record)).error().kind, ErrorKind::kCorrupt);
}

TEST(Twin, PassesOnWhyACopyWasRefusedIfAPersonCanActOnIt) {
  const Bytes object = encode_twin(encode_record(RecordKind::kConfig, body_of(60)));
  const auto read = read_twin(object, [](ByteView) -> Result<> {
    return Error{ErrorKind::kInvalid, "format 9", "Upgrade."};
  });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(read.error().hint, "Upgrade.");
}

TEST(ReadTwinObject, NamesTheObjectThatIsDamagedOrTooLarge) {
  MemoryStore store;
  const Bytes record = encode_record(RecordKind::kSession, body_of(60));
  const ObjectKey key = id_key(kSessionPrefix, crypto::sha256(record));
  ASSERT_TRUE(store.put(key, encode_twin(record)));
  const auto good = read_twin_object(store, key, kSessionBytesMax, accept_by_name(key));
  ASSERT_TRUE(good);
  EXPECT_EQ(good->record, record);

  ASSERT_TRUE(store.damage(key, [](Bytes& b) { b.resize(50); }));
  const auto cut = read_twin_object(store, key, kSessionBytesMax, accept_by_name(key));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(cut.error().what.find(key), std::string::npos);

  ASSERT_TRUE(store.damage(key, [](Bytes& b) { b.resize(100'000); }));
  EXPECT_EQ(read_twin_object(store, key, kSessionBytesMax, accept_by_name(key)).error().kind,
            ErrorKind::kCorrupt);
}

TEST(ObjectNames, SayWhatWasPutIntoThem) {
  WriterId writer{};
  writer[0] = std::byte{0xab};
  EXPECT_EQ(config_key(7), "config/00000007");
  EXPECT_EQ(gc_key(12), "gc/00000012");
  EXPECT_EQ(snapshot_key(writer, 3), "snap/ab000000000000000000000000000000/0000000000000003");
  const auto name = parse_snapshot_key(snapshot_key(writer, 3));
  ASSERT_TRUE(name);
  EXPECT_EQ(name->writer, writer);
  EXPECT_EQ(name->seq, 3U);
  EXPECT_EQ(number_in_key(kConfigPrefix, "config/00000007"), 7U);
  const crypto::Digest id = crypto::sha256({});
  EXPECT_EQ(id_in_key(kTombPrefix, id_key(kTombPrefix, id)), id);
}

TEST(ObjectNames, AreRefusedWhenTheyAreNotExactlyAsWeMakeThem) {
  EXPECT_FALSE(number_in_key(kConfigPrefix, "config/7"));
  EXPECT_FALSE(number_in_key(kConfigPrefix, "config/0000000x"));
  EXPECT_FALSE(number_in_key(kConfigPrefix, "gc/00000007"));
  EXPECT_FALSE(parse_snapshot_key("snap/AB000000000000000000000000000000/0000000000000003"));
  EXPECT_FALSE(parse_snapshot_key("snap/ab000000000000000000000000000000"));
  EXPECT_FALSE(parse_snapshot_key("snap/ab00/0000000000000003"));
  EXPECT_FALSE(id_in_key(kTombPrefix, "tomb/00"));
}

}  // namespace
}  // namespace reprieve::repository
