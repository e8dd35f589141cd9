#include <gtest/gtest.h>

#include "source/filesystem/internal/file_writer.hpp"
#include "source/filesystem/internal/real_tree_fixture.hpp"
#include "source/filesystem/restore.hpp"

namespace reprieve::filesystem {
namespace {

constexpr std::size_t kChunk = 1000;
constexpr std::size_t kChunks = 10;

/// Restores over files that hold some of what they should.
class RestoreOverExisting : public RealTree {
 protected:
  RestoreOverExisting() { repository.chunk_size = kChunk; }

  /// Captures the source and restores it, so that the target holds everything.
  void begin() {
    MemorySink sink{repository};
    roots = capture(sink);
    MemoryReader first{repository};
    restore(first, roots);
    ASSERT_EQ(describe(target), describe(source));
  }
  /// Restores again; afterwards all must be as it was captured.
  RestoreSummary again(MemoryReader& from) {
    const RestoreSummary summary = restore(from, roots);
    EXPECT_TRUE(from.problems.empty()) << from.problems[0].what;
    EXPECT_EQ(describe(target), describe(source));
    return summary;
  }
  static std::uint64_t inode_of(const std::string& path) {
    struct stat found;
    EXPECT_EQ(::lstat(path.c_str(), &found), 0);
    return found.st_ino;
  }
  static void overwrite(const std::string& path, std::size_t offset, std::string_view text) {
    const io::FileHandle handle{::open(path.c_str(), O_WRONLY)};
    EXPECT_EQ(::pwrite(handle.fd(), text.data(), text.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(text.size()));
  }

  std::vector<Entry> roots;
  MemoryReader reader{repository};
};

TEST_F(RestoreOverExisting, BringsNothingForAFileThatWasOnlyTouched) {
  write(source + "/big", noise(kChunk * kChunks));
  write(source + "/small", "small");
  write(source + "/empty", "");
  begin();
  const std::uint64_t inode = inode_of(target + "/big");
  for (const char* name : {"/big", "/small", "/empty"}) {
    set_time(target + name, 1'000'000'000);
    ::chmod((target + name).c_str(), 0600);
  }
  const RestoreSummary summary = again(reader);
  EXPECT_EQ(reader.chunks_fetched, 0);
  EXPECT_EQ(summary.files_written, 0U);
  EXPECT_EQ(summary.bytes_written, 0U);
  EXPECT_EQ(summary.files_unchanged, 3U);
  EXPECT_EQ(inode_of(target + "/big"), inode);
}

TEST_F(RestoreOverExisting, BringsTheOneBlockThatChanged) {
  write(source + "/big", noise(kChunk * kChunks + 500));
  begin();
  const std::uint64_t inode = inode_of(target + "/big");
  overwrite(target + "/big", 3 * kChunk + 10, "changed");
  const RestoreSummary summary = again(reader);
  EXPECT_EQ(reader.chunks_fetched, 1);
  EXPECT_EQ(summary.files_written, 1U);
  EXPECT_EQ(summary.bytes_written, kChunk);
  EXPECT_EQ(summary.bytes_kept, kChunk * (kChunks - 1) + 500);
  EXPECT_EQ(reader.progress().bytes, kChunk * kChunks + 500);
  EXPECT_NE(inode_of(target + "/big"), inode);  // The old content was never a mixture.
}

TEST_F(RestoreOverExisting, BringsTheEndOfAFileThatBecameShorter) {
  write(source + "/log", noise(kChunk * kChunks));
  begin();
  EXPECT_EQ(::truncate((target + "/log").c_str(), 4 * kChunk + 1), 0);
  EXPECT_EQ(again(reader).bytes_written, 6 * kChunk);
  EXPECT_EQ(reader.chunks_fetched, 6);
}

TEST_F(RestoreOverExisting, CutsOffTheEndOfAFileThatGrew) {
  write(source + "/log", noise(kChunk * kChunks));
  write(source + "/note", "short");
  begin();
  write(target + "/log", noise(kChunk * kChunks) + "and more");
  write(target + "/note", "short, then longer");
  const RestoreSummary summary = again(reader);
  EXPECT_EQ(reader.chunks_fetched, 0);
  EXPECT_EQ(summary.files_written, 2U);
  EXPECT_EQ(summary.bytes_written, 5U);
  EXPECT_EQ(summary.bytes_kept, kChunk * kChunks);
}

TEST_F(RestoreOverExisting, ReplacesSmallContentsThatDiffer) {
  write(source + "/small", "one");
  write(source + "/emptied", "");
  begin();
  write(target + "/small", "two");
  write(target + "/emptied", "text");
  EXPECT_EQ(again(reader).files_written, 2U);
}

TEST_F(RestoreOverExisting, LooksIntoHoles) {
  constexpr off_t kHole = 1 << 20;
  for (const std::string name : {"/touched", "/dirty", "/changed"}) {
    write(source + name, noise(kChunk * 3 + 7));
    EXPECT_EQ(::truncate((source + name).c_str(), kHole), 0);
    const io::FileHandle handle{::open((source + name).c_str(), O_WRONLY)};
    const std::string end = noise(kChunk * 2, 2);
    EXPECT_EQ(::pwrite(handle.fd(), end.data(), end.size(), kHole),
              static_cast<ssize_t>(end.size()));
  }
  write(source + "/all", "");
  EXPECT_EQ(::truncate((source + "/all").c_str(), kHole), 0);
  begin();
  set_time(target + "/touched", 1'000'000'000);
  set_time(target + "/all", 1'000'000'000);
  overwrite(target + "/dirty", kHole / 2, "x");
  overwrite(target + "/changed", kHole + 1, "x");
  const RestoreSummary summary = again(reader);
  EXPECT_EQ(summary.files_unchanged, 2U);
  EXPECT_EQ(summary.files_written, 2U);
  EXPECT_EQ(reader.chunks_fetched, 1);
}

TEST_F(RestoreOverExisting, LeavesOtherNamesOfAnInodeAlone) {
  write(source + "/a", noise(kChunk * 3));
  begin();
  const std::string elsewhere = source + "-other-name";
  EXPECT_EQ(::link((target + "/a").c_str(), elsewhere.c_str()), 0);
  set_time(elsewhere, 1'000'000'000);
  const RestoreSummary summary = again(reader);
  EXPECT_EQ(reader.chunks_fetched, 0);
  EXPECT_EQ(summary.bytes_kept, kChunk * 3);
  struct stat found;
  ::stat(elsewhere.c_str(), &found);
  EXPECT_EQ(found.st_mtime, 1'000'000'000);
  EXPECT_EQ(found.st_nlink, 1U);
}

TEST_F(RestoreOverExisting, KeepsTouchedHardLinksTogether) {
  write(source + "/a", noise(kChunk * 3));
  EXPECT_EQ(::link((source + "/a").c_str(), (source + "/b").c_str()), 0);
  begin();
  set_time(target + "/a", 1'000'000'000);
  again(reader);
  EXPECT_EQ(reader.chunks_fetched, 0);
}

TEST_F(RestoreOverExisting, ComparesContentsIfTimesAreNotTrusted) {
  write(source + "/same", noise(kChunk * 3));
  write(source + "/evil", noise(kChunk * 3, 2));
  set_time(source + "/evil", 1'600'000'000);
  begin();
  overwrite(target + "/evil", 0, "evil");
  set_time(target + "/evil", 1'600'000'000);
  RestoreOptions options = restore_options();
  options.trust_times = false;
  const RestoreSummary summary = restore(reader, roots, options);
  EXPECT_EQ(summary.files_unchanged, 1U);
  EXPECT_EQ(reader.chunks_fetched, 1);
  EXPECT_EQ(describe(target), describe(source));
}

TEST_F(RestoreOverExisting, SaysInADryRunWhatItWouldBring) {
  write(source + "/touched", noise(kChunk * 3));
  write(source + "/changed", noise(kChunk * 3, 2));
  begin();
  set_time(target + "/touched", 1'000'000'000);
  overwrite(target + "/changed", 0, "x");
  const auto before = describe(target);
  RestoreOptions options = restore_options();
  options.dry_run = true;
  const RestoreSummary summary = restore(reader, roots, options);
  EXPECT_EQ(summary.files_unchanged, 1U);
  EXPECT_EQ(summary.files_written, 1U);
  EXPECT_EQ(summary.bytes_written, kChunk);
  EXPECT_EQ(summary.bytes_kept, 2 * kChunk);
  EXPECT_EQ(describe(target), before);
}

TEST_F(RestoreOverExisting, NeedsNoRepositoryForWhatIsAtHand) {
  write(source + "/a", noise(kChunk * 3));
  begin();
  const auto entries = reader.read_directory(*roots[0].directory);
  for (const ChunkRef& chunk : entries->at(0).content.chunks)
    repository.remove(chunk.id);
  set_time(target + "/a", 1'000'000'000);
  EXPECT_EQ(again(reader).problems, 0U);
}

TEST_F(RestoreOverExisting, TakesOverWhatARunLeftUnderTheFinalName) {
  // Complete, but stopped before its metadata were.
  write(source + "/f", noise(kChunk));
  ::chmod((source + "/f").c_str(), 0644);
  begin();
  ::chmod((target + "/f").c_str(), 0600);
  set_time(target + "/f", 1'700'000'000);
  EXPECT_EQ(again(reader).files_unchanged, 1U);
  EXPECT_EQ(reader.chunks_fetched, 0);
}

class RestoreOverLeftOver : public RestoreOverExisting {
 protected:
  /// As a run that was killed leaves it: some chunks in place, the others not.
  void leave_part(const std::string& content, mode_t mode) {
    write(source + "/big", content);
    MemorySink sink{repository};
    roots = capture(sink);
    make_directory(target);
    part = target + "/" + temporary_name("big", 0);
    write(part, content.substr(0, 4 * kChunk) + std::string(2 * kChunk, '\0') + "torn");
    ::chmod(part.c_str(), mode);
  }
  std::string part;
};

TEST_F(RestoreOverLeftOver, GoesOnWithItsChunks) {
  leave_part(noise(kChunk * kChunks), 0600);
  const std::uint64_t inode = inode_of(part);
  const RestoreSummary summary = again(reader);
  EXPECT_EQ(reader.chunks_fetched, 6);
  EXPECT_EQ(summary.bytes_written, 6 * kChunk);
  EXPECT_EQ(summary.bytes_kept, 4 * kChunk);
  EXPECT_EQ(inode_of(target + "/big"), inode);
  EXPECT_FALSE(exists(part));
}

TEST_F(RestoreOverLeftOver, BeginsAnewIfOthersMayHaveItOpen) {
  leave_part(noise(kChunk * kChunks), 0666);
  const io::FileHandle open{::open(part.c_str(), O_WRONLY)};
  const std::uint64_t inode = inode_of(part);
  again(reader);
  EXPECT_EQ(reader.chunks_fetched, 10);
  EXPECT_NE(inode_of(target + "/big"), inode);
  EXPECT_FALSE(exists(part));
}

TEST_F(RestoreOverLeftOver, PrefersAnExistingFileThatHoldsMore) {
  const std::string content = noise(kChunk * kChunks);
  leave_part(content, 0600);
  write(target + "/big", content.substr(0, 9 * kChunk));
  again(reader);
  EXPECT_EQ(reader.chunks_fetched, 1);
  EXPECT_FALSE(exists(part));
}

/// Overwrites a file after its pieces were found, before they are taken.
class MeddlingReader : public MemoryReader {
 public:
  using MemoryReader::MemoryReader;
  bool is_chunk(const ChunkId& id, ByteView plaintext) override {
    if (++looks == kChunks) meddle();
    return MemoryReader::is_chunk(id, plaintext);
  }
  std::function<void()> meddle;
  std::size_t looks = 0;
};

TEST_F(RestoreOverExisting, TakesNothingThatChangesMeanwhile) {
  write(source + "/big", noise(kChunk * kChunks));
  begin();
  overwrite(target + "/big", 9 * kChunk, "changed");
  MeddlingReader meddling{repository};
  meddling.meddle = [&] { overwrite(target + "/big", 2 * kChunk, "changed later"); };
  EXPECT_EQ(again(meddling).bytes_kept, 8 * kChunk);
  EXPECT_EQ(meddling.chunks_fetched, 2);
}

}  // namespace
}  // namespace reprieve::filesystem
