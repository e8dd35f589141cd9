#include "backup/wal_archiver.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <thread>

#include "backup/wal_archive.hpp"
#include "io/directory.hpp"
#include "io/temporary_folder.hpp"
#include "repository/members.hpp"
#include "source/postgresql/test_wal_log.hpp"
#include "storage/faulty/faulty_store.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve::backup {
namespace {

constexpr std::uint64_t kSegment = TestWalLog::kSegment;
constexpr std::int64_t kPostgresEpoch = 946'684'800;  // 2000-01-01, in Unix seconds.

class Archiver : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = io::TemporaryFolder::create();
    ASSERT_TRUE(folder);
    folder_.emplace(*std::move(folder));
    Bytes block(65'521, std::byte{0});
    SeededRandom{1}.fill(block);
    for (std::size_t i = 0; i < log_.size(); ++i)
      log_[i] = block[i % block.size()];
    ASSERT_TRUE(repository::Repository::create(disk_, key_of(7), random_, clock_));
    repository_ = open_repository(7);
  }
  static repository::UnlockKey key_of(std::uint8_t seed) {
    repository::UnlockKey key;
    key.key_file_secret = Secret::copy_of(Bytes(32, std::byte{seed}));
    return key;
  }
  std::unique_ptr<repository::Repository> open_repository(std::uint8_t seed) {
    auto opened = repository::Repository::open(store_, key_of(seed), random_, clock_, {});
    EXPECT_TRUE(opened);
    return *std::move(opened);
  }
  std::vector<ObjectKey> objects() {
    std::vector<ObjectKey> keys;
    EXPECT_TRUE(disk_.list("stream/", [&](const ObjectInfo& object) -> Result<> {
      keys.push_back(object.key);
      return kOk;
    }));
    return keys;
  }
  std::unique_ptr<WalArchiver> open() {
    auto archiver = WalArchiver::open(*repository_, {.folder = folder_->path("wal")});
    EXPECT_TRUE(archiver) << archiver.error().what;
    return archiver ? *std::move(archiver) : nullptr;
  }
  static WalOrigin origin(std::uint32_t timeline = 1, std::string history = "") {
    return {.source = "db",
            .system_identifier = "77",
            .timeline = timeline,
            .segment_size = kSegment,
            .page_size = 8192,
            .server_version_num = 150000,
            .history = std::move(history)};
  }
  void receive(WalArchiver& archiver, std::uint64_t from, std::uint64_t to) {
    ASSERT_TRUE(archiver.write(Lsn{from}, ByteView{log_}.subspan(from, to - from)));
    const auto durable = archiver.sync();
    ASSERT_TRUE(durable);
    EXPECT_EQ(durable->value, to);
  }
  /// Stores everything that was received, in this thread.
  static Result<> store_all(WalArchiver& archiver) {
    archiver.finish();
    return archiver.run();
  }
  WalArchive archive() {
    auto opened = WalArchive::open(*repository_, {.source = "db", .system_identifier = ""});
    EXPECT_TRUE(opened) << opened.error().what;
    return *std::move(opened);
  }
  /// All that the repository holds of a timeline, which is one stretch from `from` to `to`.
  void expect_held(std::uint32_t timeline, std::uint64_t from, std::uint64_t to) {
    const WalArchive held = archive();
    const auto& stretches = held.map().timelines.at(timeline).stretches();
    ASSERT_EQ(stretches, (std::vector{LsnRange{{from}, {to}}}));
    for (std::uint64_t segment = from / kSegment; segment * kSegment < to; ++segment) {
      Bytes bytes;
      for (const auto& part : cover_segment(held.map(), {timeline, segment})) {
        const auto read = held.read(part);
        ASSERT_TRUE(read) << read.error().what;
        bytes.insert(bytes.end(), read->begin(), read->end());
      }
      const std::uint64_t end = std::min(to, (segment + 1) * kSegment);
      ASSERT_EQ(bytes,
                copy_of(ByteView{log_}.subspan(segment * kSegment, end - segment * kSegment)));
    }
  }

