#include "backup/wal_prune.hpp"

#include <gtest/gtest.h>

#include "repository/members.hpp"
#include "source/postgresql/wal_header.hpp"
#include "storage/faulty/crashing_store.hpp"
#include "storage/faulty/faulty_store.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve::backup {
namespace {

using repository::Snapshot;
using repository::StreamId;
using repository::StreamPiece;

constexpr std::uint64_t kSegment = 1024 * 1024;
/// A segment begins at 4 of these steps.
constexpr std::uint64_t kStep = 100;
constexpr std::uint64_t kFirst = 7 * kSegment - 4 * kStep;
constexpr Lsn kBoundary{7 * kSegment};

class WalPrune : public testing::Test {
 protected:
  void SetUp() override {
    SeededRandom{1}.fill(log_);
    ASSERT_TRUE(repository::Repository::create(disk_, key(7), random_, clock_));
    repository_ = open(store_);
    stream_ = repository::StreamWriter::begin(*repository_)->new_stream();
  }
  static repository::UnlockKey key(std::uint8_t seed) {
    repository::UnlockKey key;
    key.key_file_secret = Secret::copy_of(Bytes(32, std::byte{seed}));
    return key;
  }
  std::unique_ptr<repository::Repository> open(ObjectStore& store, std::uint8_t seed = 7) {
    auto opened = repository::Repository::open(store, key(seed), random_, clock_, {});
    EXPECT_TRUE(opened) << opened.error().what;
    return *std::move(opened);
  }
  static std::string header(const std::string& system = "77", std::uint32_t timeline = 1) {
    WalHeader header;
    header.origin = {.source = "db",
                     .system_identifier = system,
                     .timeline = timeline,
                     .segment_size = kSegment,
                     .page_size = 8192,
                     .server_version_num = 150000,
                     .history = ""};
    return encode_wal_header(header);
  }
  StreamPiece piece(std::uint64_t from, std::uint64_t to) {
    return {stream_, {kFirst + from * kStep, kFirst + to * kStep}};
  }
  void put_bytes(const repository::Repository& repository, std::uint64_t from, ByteView bytes,
                 const std::string& text = header()) {
    auto writer = repository::StreamWriter::begin(repository);
    ASSERT_TRUE(writer);
    const StreamId stream = writer->owns(stream_) ? stream_ : writer->new_stream();
    const auto done = writer->put(stream, kFirst + from * kStep, text, bytes);
    ASSERT_TRUE(done) << done.error().what;
  }
  /// A piece from step to step.
  void put(std::uint64_t from, std::uint64_t to, const std::string& text = header()) {
    put_bytes(*repository_, from, ByteView{log_}.subspan(from * kStep, (to - from) * kStep), text);
  }
  /// A base backup that is consistent there.
  static Snapshot point(Lsn end, const std::string& system = "77") {
    Snapshot point;
    point.description.kind = "postgres";
    point.description.facts = {
        {"system_identifier", system}, {"timeline", 1U}, {"end_lsn", format_lsn(end)}};
    return point;
  }
  Result<WalPruneReport> try_prune(const std::vector<Snapshot>& kept,
                                   const WalPruneOptions& options = {}) {
    return prune_wal(*repository_, store_, kept, options, {});
  }
  WalPruneReport::Stream prune(const std::vector<Snapshot>& kept,
                               const WalPruneOptions& options = {}) {
    const auto report = try_prune(kept, options);
    EXPECT_TRUE(report) << report.error().what;
    EXPECT_TRUE(report && report->streams.size() == 1);
    return report ? report->streams.front() : WalPruneReport::Stream{};
  }
  /// The pieces that are stored, in steps.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> stored() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    EXPECT_TRUE(disk_.list("stream/", [&](const ObjectInfo& object) -> Result<> {
      const auto piece = repository::stream_piece_in_key(object.key);
      if (piece)
        ranges.emplace_back((piece->range.from - kFirst) / kStep,
                            (piece->range.to - kFirst) / kStep);
      return kOk;
    }));
    return ranges;
  }
  using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

  MemoryStore disk_;
  FaultyStore store_{disk_};
  SeededRandom random_{1};
  ManualClock clock_{Instant{1'700'000'000'000'000'000}};
  std::unique_ptr<repository::Repository> repository_;
  StreamId stream_{};
  Bytes log_ = Bytes(10 * kStep);
};

TEST_F(WalPrune, RemovesLogThatNoKeptPointNeeds) {
  put(2, 3);
  put(3, 4);
  put(4, 5);
  put(5, 6);

  const auto stream = prune({point(Lsn{9 * kSegment}), point(Lsn{kBoundary.value + 40})});

  EXPECT_EQ(stored(), (Ranges{{4, 5}, {5, 6}}));
  EXPECT_EQ(stream.all.pieces, 4U);
  EXPECT_EQ(stream.before.pieces, 2U);
  EXPECT_GT(stream.before.bytes, 2 * kStep);
  EXPECT_EQ(stream.needed_from, kBoundary);
  EXPECT_EQ(stream.source, "db");
}

