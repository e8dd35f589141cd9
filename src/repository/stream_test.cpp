#include "repository/stream.hpp"

#include <gtest/gtest.h>

#include "repository/internal/frame.hpp"
#include "repository/internal/pack_builder.hpp"
#include "repository/internal/stream_object.hpp"
#include "repository/internal/test_repository.hpp"
#include "repository/members.hpp"
#include "repository/replica.hpp"
#include "repository/verify.hpp"
#include "storage/faulty/faulty_store.hpp"

namespace reprieve::repository {
namespace {

class Stream : public testing::Test {
 protected:
  static Bytes some_bytes(std::size_t size, std::uint64_t seed = 1) {
    Bytes bytes(size);
    SeededRandom{seed}.fill(bytes);
    return bytes;
  }
  Result<> try_put(const Repository& repository, std::uint64_t from, ByteView bytes) {
    REPRIEVE_TRY(StreamWriter writer, StreamWriter::begin(repository));
    return writer.put(stream_of(repository), from, "header", bytes);
  }
  void put(std::uint64_t from, ByteView bytes) {
    const auto done = try_put(*test_.open(), from, bytes);
    ASSERT_TRUE(done) << done.error().what;
  }
  std::unique_ptr<Repository> open_as(std::uint8_t seed) {
    UnlockKey key;
    key.key_file_secret = Secret::copy_of(Bytes(32, std::byte{seed}));
    auto opened = Repository::open(test_.disk, key, test_.random, test_.clock, {});
    REPRIEVE_ASSERT(opened);
    return *std::move(opened);
  }
  void add_writer(std::uint8_t seed) {
    UnlockKey key;
    key.key_file_secret = Secret::copy_of(Bytes(32, std::byte{seed}));
    ASSERT_TRUE(add_member(*test_.open(), Role::kWriter, "db1", std::move(key)));
  }
  VerifyReport run_verify(VerifyLevel level) {
    Progress progress;
    auto report = verify(*test_.open(), level, 1, progress, {});
    EXPECT_TRUE(report) << report.error().what;
    return report ? *std::move(report) : VerifyReport{};
  }
  static StreamId stream_of(const Repository& repository) {
    StreamId stream{std::byte{1}, std::byte{2}};
    std::ranges::copy(repository.keys().writer_id(), stream.begin());
    return stream;
  }
  /// Of the stream of a key, that of the repository's maker if none is named.
  StreamPiece piece(std::uint64_t from, std::uint64_t to) {
    return {stream_of(*test_.open()), {from, to}};
  }
  static StreamPiece piece(const Repository& of, std::uint64_t from, std::uint64_t to) {
    return {stream_of(of), {from, to}};
  }

