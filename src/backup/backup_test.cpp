#include "backup/backup.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "backup/repository_reader.hpp"
#include "io/temporary_folder.hpp"
#include "source/filesystem/capture.hpp"
#include "source/filesystem/restore.hpp"
#include "storage/faulty/faulty_store.hpp"
#include "storage/memory/memory_store.hpp"
#include "storage/retrying/retrying_store.hpp"

namespace reprieve::backup {
namespace {

/// A real tree, a repository in memory, and a store between them that can be made to fail.
class BackupOfFiles : public ::testing::Test {
 protected:
  BackupOfFiles() {
    auto made = io::TemporaryFolder::create();
    EXPECT_TRUE(made);
    folder.emplace(*std::move(made));
    source = folder->path() + "/source";
    std::filesystem::create_directory(source);
    EXPECT_TRUE(repository::Repository::create(store, key(), random, clock));
    auto opened = repository::Repository::open(store, key(), random, clock, {});
    EXPECT_TRUE(opened);
    repository = *std::move(opened);
  }

  static repository::UnlockKey key() {
    return {Secret{}, Secret::copy_of(as_bytes("0123456789abcdef0123456789abcdef"))};
  }
  /// Old enough that the next run trusts the time.
  void write(const std::string& name, std::string_view text) const {
    std::ofstream{source + "/" + name} << text;
    const struct timespec times[2] = {{1'500'000'000, 0}, {1'500'000'000, 0}};
    EXPECT_EQ(::utimensat(AT_FDCWD, (source + "/" + name).c_str(), times, 0), 0);
  }
  std::string read_restored(const std::string& name) const {
    std::ifstream in{folder->path() + "/target/" + name};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  BackupOutcome back_up_source() {
    CaptureOptions options;
    options.paths = {source};
    options.cache_path = folder->path() + "/cache";
    FilesystemSource capturer{options};
    Progress progress;
    auto outcome = back_up(
        *repository, capturer, {}, [](repository::Description&) {}, {}, progress, cancel);
    EXPECT_TRUE(outcome) << outcome.error().what;
    return outcome ? *std::move(outcome) : BackupOutcome{};
  }

  std::optional<io::TemporaryFolder> folder;
  std::string source;
  ManualClock clock{Instant{1'700'000'000'000'000'000}};
  SeededRandom random{3};
  CancelToken cancel;
  MemoryStore memory;
  FaultyStore* faulty = std::make_unique<FaultyStore>(memory).release();
  RetryingStore store{std::unique_ptr<ObjectStore>{faulty}, clock, random, &cancel};
  std::unique_ptr<repository::Repository> repository;
};

TEST_F(BackupOfFiles, CountsWhatIsNewAndWhatChanged) {
  write("kept", "as it was");
  write("edited", "before");
  write("removed", "x");
  const auto first = back_up_source().snapshot.statistics;
  EXPECT_EQ(first.files, 3U);
  EXPECT_EQ(first.files_new, 3U);
  EXPECT_EQ(first.files_changed, 0U);
  EXPECT_EQ(first.files_unchanged, 0U);

  write("edited", "after");
  write("added", "new");
  std::filesystem::remove(source + "/removed");
  const auto second = back_up_source().snapshot.statistics;
  EXPECT_EQ(second.files, 3U);
  EXPECT_EQ(second.files_new, 1U);
  EXPECT_EQ(second.files_changed, 1U);
  EXPECT_EQ(second.files_unchanged, 1U);
}

/// Gives away some megabytes of noise and fails once some of it is in the store, as a disk may that
/// is being read.
class FailingSource : public Source {
 public:
  Result<std::vector<Entry>> capture(CaptureSink& sink) override {
    SeededRandom noise{7};
    Bytes bytes(4 * 1024 * 1024);
    noise.fill(bytes);
    class Reader : public ByteReader {
     public:
      explicit Reader(ByteView of) : rest_{of} {}
      Result<std::size_t> read(MutableByteView out) override {
        const std::size_t size = std::min(out.size(), rest_.size());
        std::ranges::copy(rest_.first(size), out.begin());
        rest_ = rest_.subspan(size);
        return size;
      }

     private:
      ByteView rest_;
    } reader{bytes};
    auto content = sink.put_content(reader, Chunking::kContentDefined);
    if (!content) return std::move(content).error();
    while (is_failing && sink.progress().bytes_stored < kStoredBeforeFailing)
      std::this_thread::yield();
    if (is_failing) return Error{ErrorKind::kDenied, "the disk is gone"};
    Entry entry;
    entry.name = "noise";
    entry.content = *std::move(content);
    return std::vector{std::move(entry)};
  }
  static constexpr std::uint64_t kStoredBeforeFailing = 256 * 1024;
  bool is_failing = true;
};

TEST_F(BackupOfFiles, FindsWhatAFailedRunHadStored) {
  FailingSource source_of_noise;
  const auto run = [&] {
    Progress progress;
    repository::SessionOptions options;
    options.pack_bytes = 256 * 1024;
    return back_up(
        *repository, source_of_noise, {}, [](repository::Description&) {}, options, progress,
        cancel);
  };
  auto failed = run();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().what, "the disk is gone");  // And nothing of the abandoning.
  ASSERT_TRUE(repository->refresh());
  source_of_noise.is_failing = false;
  auto whole = run();
  ASSERT_TRUE(whole) << whole.error().what;
  const auto& statistics = whole->snapshot.statistics;
  EXPECT_LT(statistics.bytes_new, 4U * 1024 * 1024);
  EXPECT_EQ(statistics.bytes_dense / 4096, statistics.bytes_new / 4096);  // It is all noise.
}

TEST_F(BackupOfFiles, OutlivesPassingFailuresOfTheStore) {
  for (int i = 0; i < 20; ++i)
    write("f" + std::to_string(i), std::string(3000, static_cast<char>('a' + i)));
  faulty->fail(StoreCall::kPut, 2, ErrorKind::kTransient);
  const BackupOutcome outcome = back_up_source();

  Progress progress;
  RepositoryReader reader{*repository, progress, cancel};
  faulty->fail(StoreCall::kGet, 1, ErrorKind::kTransient);
  auto roots = reader.roots_of(outcome.snapshot);
  ASSERT_TRUE(roots) << roots.error().what;
  faulty->fail(StoreCall::kGet, 1, ErrorKind::kTransient);
  RestoreOptions options;
  options.target = folder->path() + "/target";
  const Duration before = clock.uptime();
  const auto restored = restore_files(reader, *std::move(roots), options);
  EXPECT_GT(clock.uptime(), before);  // A failure was waited out.
  ASSERT_TRUE(restored) << restored.error().what;
  EXPECT_EQ(restored->files_written, 20U);
  EXPECT_TRUE(reader.problems().empty());
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(read_restored("f" + std::to_string(i)),
              std::string(3000, static_cast<char>('a' + i)));
}

TEST_F(BackupOfFiles, ReportsAFailureThatDoesNotPass) {
  write("f", std::string(3000, 'x'));
  const BackupOutcome outcome = back_up_source();
  Progress progress;
  RepositoryReader reader{*repository, progress, cancel};
  faulty->fail_always(StoreCall::kGet, ErrorKind::kTransient);
  const auto roots = reader.roots_of(outcome.snapshot);
  ASSERT_FALSE(roots);
  EXPECT_EQ(roots.error().kind, ErrorKind::kTransient);
  EXPECT_NE(roots.error().what.find("tried 5 times"), std::string::npos);
}

}  // namespace
}  // namespace reprieve::backup