TEST_F(WalPrune, OnlySaysWhatWouldGoInADryRun) {
  put(0, 2);
  put(0, 4);
  put(4, 5);
  put(4, 6);

  const auto stream = prune({point(kBoundary)}, {.is_dry_run = true, .spared = {}});

  EXPECT_EQ(stored().size(), 4U);
  EXPECT_EQ(stream.before.pieces, 2U);
  EXPECT_EQ(stream.covered.pieces, 1U);
}

TEST_F(WalPrune, KeepsTheLogOfAClusterOfWhichNoPointIsKept) {
  put(0, 1);
  put(1, 2);

  const auto stream = prune({point(kBoundary, "78")});

  EXPECT_EQ(stored().size(), 2U);
  EXPECT_EQ(stream.reason, "no recovery point of this cluster is kept");
}

TEST_F(WalPrune, KeepsAllLogWhileAKeptPointDoesNotSayWhereItEnds) {
  put(0, 1);
  put(1, 2);
  Snapshot strange = point(kBoundary);
  strange.description.facts.erase("end_lsn");

  const auto stream = prune({point(kBoundary), strange});

  EXPECT_EQ(stored().size(), 2U);
  EXPECT_NE(stream.reason.find("does not say"), std::string::npos);
}

TEST_F(WalPrune, AsksNeitherFilesNorInterruptedBackupsWhereTheyEnd) {
  put(0, 1);
  put(1, 2);
  Snapshot files;
  files.description.kind = "files";
  Snapshot interrupted = point(Lsn{0});
  interrupted.is_final = false;

  prune({files, interrupted, point(kBoundary)});

  EXPECT_EQ(stored(), (Ranges{{1, 2}}));
}

TEST_F(WalPrune, RemovesWhatALongerPieceHolds) {
  put(0, 1);
  put(1, 3);
  put(0, 4);
  put(4, 5);

  const auto stream = prune({});

  EXPECT_EQ(stored(), (Ranges{{0, 4}, {4, 5}}));
  EXPECT_EQ(stream.covered.pieces, 2U);
  EXPECT_EQ(stream.doubtful.pieces, 0U);
}

TEST_F(WalPrune, KeepsWhatIsCoveredIfTheLongerPieceCannotBeRead) {
  put(0, 1);
  put(0, 4);
  ASSERT_TRUE(disk_.damage(repository::stream_piece_key(piece(0, 4)),
                           [](Bytes& bytes) { std::ranges::fill(bytes, std::byte{0}); }));

  const auto stream = prune({});

  EXPECT_EQ(stored().size(), 2U);
  EXPECT_EQ(stream.doubtful.pieces, 1U);
  EXPECT_NE(stream.doubt.find("cannot be read"), std::string::npos);
}

TEST_F(WalPrune, RemovesWhatIsDamagedIfALongerPieceHoldsIt) {
  put(0, 1);
  put(1, 2);
  put(0, 4);
  ASSERT_TRUE(disk_.damage(repository::stream_piece_key(piece(1, 2)),
                           [](Bytes& bytes) { std::ranges::fill(bytes, std::byte{0}); }));

  prune({});

  EXPECT_EQ(stored(), (Ranges{{0, 4}}));
}

TEST_F(WalPrune, KeepsWhatALongerPieceOfOtherBytesIsPutOver) {
  put(0, 1);
  put_bytes(*repository_, 0, Bytes(4 * kStep, std::byte{9}));

  const auto stream = prune({});

  EXPECT_EQ(stored().size(), 2U);
  EXPECT_NE(stream.doubt.find("other bytes"), std::string::npos) << stream.doubt;
}

TEST_F(WalPrune, LeavesTheStreamOfARevokedMemberAndTakesItForNobodyElses) {
  put(0, 1);
  ASSERT_TRUE(add_member(*repository_, repository::Role::kWriter, "db1", key(9)));
  put_bytes(*open(disk_, 9), 0, ByteView{log_}.first(4 * kStep));
  repository_ = open(store_);
  ASSERT_TRUE(revoke_member(*repository_, "db1"));
  repository_ = open(store_);

  const auto report = try_prune({});

  ASSERT_TRUE(report && report->streams.size() == 2);
  EXPECT_EQ(stored().size(), 2U);
}

