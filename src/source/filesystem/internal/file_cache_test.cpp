#include "source/filesystem/internal/file_cache.hpp"

#include <filesystem>

#include "source/filesystem/internal/real_tree_fixture.hpp"

namespace reprieve::filesystem {
namespace {

class Cache : public RealTree {
 protected:
  Cache() { cache_path = source + "-cache"; }

  /// A capture of a time long after all that the test has written.
  std::vector<Entry> later(MemorySink& sink) {
    CaptureOptions options = capture_options();
    options.cache_path = cache_path;
    clock.sleep_for(std::chrono::hours{1});
    auto entries = FilesystemSource{options, clock}.capture(sink);
    EXPECT_TRUE(entries);
    return entries ? *std::move(entries) : std::vector<Entry>{};
  }
  void make_tree() {
    for (unsigned i = 0; i < 5; ++i) {
      const std::string directory = source + "/d" + std::to_string(i);
      make_directory(directory);
      make_directory(directory + "/sub");
      for (unsigned j = 0; j < 10; ++j)
        write(directory + "/f" + std::to_string(j), noise(1000, 100 * i + j));
      write(directory + "/sub/small", "small");
      EXPECT_EQ(::symlink("x", (directory + "/l").c_str()), 0);
    }
    EXPECT_EQ(::link((source + "/d0/f0").c_str(), (source + "/d1/linked").c_str()), 0);
  }
  void expect_restores(const std::vector<Entry>& entries) {
    MemoryReader reader{repository};
    RestoreOptions options = restore_options();
    options.delete_extra = true;
    restore(reader, entries, options);
    EXPECT_TRUE(reader.problems.empty());
    EXPECT_EQ(describe(target), describe(source));
  }