  static Instant at(int second) { return Instant{(kPostgresEpoch + second) * 1'000'000'000}; }
  /// Replaces the log's beginning by commits a second apart. Returns where each ends.
  std::vector<std::uint64_t> write_commits(int count) {
    TestWalLog log{0};
    std::vector<std::uint64_t> ends;
    for (int i = 1; i <= count; ++i) {
      log.transaction(0x00, i * 1'000'000L);
      ends.push_back(log.end());
    }
    log.switch_segment();
    log.filler(10'000);
    std::ranges::copy(log.bytes(), log_.begin());
    return ends;
  }
  struct Commits {
    std::uint64_t to = 0;
    std::uint64_t commits = 0;
    std::optional<Instant> last;
    friend bool operator==(const Commits&, const Commits&) = default;
  };
  /// What the headers of timeline 1 tell, all of proved records.
  std::vector<Commits> commits_of_pieces() {
    const WalArchive held = archive();
    std::vector<Commits> told;
    for (const WalPiece& piece : held.map().timelines.at(1).pieces) {
      const auto header = held.header(piece.number);
      EXPECT_TRUE(header && header->is_proved) << piece.range.from.value;
      if (header) told.push_back({piece.range.to.value, header->commits, header->last_commit});
    }
    return told;
  }

  MemoryStore disk_;
  FaultyStore store_{disk_};
  SeededRandom random_{1};
  ManualClock clock_{Instant{1'700'000'000'000'000'000}};
  std::optional<io::TemporaryFolder> folder_;
  std::unique_ptr<repository::Repository> repository_;
  Bytes log_ = Bytes(5 * kSegment, std::byte{0});
};

TEST_F(Archiver, StoresWhatWasReceivedAndDropsItFromTheDisk) {
  const auto archiver = open();
  ASSERT_EQ(*archiver->begin(origin(), Lsn{kSegment + 300}, false), Lsn{kSegment});
  receive(*archiver, kSegment, 3 * kSegment + 100);
  ASSERT_TRUE(store_all(*archiver));
  expect_held(1, kSegment, 3 * kSegment + 100);
  EXPECT_EQ(archiver->status().waiting, 0U);
  EXPECT_EQ(archiver->status().stored.value, 3 * kSegment + 100);
}

TEST_F(Archiver, GoesOnAfterARestartFromTheSegmentsStart) {
  {
    const auto archiver = open();
    ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
    receive(*archiver, 0, kSegment + 5000);
    ASSERT_TRUE(store_all(*archiver));
  }
  {  // Killed before anything of this was stored.
    const auto archiver = open();
    ASSERT_EQ(*archiver->begin(origin(), Lsn{0}, false), Lsn{kSegment});
    receive(*archiver, kSegment, kSegment + 9000);
  }
  const auto archiver = open();
  EXPECT_EQ(archiver->status().waiting, 4000U) << "it is stored though the server is gone";
  EXPECT_EQ(archiver->status().durable.value, kSegment + 9000);
  ASSERT_TRUE(store_all(*archiver));
  expect_held(1, 0, kSegment + 9000);
  EXPECT_EQ(objects().front().substr(0, 40), objects().back().substr(0, 40));
}

TEST_F(Archiver, PutsASegmentOfManyPiecesOnceMoreAsOne) {
  for (std::uint64_t at = 0; at < kSegment; at += kSegment / 32) {
    const auto archiver = open();
    ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
    receive(*archiver, 0, at + kSegment / 32);
    ASSERT_TRUE(store_all(*archiver));
  }
  const WalArchive held = archive();
  const auto parts = cover_segment(held.map(), {1, 0});
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].range.length(), kSegment);
  expect_held(1, 0, kSegment);
}

TEST_F(Archiver, FollowsATimelineAndKeepsItsHistory) {
  const auto archiver = open();
  ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
  receive(*archiver, 0, kSegment + 100);
  ASSERT_EQ(*archiver->begin(origin(2, "1\t0/100050\tx\n"), Lsn{kSegment + 0x50}, false),
            Lsn{kSegment});
  receive(*archiver, kSegment, 2 * kSegment);
  ASSERT_TRUE(store_all(*archiver));
  expect_held(1, 0, kSegment + 100);
  expect_held(2, kSegment, 2 * kSegment);
  EXPECT_EQ(archive().map().timelines.at(2).history, "1\t0/100050\tx\n");
  EXPECT_EQ(io::list_dir(folder_->path("wal"))->size(), 2U) << "the lock and the second timeline";
}

TEST_F(Archiver, TriesAgainWhileTheStoreFailsAndKeepsWhatIsLeft) {
  {
    const auto archiver = open();
    ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
    receive(*archiver, 0, 5000);
    store_.fail(StoreCall::kPut, 1, ErrorKind::kTransient);
    EXPECT_EQ(store_all(*archiver).error().kind, ErrorKind::kTransient);
    EXPECT_NE(archiver->status().problem, "");
    EXPECT_EQ(archiver->status().waiting, 5000U);
  }
  ASSERT_TRUE(store_all(*open()));
  expect_held(1, 0, 5000);
}

TEST_F(Archiver, TellsEachPiecesOwnCommitsThoughAPutFailed) {
  const auto ends = write_commits(3);
  const auto archiver = open();
  ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
  receive(*archiver, 0, ends[0]);
  store_.fail(StoreCall::kPut, 1, ErrorKind::kTransient);
  ASSERT_FALSE(store_all(*archiver));
  receive(*archiver, 0, ends[1]);  // More is there when it is tried again.
  ASSERT_TRUE(store_all(*archiver));
  receive(*archiver, ends[1], ends[2]);
  ASSERT_TRUE(store_all(*archiver));

  EXPECT_EQ(commits_of_pieces(),
            (std::vector<Commits>{{ends[0], 1, at(1)}, {ends[1], 1, at(2)}, {ends[2], 1, at(3)}}));
}

TEST_F(Archiver, TellsAllCommitsOfASegmentThatIsPutOnceMoreThoughThatFailed) {
  const auto ends = write_commits(20);
  const auto archiver = open();
  ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
  for (int i = 0; i < 20; ++i) {
    receive(*archiver, 0, ends[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(store_all(*archiver));
  }
  receive(*archiver, ends[19], kSegment);
  store_.fail(StoreCall::kPut, 2, ErrorKind::kTransient);
  ASSERT_FALSE(store_all(*archiver));
  EXPECT_EQ(archiver->status().stored.value, ends[19]) << "both pieces, or not stored";
  receive(*archiver, kSegment, kSegment + 100);
  ASSERT_TRUE(store_all(*archiver));

  const auto pieces = commits_of_pieces();
  ASSERT_EQ(pieces.size(), 23U);
  EXPECT_EQ(pieces.front(), (Commits{kSegment, 20, at(20)})) << "the longest comes first";
  expect_held(1, 0, kSegment + 100);
}

TEST_F(Archiver, TellsAllCommitsOfASegmentThatWasStoredByTwoRuns) {
  const auto ends = write_commits(20);
  {
    const auto archiver = open();
    ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
    receive(*archiver, 0, ends[9]);
    ASSERT_TRUE(store_all(*archiver));
  }
  const auto archiver = open();
  ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
  receive(*archiver, 0, kSegment);
  ASSERT_TRUE(store_all(*archiver));

  EXPECT_EQ(commits_of_pieces(),
            (std::vector<Commits>{
                {kSegment, 20, at(20)}, {ends[9], 10, at(10)}, {kSegment, 10, at(20)}}));
}

TEST_F(Archiver, StoresBesideTheReceiver) {
  const auto archiver = open();
  ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
  std::thread storing{[&] { EXPECT_TRUE(archiver->run()); }};
  constexpr std::uint64_t kStep = kSegment / 8;
  for (std::uint64_t at = 0; at < 2 * kSegment; at += kStep) {
    receive(*archiver, at, at + kStep);
    archiver->heard(Lsn{at + kStep}, clock_.now());
    clock_.sleep_for(std::chrono::seconds{1});
    EXPECT_EQ(archiver->status().problem, "") << at;
  }
  archiver->finish();
  storing.join();
  expect_held(1, 0, 2 * kSegment);
}

TEST_F(Archiver, WithAnotherKeyGoesOnInAStreamOfItsOwn) {
  {
    const auto archiver = open();
    ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
    receive(*archiver, 0, kSegment + 5000);
    ASSERT_TRUE(store_all(*archiver));
    receive(*archiver, kSegment, kSegment + 9000);
  }
  ASSERT_TRUE(repository::add_member(*repository_, repository::Role::kWriter, "db1", key_of(9)));
  {
    const auto writer = open_repository(9);
    const auto archiver = WalArchiver::open(*writer, {.folder = folder_->path("wal")});
    ASSERT_TRUE(archiver) << archiver.error().what;
    ASSERT_EQ(*(*archiver)->begin(origin(), Lsn{0}, false), Lsn{kSegment});
    receive(**archiver, kSegment, kSegment + 12'000);
    ASSERT_TRUE(store_all(**archiver));
  }
  repository_ = open_repository(7);  // Which knows the new member.
  expect_held(1, 0, kSegment + 12'000);
  std::set<std::string> streams;
  for (const ObjectKey& piece : objects())
    streams.insert(piece.substr(0, piece.rfind('/')));
  EXPECT_EQ(streams.size(), 2U);
}

TEST_F(Archiver, RemovesAFolderThatItWasRemovingWhenItDied) {
  {
    const auto archiver = open();
    ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
    receive(*archiver, 0, 100);
    ASSERT_TRUE(store_all(*archiver));
  }
  const std::string wal = folder_->path("wal");
  std::string name = io::list_dir(wal)->front();
  ASSERT_EQ(std::rename((wal + "/" + name).c_str(), (wal + "/" + name + ".gone").c_str()), 0);
  open();
  EXPECT_EQ(*io::list_dir(wal), std::vector<std::string>{"lock"});
}

TEST_F(Archiver, RefusesAnotherServerAndASecondReceiver) {
  const auto archiver = open();
  EXPECT_EQ(WalArchiver::open(*repository_, {.folder = folder_->path("wal")}).error().kind,
            ErrorKind::kConflict);
  ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
  receive(*archiver, 0, 5000);
  WalOrigin other = origin();
  other.system_identifier = "78";
  EXPECT_EQ(archiver->begin(other, Lsn{0}, false).error().kind, ErrorKind::kConflict);
}

TEST_F(Archiver, RefusesATimelineOfAnotherHistory) {
  const auto archiver = open();
  ASSERT_TRUE(archiver->begin(origin(2, "1\t0/50\tx\n"), Lsn{0}, false));
  receive(*archiver, 0, 5000);
  EXPECT_EQ(archiver->begin(origin(2, "1\t0/40\tx\n"), Lsn{0}, false).error().kind,
            ErrorKind::kConflict);
  EXPECT_TRUE(archiver->begin(origin(2, "1\t0/50\tx\n"), Lsn{0}, false));
}

TEST_F(Archiver, RefusesAServerThatWentBackBehindWhatIsStored) {
  {
    const auto archiver = open();
    ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
    receive(*archiver, 0, 5000);
    ASSERT_TRUE(store_all(*archiver));
  }
  const auto archiver = open();
  ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
  EXPECT_EQ(archiver->write(Lsn{0}, Bytes(5000, std::byte{9})).error().kind, ErrorKind::kConflict);
}

TEST_F(Archiver, BeginsAnewAfterAGapWhichIsNeverTakenForTheEnd) {
  const auto archiver = open();
  ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
  receive(*archiver, 0, 5000);
  ASSERT_EQ(*archiver->begin(origin(), Lsn{4 * kSegment}, true), Lsn{4 * kSegment});
  receive(*archiver, 4 * kSegment, 5 * kSegment);
  ASSERT_TRUE(store_all(*archiver));
  const WalArchive held = archive();
  EXPECT_EQ(held.map().timelines.at(1).stretches().size(), 2U);
  std::string message;
  const std::string target = folder_->path("fetched");
  EXPECT_EQ(fetch_wal(held, format_segment_name({1, 0}, kSegment), target, false, message), 200);
  EXPECT_EQ(fetch_wal(held, format_segment_name({1, 2}, kSegment), target, false, message), 200);
  EXPECT_EQ(fetch_wal(held, format_segment_name({1, 4}, kSegment), target, false, message), 0);
  EXPECT_EQ(fetch_wal(held, format_segment_name({1, 5}, kSegment), target, false, message), 1);
}

TEST_F(Archiver, DoesNotDenyAFileWhileAStreamCannotBeRead) {
  {
    const auto archiver = open();
    ASSERT_TRUE(archiver->begin(origin(), Lsn{0}, false));
    receive(*archiver, 0, kSegment);
    ASSERT_TRUE(store_all(*archiver));
  }
  for (const ObjectKey& key : objects())
    ASSERT_TRUE(disk_.damage(key, [](Bytes& bytes) { std::ranges::fill(bytes, std::byte{0}); }));
  const WalArchive held = archive();
  std::string message;
  EXPECT_EQ(
      fetch_wal(held, format_segment_name({1, 5}, kSegment), folder_->path("f"), false, message),
      200);
}

}  // namespace
}  // namespace reprieve::backup