TEST_F(WalPrune, JudgesEachPieceByItsOwnHeader) {
  // A thief's first piece says that the stream is another cluster's, of which it forged a point.
  put(0, 1, header("78"));
  put(1, 2);
  put(2, 3);
  put(3, 4);

  const auto stream = prune({point(Lsn{0}), point(kBoundary, "78")});

  EXPECT_EQ(stored(), (Ranges{{1, 2}, {2, 3}, {3, 4}})) << "the thief's own goes";
  EXPECT_EQ(stream.doubtful.pieces, 2U);
  EXPECT_NE(stream.doubt.find("another cluster"), std::string::npos) << stream.doubt;
}

TEST_F(WalPrune, LeavesWhatIsLockedAndAllBehindIt) {
  for (std::uint64_t i = 0; i < 4; ++i)
    put(i, i + 1);
  store_.fail(StoreCall::kRemove, 2, ErrorKind::kDenied);

  const auto stream = prune({point(kBoundary)});

  EXPECT_EQ(stored().size(), 3U) << "no gap comes about";
  EXPECT_EQ(stream.before.pieces, 1U);
  EXPECT_EQ(stream.locked.pieces, 2U);
  prune({point(kBoundary)});
  EXPECT_EQ(stored(), (Ranges{{3, 4}}));
}

TEST_F(WalPrune, PassesAFailureOfTheStoreOn) {
  put(0, 1);
  put(1, 2);
  store_.fail(StoreCall::kRemove, 1, ErrorKind::kTransient);

  EXPECT_EQ(try_prune({point(kBoundary)}).error().kind, ErrorKind::kTransient);
}

TEST_F(WalPrune, SparesWhatItIsTold) {
  put(0, 1);
  put(1, 2);
  put(2, 3);

  prune({point(kBoundary)}, {.is_dry_run = false, .spared = {piece(0, 1)}});

  EXPECT_EQ(stored(), (Ranges{{0, 1}, {2, 3}}));
}

TEST_F(WalPrune, WithAPrunersKeyLeavesTheLogAlone) {
  ASSERT_TRUE(add_member(*repository_, repository::Role::kPruner, "cron", key(8)));
  const auto pruner = open(disk_, 8);
  EXPECT_EQ(prune_wal(*pruner, disk_, {}, {}, {})->left_alone, "") << "there is none";
  repository_ = open(store_);
  put(0, 1);
  put(0, 4);
  put(4, 5);

  const auto report = prune_wal(*pruner, disk_, {point(Lsn{9 * kSegment})}, {}, {});

  ASSERT_TRUE(report);
  EXPECT_NE(report->left_alone, "");
  EXPECT_EQ(stored().size(), 3U);
}

TEST_F(WalPrune, NamesWhatItWouldLeave) {
  put(3, 4);
  put(4, 5);
  put(4, 6);
  put(6, 7);

  const auto needed = needed_wal(*repository_, disk_, {point(kBoundary)});

  ASSERT_TRUE(needed) << needed.error().what;
  EXPECT_EQ(*needed, (std::vector{piece(4, 6), piece(6, 7)}));
  prune({point(kBoundary)});
  EXPECT_EQ(stored(), (Ranges{{4, 6}, {6, 7}}));
}

TEST_F(WalPrune, LeavesAStreamOfWhichNoHeaderCanBeRead) {
  put(0, 1);
  put(0, 2);
  for (const StreamPiece& each : {piece(0, 1), piece(0, 2)})
    ASSERT_TRUE(disk_.damage(repository::stream_piece_key(each),
                             [](Bytes& bytes) { std::ranges::fill(bytes, std::byte{0}); }));

  const auto stream = prune({point(kBoundary)});

  EXPECT_EQ(stored().size(), 2U);
  EXPECT_NE(stream.reason.find("no header"), std::string::npos);
  EXPECT_EQ(needed_wal(*repository_, disk_, {point(kBoundary)})->size(), 2U);
}

TEST_F(WalPrune, LeavesNoGapHoweverFarItCame) {
  bool is_finished = false;
  for (int writes = 0; !is_finished; ++writes) {
    for (const std::uint64_t i : {0U, 2U, 4U, 6U}) {
      put(i, i + 1);
      put(i, i + 2);
    }
    CrashingStore crashing{disk_, writes};
    is_finished = bool{prune_wal(*repository_, crashing, {point(kBoundary)}, {}, {})};
    std::uint64_t end = stored().front().first;
    EXPECT_LE(end, 4U);
    for (const auto& [from, to] : stored()) {
      EXPECT_LE(from, end) << "crashed at write " << writes;
      end = std::max(end, to);
    }
    EXPECT_EQ(end, 8U);
  }
  EXPECT_EQ(stored(), (Ranges{{4, 6}, {6, 8}}));
}

}  // namespace
}  // namespace reprieve::backup
