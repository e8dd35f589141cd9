#include "repository/internal/snapshot_record.hpp"

#include <gtest/gtest.h>

#include "repository/internal/record.hpp"
#include "repository/internal/test_keys.hpp"

namespace reprieve::repository {
namespace {

class SnapshotRecordTest : public ::testing::Test {
 protected:
  SnapshotRecordTest() : keys_{keys_for_test()}, session_{*keys_.new_session(random_)} {
    snapshot_.writer = keys_.writer_id();
    snapshot_.seq = 5;
    snapshot_.session = crypto::random_array<32>(random_);
    snapshot_.is_final = false;
    snapshot_.previous = SnapshotId{crypto::random_array<32>(random_)};
    snapshot_.time = Instant{1'700'000'000'123'456'789};
    snapshot_.gc_seen = 3;
    snapshot_.root = {.id = ChunkId{crypto::random_array<32>(random_)}, .depth = 2};
    snapshot_.statistics.files = 1000;
    snapshot_.statistics.duration_ms = 77;
    Description& d = snapshot_.description;
    d.source = "shop";
    d.kind = "files";
    d.host = "db1";
    d.paths = {"/srv/data", std::string{"/srv/caf\xe9"}};
    d.name = "before the move";
    d.tags = {"monthly", "keep"};
    d.started = Instant{1'700'000'000'000'000'001};
    d.data_time = Instant{1'699'999'999'000'000'000};
    d.program = "reprieve 0.1.0";
    d.facts = Json{{"lsn", "0/16B3748"}};
  }
  [[nodiscard]] Bytes encoded() {
    auto record = encode_snapshot(snapshot_, seen_, keys_, session_, random_);
    REPRIEVE_ASSERT(record);
    return *std::move(record);
  }
  [[nodiscard]] KeyRing without_reading_keys() const {
    auto credentials = parse_credentials(encode_credentials(keys_.credentials()).expose());
    REPRIEVE_ASSERT(credentials);
    credentials->reading_keys.clear();
    auto keys = KeyRing::make(*std::move(credentials), keys_.config());
    REPRIEVE_ASSERT(keys);
    return *std::move(keys);
  }

  SeededRandom random_{4};
  KeyRing keys_;
  KeyRing::Session session_;
  Snapshot snapshot_;
  std::vector<SnapshotHead> seen_ = {{.writer = {}, .seq = 9, .id = {}}};
};

TEST_F(SnapshotRecordTest, ComesBackAsItWasGiven) {
  const Bytes record = encoded();
  const auto parsed = parse_snapshot(record, keys_);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->id, snapshot_id_of(record));
  EXPECT_EQ(parsed->writer, snapshot_.writer);
  EXPECT_EQ(parsed->seq, 5U);
  EXPECT_EQ(parsed->session, snapshot_.session);
  EXPECT_FALSE(parsed->is_final);
  EXPECT_EQ(parsed->previous, snapshot_.previous);
  EXPECT_EQ(parsed->time, snapshot_.time);
  EXPECT_EQ(parsed->gc_seen, 3U);
  EXPECT_EQ(parsed->root, snapshot_.root);
  EXPECT_EQ(parsed->statistics.files, 1000U);
  EXPECT_EQ(parsed->statistics.bytes, 0U);
  EXPECT_EQ(parsed->statistics.duration_ms, 77U);
  const Description& d = parsed->description;
  EXPECT_EQ(d.source, "shop");
  EXPECT_EQ(d.paths, snapshot_.description.paths);
  EXPECT_EQ(d.tags, snapshot_.description.tags);
  EXPECT_EQ(d.started, snapshot_.description.started);
  EXPECT_EQ(d.data_time, snapshot_.description.data_time);
  EXPECT_EQ(d.facts, snapshot_.description.facts);
}

TEST_F(SnapshotRecordTest, ShowsItsEnvelopeWithoutAKey) {
  const Bytes record = encoded();
  const auto envelope = parse_snapshot_envelope(record);
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->seen, seen_);
  EXPECT_EQ(as_text(record).find("before the move"), std::string_view::npos);
}

TEST_F(SnapshotRecordTest, KeepsItsDescriptionFromWhoCannotRead) {
  const auto parsed = parse_snapshot(encoded(), without_reading_keys());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->root, snapshot_.root);
  EXPECT_TRUE(parsed->description.source.empty());
}

TEST_F(SnapshotRecordTest, IsNeverBelievedWithAFlippedByte) {
  Bytes record = encoded();
  for (std::size_t at = 0; at < record.size(); ++at) {
    record[at] ^= std::byte{1};
    EXPECT_FALSE(parse_snapshot(record, keys_)) << at;
    record[at] ^= std::byte{1};
  }
}