  TestRepository test_;
};

TEST_F(Stream, GivesBackWhatWasPut) {
  const Bytes bytes = some_bytes(3 * 1024 * 1024 + 17);
  put(100, bytes);
  const auto repository = test_.open();
  const StreamReader reader{*repository};
  const auto pieces = reader.list();
  ASSERT_TRUE(pieces);
  ASSERT_EQ(*pieces, std::vector{piece(100, 100 + bytes.size())});
  const auto read = reader.read(pieces->front());
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->bytes, bytes);
  EXPECT_EQ(read->header, "header");
  EXPECT_EQ(*reader.header(pieces->front()), "header");
}

TEST_F(Stream, ListsPiecesInOrderOfPosition) {
  put(0xf00, some_bytes(10));
  put(16, some_bytes(0xef0));
  put(0, some_bytes(16));
  const auto repository = test_.open();
  EXPECT_EQ(*StreamReader{*repository}.list(),
            (std::vector{piece(0, 16), piece(16, 0xf00), piece(0xf00, 0xf0a)}));
}

TEST_F(Stream, RefusesMoreThanAPieceMayHave) {
  const auto repository = test_.open();
  EXPECT_EQ(try_put(*repository, 0, {}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(try_put(*repository, 0, Bytes(kStreamPieceMax + 1)).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(try_put(*repository, UINT64_MAX, some_bytes(2)).error().kind, ErrorKind::kInvalid);
}

TEST_F(Stream, MayBePutAgainAfterAnAnswerWasLost) {
  put(0, some_bytes(100));
  put(0, some_bytes(100));
  EXPECT_EQ(test_.objects("stream/").size(), 1U);
}

TEST_F(Stream, IsReadWithoutItsWritersMemoryAndNotByItsWriter) {
  add_writer(9);
  ASSERT_TRUE(try_put(*open_as(9), 0, some_bytes(100)));
  const auto writer = open_as(9);
  const StreamPiece own = piece(*writer, 0, 100);
  EXPECT_EQ(StreamReader{*writer}.read(own).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(StreamReader{*writer}.header(own).error().kind, ErrorKind::kDenied);
  const auto reader = test_.open();
  EXPECT_EQ(StreamReader{*reader}.read(own)->bytes, some_bytes(100));
}

TEST_F(Stream, OfARevokedWriterIsNotBelieved) {
  add_writer(9);
  const auto writer = open_as(9);
  ASSERT_TRUE(try_put(*writer, 0, some_bytes(100)));
  ASSERT_TRUE(revoke_member(*test_.open(), "db1"));
  const auto repository = test_.open();
  const StreamPiece own = piece(*writer, 0, 100);
  EXPECT_EQ(StreamReader{*repository}.read(own).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(StreamReader{*repository}.header(own).error().kind, ErrorKind::kDenied);
}

TEST_F(Stream, TakesNoPieceOfAnotherWriter) {
  add_writer(9);
  const auto thief = open_as(9);
  auto writer = StreamWriter::begin(*thief);
  ASSERT_TRUE(writer);
  const StreamPiece wanted = piece(0, 100);
  EXPECT_EQ(writer->put(wanted.stream, 0, "header", some_bytes(100)).error().kind,
            ErrorKind::kInvalid);

  const auto session = thief->keys().new_session(test_.random);
  ASSERT_TRUE(session);
  PackBuilder builder{kStreamPack, {session->entry}, 100};
  for (int i = 0; i < 2; ++i) {
    PackContents::Chunk chunk;
    chunk.length = 100;
    chunk.id = thief->keys().chunk_id(ChunkType::kData, some_bytes(100));
    builder.add(
        seal_frame(
            session->shared,
            {.repository = thief->id(), .epoch = session->entry.epoch, .pack_type = kStreamPack},
            test_.random, some_bytes(100), 1),
        0, {chunk});
  }
  const auto pack = std::move(builder).finish(thief->keys(), stream_binding(wanted), test_.random);
  ASSERT_TRUE(test_.disk.put(stream_piece_key(wanted), pack.object()));
  const auto repository = test_.open();
  EXPECT_EQ(StreamReader{*repository}.read(wanted).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(StreamReader{*repository}.header(wanted).error().kind, ErrorKind::kCorrupt);
}

TEST_F(Stream, IsANewOneEachTimeThatOneIsMade) {
  const auto repository = test_.open();
  auto writer = StreamWriter::begin(*repository);
  ASSERT_TRUE(writer);
  const StreamId first = writer->new_stream();
  EXPECT_TRUE(writer->owns(first));
  EXPECT_NE(writer->new_stream(), first);
  EXPECT_FALSE(writer->owns(StreamId{}));
}

TEST_F(Stream, UnderAnotherNameIsRefused) {
  put(0, some_bytes(100));
  const ObjectKey key = stream_piece_key(piece(0, 100));
  const Bytes object = *test_.disk.get(key, ByteCount{1 << 20});
  ASSERT_TRUE(test_.disk.put(stream_piece_key(piece(100, 200)), object));
  const auto repository = test_.open();
  const StreamReader reader{*repository};
  EXPECT_EQ(reader.read(piece(100, 200)).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(reader.header(piece(100, 200)).error().kind, ErrorKind::kCorrupt);
}

TEST_F(Stream, HealsWhatIsDamagedAndRepairMendsIt) {
  const Bytes bytes = some_bytes(2'000'000);
  put(0, bytes);
  const StreamPiece whole = piece(0, bytes.size());
  for (const std::size_t at : {0UL, 5000UL, 1'000'000UL, 2'000'000UL}) {
    ASSERT_TRUE(test_.disk.damage(stream_piece_key(whole), [&](Bytes& object) {
      std::ranges::fill(MutableByteView{object}.subspan(at, 3000), std::byte{0});
    }));
    const auto repository = test_.open();
    const auto read = StreamReader{*repository}.read(whole);
    ASSERT_TRUE(read) << at << ": " << read.error().what;
    EXPECT_EQ(read->bytes, bytes);
    const auto header = StreamReader{*repository}.header(whole);
    ASSERT_TRUE(header) << at << ": " << header.error().what;
    EXPECT_EQ(*header, "header");

    Progress progress;
    const auto found = verify_shards(test_.disk, 1, progress, {});
    ASSERT_TRUE(found && found->damages.size() == 1) << at;
    EXPECT_TRUE(found->damages.front().is_healable);
    const auto repaired = repair(test_.disk, repository.get(), false, 1, progress, {});
    ASSERT_TRUE(repaired) << at << ": " << repaired.error().what;
    const auto again = verify_shards(test_.disk, 1, progress, {});
    ASSERT_TRUE(again) << at << ": " << again.error().what;
    EXPECT_TRUE(again->damages.empty()) << at;
  }
}

TEST_F(Stream, BeyondHealingIsReportedAndNotReturned) {
  put(0, some_bytes(100'000));
  ASSERT_TRUE(test_.disk.damage(stream_piece_key(piece(0, 100'000)),
                                [](Bytes& object) { std::ranges::fill(object, std::byte{0}); }));
  const auto repository = test_.open();
  EXPECT_EQ(StreamReader{*repository}.read(piece(0, 100'000)).error().kind, ErrorKind::kCorrupt);
  Progress progress;
  const auto found = verify_shards(test_.disk, 1, progress, {});
  ASSERT_TRUE(found && found->damages.size() == 1);
  EXPECT_FALSE(found->damages.front().is_healable);
}

TEST_F(Stream, IsProvedByVerifyingData) {
  put(0, some_bytes(2'000'000));
  put(0x200000, some_bytes(100));
  EXPECT_TRUE(run_verify(VerifyLevel::kData).damages.empty());
  ASSERT_TRUE(test_.disk.damage(stream_piece_key(piece(0, 2'000'000)), [](Bytes& object) {
    std::ranges::fill(MutableByteView{object}.subspan(500'000, 3000), std::byte{0});
  }));
  const auto found = run_verify(VerifyLevel::kData);
  ASSERT_EQ(found.damages.size(), 1U);
  EXPECT_EQ(found.damages[0].object, stream_piece_key(piece(0, 2'000'000)));
  EXPECT_TRUE(found.damages[0].is_healable);
}

TEST_F(Stream, IsReadAtTheLevelsThatReadEveryByteOnly) {
  put(0, some_bytes(2'000'000));
  EXPECT_LT(run_verify(VerifyLevel::kReach).bytes_read, 1'000'000U);
  EXPECT_GT(run_verify(VerifyLevel::kShards).bytes_read, 2'000'000U);
}

TEST_F(Stream, WithWholeShardsAndNothingThatOpensIsDamage) {
  const auto repository = test_.open();
  const KeyRing& keys = repository->keys();
  auto session = keys.new_session(test_.random);
  ASSERT_TRUE(session);
  PackBuilder builder{kStreamPack, {session->entry}, 100};
  PackContents::Chunk chunk;
  chunk.length = 100;
  builder.add(
      seal_frame(
          session->shared,
          {.repository = repository->id(), .epoch = session->entry.epoch, .pack_type = kStreamPack},
          test_.random, some_bytes(100), 1),
      0, {chunk});
  const auto pack = std::move(builder).finish(keys, stream_binding(piece(0, 100)), test_.random);
  ASSERT_TRUE(test_.disk.put(stream_piece_key(piece(0, 100)), pack.object()));
  EXPECT_TRUE(run_verify(VerifyLevel::kShards).damages.empty());
  const auto found = run_verify(VerifyLevel::kData);
  ASSERT_EQ(found.damages.size(), 1U);
  EXPECT_FALSE(found.damages[0].is_healable);
}

TEST_F(Stream, OfARevokedWriterIsNoDamage) {
  add_writer(9);
  ASSERT_TRUE(try_put(*open_as(9), 0, some_bytes(100)));
  ASSERT_TRUE(revoke_member(*test_.open(), "db1"));
  const auto found = run_verify(VerifyLevel::kData);
  EXPECT_TRUE(found.damages.empty());
  ASSERT_EQ(found.remarks.size(), 1U);
  EXPECT_NE(found.remarks[0].find("revoked"), std::string::npos);
}

TEST_F(Stream, BeyondHealingComesBackFromAReplica) {
  put(0, some_bytes(100'000));
  MemoryStore far;
  Progress progress;
  const auto repository = test_.open();
  ASSERT_TRUE(sync_replica(*repository, far, {.is_new = true, .is_dry_run = false, .threads = 1},
                           progress, {}));
  ASSERT_TRUE(test_.disk.damage(stream_piece_key(piece(0, 100'000)),
                                [](Bytes& object) { std::ranges::fill(object, std::byte{0}); }));
  auto report = repair(test_.disk, repository.get(), false, 1, progress, {});
  ASSERT_TRUE(report && report->left.size() == 1);
  ObjectStore* const copies[] = {&far};

  ASSERT_TRUE(heal_from_copies(*repository, copies, false, *report, {}));

  EXPECT_TRUE(report->left.empty());
  EXPECT_EQ(StreamReader{*repository}.read(piece(0, 100'000))->bytes, some_bytes(100'000));
}

TEST_F(Stream, IsReadOutOfAnotherStoreOfTheRepository) {
  put(0, some_bytes(100));
  MemoryStore far;
  const ObjectKey key = stream_piece_key(piece(0, 100));
  ASSERT_TRUE(far.put(key, *test_.disk.get(key, ByteCount{1 << 20})));
  ASSERT_TRUE(test_.disk.remove(key));
  const auto repository = test_.open();
  const StreamReader reader{*repository, far};
  EXPECT_EQ(reader.read(piece(0, 100))->bytes, some_bytes(100));
  EXPECT_EQ(*reader.header(piece(0, 100)), "header");
  ASSERT_EQ(reader.list_objects()->size(), 1U);
  EXPECT_EQ(reader.list_objects()->front().size, far.stat(key)->size);
}

TEST_F(Stream, IsNoPackForTheIndex) {
  put(0, some_bytes(100));
  const Bytes object = *test_.disk.get(stream_piece_key(piece(0, 100)), ByteCount{1 << 20});
  const std::string id = to_hex(crypto::sha256(ByteView{object}.first(static_cast<std::size_t>(
      std::to_integer<unsigned>(object[8]) + 256 * std::to_integer<unsigned>(object[9])))));
  ASSERT_TRUE(test_.disk.put("pack/" + id, object));
  Progress progress;
  const auto repository = test_.open();
  const auto found = verify(*repository, VerifyLevel::kIndex, 1, progress, {});
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->damages.empty()) << "who put it there is told apart from a writer of packs";
}

TEST_F(Stream, ComesToReplicas) {
  put(0, some_bytes(100));
  MemoryStore far;
  Progress progress;
  const auto repository = test_.open();
  const auto report = sync_replica(
      *repository, far, {.is_new = true, .is_dry_run = false, .threads = 1}, progress, {});
  ASSERT_TRUE(report && report->is_complete());
  auto away = test_.open(far);
  ASSERT_TRUE(away);
  EXPECT_EQ(StreamReader{**away}.read(piece(0, 100))->bytes, some_bytes(100));
}

TEST_F(Stream, SurvivesAStoreThatFailsAndIsPutAgain) {
  FaultyStore failing{test_.disk};
  failing.fail(StoreCall::kPut, 1, ErrorKind::kTransient);
  auto opened = test_.open(failing);
  ASSERT_TRUE(opened);
  EXPECT_EQ(try_put(**opened, 0, some_bytes(100)).error().kind, ErrorKind::kTransient);
  EXPECT_TRUE(try_put(**opened, 0, some_bytes(100)));
}

TEST(StreamName, IsReadBackAndNothingElseIs) {
  const StreamPiece piece{{std::byte{1}, std::byte{2}}, {0x1000, 0x2000}};
  const ObjectKey key = stream_piece_key(piece);
  EXPECT_EQ(key,
            "stream/0102000000000000000000000000000000000000000000000000000000000000/"
            "0000000000001000-0000000000002000");
  EXPECT_EQ(stream_piece_in_key(key), piece);
  for (const char* bad :
       {"", "stream/", "stream/0102000000000000000000000000000000000000000000000000000000000000/",
        "stream/0102000000000000000000000000000000000000000000000000000000000000/"
        "0000000000001000-0000000000001000",
        "stream/0102000000000000000000000000000000000000000000000000000000000000/"
        "0000000000002000-0000000000001000",
        "stream/0102000000000000000000000000000000000000000000000000000000000000/"
        "000000000000A000-000000000000b000",
        "stream/0102000000000000000000000000000000000000000000000000000000000000/"
        "0000000000000000-0000000001000001",
        "pack/0102000000000000000000000000000000000000000000000000000000000000/"
        "0000000000001000-0000000000002000"})
    EXPECT_FALSE(stream_piece_in_key(bad)) << bad;
}

}  // namespace
}  // namespace reprieve::repository