  std::string cache_path;
  ManualClock clock{system_clock().now()};
};

TEST_F(Cache, ReadsNoUnchangedFileAgain) {
  make_tree();
  MemorySink first{repository};
  const auto before = later(first);
  EXPECT_EQ(first.contents_put, 55);
  MemorySink second{repository};
  const auto after = later(second);
  EXPECT_EQ(second.contents_put, 0);
  EXPECT_EQ(second.directories_put, 0);
  EXPECT_EQ(after, before);
  EXPECT_EQ(second.progress().files_total, 61U);
  EXPECT_EQ(second.progress().files, 61U);
  EXPECT_EQ(first.progress().files_unchanged, 0U);
  EXPECT_EQ(second.progress().files_unchanged, 61U);
  EXPECT_EQ(second.progress().directories, 11U);
  EXPECT_EQ(second.progress().bytes, second.progress().bytes_total);
  EXPECT_EQ(second.progress().bytes_unchanged, second.progress().bytes);
  expect_restores(after);
}

TEST_F(Cache, ReadsOnlyWhatChanged) {
  make_tree();
  MemorySink first{repository};
  later(first);
  write(source + "/d1/f3", noise(1000, 9999));
  ::unlink((source + "/d2/f4").c_str());
  write(source + "/d3/new", noise(700, 7));
  ::rename((source + "/d4/f1").c_str(), (source + "/d4/f0").c_str());
  ::chmod((source + "/d0/sub").c_str(), 0700);
  MemorySink second{repository};
  const auto entries = later(second);
  EXPECT_EQ(second.contents_put, 3);     // d1/f3, d3/new, d4/f0
  EXPECT_EQ(second.directories_put, 6);  // d0 to d4 and the root; no sub
  expect_restores(entries);
  MemorySink third{repository};
  EXPECT_EQ(later(third), entries);
  EXPECT_EQ(third.contents_put, 0);
}

TEST_F(Cache, SeesAChangeThatKeepsSizeAndModificationTime) {
  write(source + "/f", "good");
  set_time(source + "/f", 1'600'000'000);
  MemorySink first{repository};
  later(first);
  write(source + "/f", "evil");
  set_time(source + "/f", 1'600'000'000);
  MemorySink second{repository};
  expect_restores(later(second));
  EXPECT_EQ(second.contents_put, 1);
}

TEST_F(Cache, DoesNotTrustWhatChangedJustBeforeTheCapture) {
  write(source + "/f", "text");
  CaptureOptions options = capture_options();
  options.cache_path = cache_path;
  MemorySink first{repository};
  capture(first, options);
  MemorySink second{repository};
  capture(second, options);
  EXPECT_EQ(second.contents_put, 1);
  // Of a content that turned out the same, the directory is not stored anew.
  EXPECT_EQ(second.directories_put, 0);
}

TEST_F(Cache, ReadsAgainWhatTheRepositoryLost) {
  make_tree();
  MemorySink first{repository};
  const auto before = later(first);
  for (const ChunkId& id : repository.ids())
    repository.remove(id);
  MemorySink second{repository};
  const auto after = later(second);
  EXPECT_EQ(second.contents_put, 50);  // All but the inline ones.
  EXPECT_EQ(after, before);
  expect_restores(after);
}

TEST_F(Cache, IsIgnoredWhereItIsDamaged) {
  make_tree();
  MemorySink first{repository};
  const auto before = later(first);
  const std::string good = read(cache_path);
  ASSERT_FALSE(good.empty());
  SeededRandom random{1};
  for (int i = 0; i < 30; ++i) {
    std::string bad = good;
    if (i % 3 == 0) {
      bad.resize(random.next() % bad.size());
    } else {
      char& byte = bad[random.next() % bad.size()];
      byte = static_cast<char>(byte ^ 0x41);
    }
    write(cache_path, bad);
    MemorySink sink{repository};
    EXPECT_EQ(later(sink), before);
  }
}

TEST_F(Cache, IsIgnoredForOtherPaths) {
  make_tree();
  MemorySink first{repository};
  later(first);
  const FileCache same{cache_path, 1};
  EXPECT_EQ(same.size(), 0U);
}

TEST_F(Cache, KeepsWhatAnInterruptedRunFound) {
  make_tree();
  CaptureOptions options = capture_options();
  options.cache_path = cache_path;
  options.threads = 1;
  clock.sleep_for(std::chrono::hours{1});
  MemorySink first{repository};
  first.before_reading = [&] {
    if (first.contents_put == 30) first.cancel_token.request();
  };
  EXPECT_FALSE((FilesystemSource{options, clock}.capture(first)));
  MemorySink second{repository};
  expect_restores(later(second));
  EXPECT_LT(second.contents_put, 40);
}

TEST_F(Cache, TakesOverWhatAKilledRunHadPutOnRecord) {
  make_tree();
  CaptureOptions options = capture_options();
  options.cache_path = cache_path;
  options.threads = 1;
  options.checkpoint_interval = Duration{};
  clock.sleep_for(std::chrono::hours{1});
  MemorySink killed{repository};
  killed.before_reading = [&] {
    if (killed.contents_put != 30) return;
    std::filesystem::copy_file(cache_path + ".new", cache_path + ".saved");
    killed.cancel_token.request();
  };
  EXPECT_FALSE((FilesystemSource{options, clock}.capture(killed)));
  std::filesystem::remove(cache_path);  // A kill would have left the other one alone.
  std::filesystem::rename(cache_path + ".saved", cache_path + ".new");

  MemorySink next{repository};
  expect_restores(later(next));
  EXPECT_LT(next.contents_put, 40);
  EXPECT_FALSE(std::filesystem::exists(cache_path + ".new"));
  EXPECT_FALSE(std::filesystem::exists(cache_path + ".remains"));
}

TEST_F(Cache, TakesOverRemainsAgainIfItWasStoppedWhileItDid) {
  make_tree();
  MemorySink first{repository};
  later(first);
  std::filesystem::rename(cache_path, cache_path + ".remains");
  write(cache_path + ".new", "half of what was to be the next cache");
  MemorySink second{repository};
  expect_restores(later(second));
  EXPECT_EQ(second.contents_put, 0);
}

TEST_F(Cache, IsTheSameWithManyCheckpointsOnTheWay) {
  make_tree();
  CaptureOptions options = capture_options();
  options.cache_path = cache_path;
  options.checkpoint_interval = Duration{};
  clock.sleep_for(std::chrono::hours{1});
  MemorySink first{repository};
  const auto before = FilesystemSource{options, clock}.capture(first);
  ASSERT_TRUE(before);
  MemorySink second{repository};
  EXPECT_EQ(later(second), *before);
  EXPECT_EQ(second.contents_put, 0);
}

TEST_F(Cache, CountsWhatWasRemovedAndWhatOnlyGotAnotherName) {
  make_tree();
  MemorySink first{repository};
  later(first);
  std::filesystem::remove(source + "/d0/f3");
  std::filesystem::remove(source + "/d0/l");
  std::filesystem::rename(source + "/d1/f5", source + "/d1/f5.locked");
  std::filesystem::rename(source + "/d2/f9", source + "/d2/a");
  write(source + "/d3/new", noise(700, 7));
  MemorySink second{repository};
  later(second);
  EXPECT_EQ(second.progress().files_removed, 4U);
  EXPECT_EQ(second.progress().files_renamed, 2U);
  EXPECT_EQ(second.progress().files_new, 3U);
}

TEST_F(Cache, WorksWithoutAPlaceToWriteTo) {
  make_tree();
  cache_path = source + "/no/such/folder/cache";
  MemorySink sink{repository};
  expect_restores(later(sink));
}

}  // namespace
}  // namespace reprieve::filesystem