TEST_F(SnapshotRecordTest, IsNotBelievedOfAStranger) {
  EXPECT_EQ(parse_snapshot(encoded(), keys_for_test(2)).error().kind, ErrorKind::kCorrupt);
}

TEST_F(SnapshotRecordTest, IsRefusedWhenTooLargeForAnyReader) {
  snapshot_.description.name = std::string(17 * 1024 * 1024, 'x');
  const auto record = encode_snapshot(snapshot_, seen_, keys_, session_, random_);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kInvalid);
}

TEST(SnapshotMetadata, PassesOverStatisticsOfLaterVersions) {
  Bytes bytes = encode_snapshot_metadata({}, {});
  bytes.back() = std::byte{1};
  bytes.push_back(std::byte{99});
  bytes.push_back(std::byte{5});
  Snapshot out;
  EXPECT_TRUE(parse_snapshot_metadata(bytes, out));
  bytes.push_back(std::byte{0});
  EXPECT_EQ(parse_snapshot_metadata(bytes, out).error().kind, ErrorKind::kCorrupt);
}

TEST(ParseDescription, PassesOverKeysOfLaterVersionsAndOddTypes) {
  const auto parsed = parse_description(
      as_bytes(R"({"source":"s","kind":7,"tags":["a",1],"new":{},"paths":[{"hex":"2f61"}]})"));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->source, "s");
  EXPECT_EQ(parsed->kind, "");
  EXPECT_EQ(parsed->tags, std::vector<std::string>{"a"});
  EXPECT_EQ(parsed->paths, std::vector<std::string>{"/a"});
}

TEST(ParseDescription, RefusesWhatIsNoDescription) {
  for (const std::string_view text : {"", "[]", "{", R"({"paths":["x"]})"})
    EXPECT_EQ(parse_description(as_bytes(text)).error().kind, ErrorKind::kCorrupt) << text;
}

TEST_F(SnapshotRecordTest, OfAnAdminTakesThePlaceAndTheTimeOfWhatItReplaces) {
  const Instant taken{1'600'000'000'000'000'001};
  snapshot_.description.replaces = Replaced{.id = SnapshotId{crypto::random_array<32>(random_)},
                                            .writer = crypto::random_array<16>(random_),
                                            .seq = 3,
                                            .time = taken,
                                            .rewritten = {}};
  const auto parsed = parse_snapshot(encoded(), keys_);
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(parsed->description.replaces.has_value());
  EXPECT_EQ(parsed->time, taken);
  EXPECT_EQ(parsed->description.replaces->id, snapshot_.description.replaces->id);
  EXPECT_EQ(parsed->description.replaces->rewritten, snapshot_.time);
  EXPECT_EQ(series_place(*parsed).writer, snapshot_.description.replaces->writer);
  EXPECT_EQ(series_place(*parsed).seq, 3U);
  EXPECT_EQ(parsed->seq, snapshot_.seq) << "its own number stays";
}

TEST_F(SnapshotRecordTest, OfAWriterStandsForNobodyElse) {
  snapshot_.description.replaces =
      Replaced{.id = {}, .writer = {}, .seq = 3, .time = Instant{1}, .rewritten = {}};
  const Bytes record = encoded();
  Config config = keys_.config();
  config.members[0].role = Role::kWriter;
  auto credentials = parse_credentials(encode_credentials(keys_.credentials()).expose());
  const auto keys = KeyRing::make(*std::move(credentials), config);
  ASSERT_TRUE(keys);
  const auto parsed = parse_snapshot(record, *keys);
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->description.replaces.has_value());
  EXPECT_EQ(parsed->time, snapshot_.time);
}

TEST_F(SnapshotRecordTest, IsRefusedWithAPlaceThatIsMalformed) {
  Description description = snapshot_.description;
  description.replaces =
      Replaced{.id = {}, .writer = {}, .seq = 3, .time = Instant{1}, .rewritten = {}};
  const std::string good = encode_description(description);
  ASSERT_TRUE(parse_description(as_bytes(good)));
  for (const auto& [from, to] :
       {std::pair{"\"seq\":3", "\"seq\":-3"}, std::pair{"\"seq\":3", "\"seq\":\"3\""},
        std::pair{"\"writer\":\"00", "\"writer\":\"0"},
        std::pair{"\"replaces\":{", "\"replaces\":[],\"x\":{"}}) {
    std::string bad = good;
    const std::size_t at = bad.find(from);
    ASSERT_NE(at, std::string::npos) << from << " in " << good;
    bad.replace(at, std::string_view{from}.size(), to);
    EXPECT_EQ(parse_description(as_bytes(bad)).error().kind, ErrorKind::kCorrupt) << bad;
  }
}

}  // namespace
}  // namespace reprieve::repository
