#include "source/filesystem/restore.hpp"

#include <linux/fs.h>
#include <sys/mount.h>

#include "source/filesystem/internal/real_tree_fixture.hpp"

namespace reprieve::filesystem {
namespace {

class Restore : public RealTree {
 protected:
  /// A file entry whose content is in the repository.
  Entry file(std::string name, std::string_view text) {
    Entry entry;
    entry.name = std::move(name);
    entry.mode = 0644;
    entry.owner = {::geteuid(), ::getegid(), "", ""};
    entry.modified = {1'500'000'000, 5};
    entry.content.size = text.size();
    if (text.size() > 4)
      entry.content.chunks = {
          {repository.put(as_bytes(text)), static_cast<std::uint32_t>(text.size())}};
    else
      entry.content.inline_bytes = copy_of(as_bytes(text));
    return entry;
  }
  Entry symlink(std::string name, std::string to) {
    Entry entry = file(std::move(name), "");
    entry.type = EntryType::kSymlink;
    entry.target = std::move(to);
    return entry;
  }
  Entry directory(std::string name, std::vector<Entry> entries) {
    Entry entry = file(std::move(name), "");
    entry.type = EntryType::kDirectory;
    entry.mode = 0755;
    MemorySink sink{repository};
    entry.directory = *sink.put_directory(std::move(entries));
    return entry;
  }
  static std::vector<Entry> list(Entry entry) {
    std::vector<Entry> out;
    out.push_back(std::move(entry));
    return out;
  }
  template <class... More>
  static std::vector<Entry> list(Entry first, More... more) {
    std::vector<Entry> out = list(std::move(first));
    (out.push_back(std::move(more)), ...);
    return out;
  }
};

/// Gives any entries as a directory, also those that no tree's parser would let through.
class HostileReader : public MemoryReader {
 public:
  using MemoryReader::MemoryReader;
  Result<std::vector<Entry>> read_directory(const ListRef& of) override {
    const auto at = trees.find(of.id);
    return at == trees.end() ? MemoryReader::read_directory(of) : at->second;
  }
  std::map<ChunkId, std::vector<Entry>> trees;
};

TEST_F(Restore, PutsASingleRootsContentStraightIntoTheTarget) {
  MemoryReader reader{repository};
  const auto summary =
      restore(reader, list(directory("/srv/data", list(file("a", "text a"), file("b", "")))));
  EXPECT_EQ(read(target + "/a"), "text a");
  EXPECT_EQ(summary.files, 2U);
  EXPECT_EQ(summary.files_written, 2U);
  EXPECT_EQ(summary.bytes, 6U);
  EXPECT_EQ(summary.bytes_written, 6U);
  EXPECT_EQ(summary.directories, 1U);
  EXPECT_EQ(reader.progress().files, 2U);
}

TEST_F(Restore, NamesASingleFileByItsLastName) {
  MemoryReader reader{repository};
  restore(reader, list(file("/srv/dump.sql", "select")));
  EXPECT_EQ(read(target + "/dump.sql"), "select");
}

TEST_F(Restore, WritesNothingThatIsThereAlready) {
  write(source + "/a", noise(1000));
  write(source + "/b", "b");
  EXPECT_EQ(::symlink("x", (source + "/l").c_str()), 0);
  MemorySink sink{repository};
  const auto entries = capture(sink);
  MemoryReader reader{repository};
  restore(reader, entries);
  struct stat before;
  ::stat((target + "/a").c_str(), &before);
  MemoryReader again{repository};
  const auto summary = restore(again, entries);
  EXPECT_EQ(summary.files_written, 0U);
  EXPECT_EQ(summary.files_unchanged, 3U);
  EXPECT_EQ(again.chunks_fetched, 0);
  struct stat after;
  ::stat((target + "/a").c_str(), &after);
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
  EXPECT_EQ(describe(target), describe(source));
}

TEST_F(Restore, WritesWhatDiffersAndPutsMetadataRight) {
  write(source + "/content", noise(1000));
  write(source + "/mode", "same");
  MemorySink sink{repository};
  const auto entries = capture(sink);
  MemoryReader reader{repository};
  restore(reader, entries);
  write(target + "/content", noise(1000, 2));
  ::chmod((target + "/mode").c_str(), 0600);
  const auto summary = restore(reader, entries);
  EXPECT_EQ(summary.files_written, 1U);
  EXPECT_EQ(describe(target), describe(source));
}

TEST_F(Restore, TakesNothingForGrantedIfTimesAreNotTrusted) {
  write(source + "/a", "good");
  set_time(source + "/a", 1'600'000'000);
  MemorySink sink{repository};
  const auto entries = capture(sink);
  MemoryReader reader{repository};
  make_directory(target);
  write(target + "/a", "evil");
  set_time(target + "/a", 1'600'000'000);
  restore(reader, entries);
  EXPECT_EQ(read(target + "/a"), "evil");
  RestoreOptions options = restore_options();
  options.trust_times = false;
  restore(reader, entries, options);
  EXPECT_EQ(read(target + "/a"), "good");
}

TEST_F(Restore, DoesNotWriteThroughAnExistingHardLink) {
  MemoryReader reader{repository};
  make_directory(target);
  write(source + "/precious", "precious");
  EXPECT_EQ(::link((source + "/precious").c_str(), (target + "/a").c_str()), 0);
  restore(reader, list(directory("/d", list(file("a", "restored")))));
  EXPECT_EQ(read(target + "/a"), "restored");
  EXPECT_EQ(read(source + "/precious"), "precious");
}

TEST_F(Restore, FollowsNoSymlinkOutOfTheTarget) {
  MemoryReader reader{repository};
  make_directory(target);
  // Where directories and files are to go, links already point outside.
  EXPECT_EQ(::symlink(source.c_str(), (target + "/dir").c_str()), 0);
  EXPECT_EQ(::symlink((source + "/victim").c_str(), (target + "/file").c_str()), 0);
  write(source + "/victim", "untouched");
  restore(reader, list(directory("/d", list(directory("dir", list(file("in", "inside"))),
                                            file("file", "new file")))));
  EXPECT_EQ(read(source + "/victim"), "untouched");
  EXPECT_FALSE(exists(source + "/in"));
  EXPECT_EQ(read(target + "/dir/in"), "inside");
  EXPECT_EQ(read(target + "/file"), "new file");
  struct stat found;
  EXPECT_EQ(::lstat((target + "/dir").c_str(), &found), 0);
  EXPECT_TRUE(S_ISDIR(found.st_mode));
}

TEST_F(Restore, FollowsNoSymlinkThatItHasJustMade) {
  // A link and a directory of the same name, as no honest tree has them.
  HostileReader reader{repository};
  const Entry root = directory("/d", list(file("placeholder", "")));
  reader.trees[root.directory->id] =
      list(symlink("x", source), directory("x", list(file("escaped", "escaped"))));
  ignore_error(restore_files(reader, list(root), restore_options()), "either way is right");
  EXPECT_FALSE(exists(source + "/escaped"));
}

TEST_F(Restore, RefusesNamesThatLeadElsewhere) {
  HostileReader reader{repository};
  const Entry root = directory("/d", list(file("placeholder", "")));
  reader.trees[root.directory->id] =
      list(file("../escaped", "text"), file("..", "text"), file("a/b", "text"), file("", "text"),
           file(source + "/absolute", "text"), file("good", "text!"));
  const auto summary = restore(reader, list(root));
  EXPECT_EQ(summary.problems, 5U);
  EXPECT_FALSE(exists(target + "/../escaped"));
  EXPECT_FALSE(exists(source + "/absolute"));
  EXPECT_EQ(read(target + "/good"), "text!");
}

TEST_F(Restore, KeepsRootsInsideTheTargetToo) {
  MemoryReader reader{repository};
  const std::string outside = source + "/f";
  make_directory(target);
  EXPECT_EQ(::symlink(source.c_str(), (target + "/srv").c_str()), 0);
  const auto summary =
      restore(reader, list(file("/srv/f", "text f"), file("/etc/../../g", "text g")));
  EXPECT_GT(summary.problems, 0U);
  EXPECT_FALSE(exists(outside));
  EXPECT_FALSE(exists(target + "/../g"));
}

TEST_F(Restore, DeletesNothingUnlessToldTo) {
  MemoryReader reader{repository};
  make_directory(target);
  make_directory(target + "/extra");
  write(target + "/extra/x", "x");
  write(target + "/other", "x");
  const auto roots = list(directory("/d", list(file("a", "text a"))));
  restore(reader, roots);
  EXPECT_TRUE(exists(target + "/extra/x"));
  RestoreOptions options = restore_options();
  options.delete_extra = true;
  options.dry_run = true;
  EXPECT_EQ(restore(reader, roots, options).deleted, 2U);
  EXPECT_TRUE(exists(target + "/extra/x"));
  options.dry_run = false;
  EXPECT_EQ(restore(reader, roots, options).deleted, 3U);
  EXPECT_FALSE(exists(target + "/extra"));
  EXPECT_FALSE(exists(target + "/other"));
  EXPECT_EQ(read(target + "/a"), "text a");
}

TEST_F(Restore, ReportsWhatIsInTheWayAndLeavesIt) {
  MemoryReader reader{repository};
  make_directory(target);
  make_directory(target + "/file");
  write(target + "/file/kept", "x");
  write(target + "/dir", "kept");
  const auto roots = list(
      directory("/d", list(directory("dir", list(file("in", "inside"))), file("file", "text"))));
  EXPECT_EQ(restore(reader, roots).problems, 2U);
  EXPECT_EQ(read(target + "/dir"), "kept");
  EXPECT_TRUE(exists(target + "/file/kept"));
  RestoreOptions options = restore_options();
  options.delete_extra = true;
  EXPECT_EQ(restore(reader, roots, options).problems, 0U);
  EXPECT_EQ(read(target + "/dir/in"), "inside");
  EXPECT_EQ(read(target + "/file"), "text");
}

TEST_F(Restore, WritesOnlyWhatIsSelected) {
  MemoryReader reader{repository};
  const auto roots = list(directory(
      "/srv", list(directory("a", list(file("one", "text 1"),
                                       directory("deep", list(file("two", "text 2"))))),
                   directory("b", list(file("three", "text 3"))), file("four", "text 4"))));
  RestoreOptions options = restore_options();
  options.only = {"a/deep", "/srv/four"};
  EXPECT_EQ(restore(reader, roots, options).files, 2U);
  EXPECT_EQ(read(target + "/a/deep/two"), "text 2");
  EXPECT_EQ(read(target + "/four"), "text 4");
  EXPECT_FALSE(exists(target + "/a/one"));
  EXPECT_FALSE(exists(target + "/b"));
  options.only = {"a/nothing"};
  const auto missing = restore_files(reader, roots, options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
}

TEST_F(Restore, ReportsADamagedFileAndRestoresTheRest) {
  MemoryReader reader{repository};
  const auto roots = list(directory("/d", list(file("bad", "damaged"), file("good", "healthy"))));
  repository.remove(file("bad", "damaged").content.chunks[0].id);
  make_directory(target);
  write(target + "/bad", "the old content");
  const auto summary = restore(reader, roots);
  EXPECT_EQ(summary.problems, 1U);
  ASSERT_EQ(reader.problems.size(), 1U);
  EXPECT_EQ(reader.problems[0].kind, Problem::Kind::kUnreadable);
  EXPECT_EQ(reader.problems[0].path, target + "/bad");
  EXPECT_EQ(read(target + "/good"), "healthy");
  EXPECT_EQ(read(target + "/bad"), "the old content");
  std::vector<Listed> listed;
  const io::FileHandle handle{::open(target.c_str(), O_RDONLY)};
  EXPECT_EQ(list_directory(handle.fd(), listed), 0);
  EXPECT_EQ(listed.size(), 2U);  // No left-overs.
}

TEST_F(Restore, RefusesAChunkOfAnotherLengthThanItsFileSays) {
  MemoryReader reader{repository};
  Entry lying = file("lying", "twelve bytes");
  lying.content.chunks[0].length = 5;
  lying.content.size = 5;
  EXPECT_EQ(restore(reader, list(directory("/d", list(lying)))).problems, 1U);
  EXPECT_FALSE(exists(target + "/lying"));
}

TEST_F(Restore, ReportsADamagedDirectoryAndRestoresTheRest) {
  MemoryReader reader{repository};
  const Entry lost = directory("lost", list(file("in", "inside")));
  const auto roots = list(directory("/d", list(file("good", "healthy"), lost)));
  repository.remove(lost.directory->id);
  EXPECT_EQ(restore(reader, roots).problems, 1U);
  EXPECT_EQ(read(target + "/good"), "healthy");
}

TEST_F(Restore, LeavesAFileAloneOfWhichOnlyAPartWasCaptured) {
  MemoryReader reader{repository};
  Entry partial = file("partial", "");
  partial.is_incomplete = true;
  make_directory(target);
  write(target + "/partial", "all of it");
  EXPECT_EQ(restore(reader, list(directory("/d", list(partial)))).problems, 1U);
  EXPECT_EQ(read(target + "/partial"), "all of it");
}

TEST_F(Restore, WritesNothingInADryRun) {
  MemoryReader reader{repository};
  RestoreOptions options = restore_options();
  options.dry_run = true;
  const auto roots =
      list(directory("/d", list(directory("a", list(file("in", "inside"))), file("b", "text b"))));
  const auto summary = restore(reader, roots, options);
  EXPECT_EQ(summary.files_written, 2U);
  EXPECT_EQ(summary.bytes_written, 12U);
  EXPECT_FALSE(exists(target));
  EXPECT_EQ(reader.chunks_fetched, 0);
}

TEST_F(Restore, FinishesWhatAnInterruptedRunBegan) {
  for (unsigned i = 0; i < 50; ++i)
    write(source + "/f" + std::to_string(i), noise(8'000, i));
  repository.chunk_size = 2'000;
  MemorySink sink{repository};
  const auto entries = capture(sink);
  for (const int stop_after : {0, 1, 7, 30, 40}) {
    /// Stops in the middle of the fetching.
    class StoppingReader : public MemoryReader {
     public:
      using MemoryReader::MemoryReader;
      std::atomic<int> left{0};
      Result<> fetch(std::span<const Request> requests, const Deliver& deliver,
                     const Missing& missing) override {
        return MemoryReader::fetch(
            requests,
            [&](const Request& request, ByteView bytes) -> Result<> {
              if (left-- <= 0) cancel_token.request();
              return deliver(request, bytes);
            },
            missing);
      }
    } reader{repository};
    reader.left = stop_after;
    const auto stopped = restore_files(reader, entries, restore_options());
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);
  }
  MemoryReader reader{repository};
  const auto summary = restore(reader, entries);
  EXPECT_GT(summary.files_unchanged, 0U);
  EXPECT_EQ(describe(target), describe(source));
}

TEST_F(Restore, SplitsAVeryLongFileOverBatches) {
  repository.chunk_size = 20;
  write(source + "/long",
        noise(400'000));  // 20,000 chunks: more than a batch and a content take.
  round_trip();
}

TEST_F(Restore, SaysThatTheDiskIsFull) {
  make_directory(target);
  if (::mount("none", target.c_str(), "tmpfs", 0, "size=256k") != 0)
    GTEST_SKIP() << "this user may not mount";
  const std::string big = noise(1'000'000);
  MemoryReader reader{repository};
  const auto result =
      restore_files(reader, list(directory("/d", list(file("big", big), file("small", "small")))),
                    restore_options());
  const bool is_cleaned = !exists(target + "/big");
  EXPECT_EQ(::umount(target.c_str()), 0);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kExhausted);
  EXPECT_FALSE(result.error().hint.empty());
  EXPECT_NE(result.error().what.find("/big"), std::string::npos);
  EXPECT_TRUE(is_cleaned);
}

TEST_F(Restore, MapsOwnersByNameOrByNumber) {
  if (!is_root_user()) GTEST_SKIP() << "only root gives files away";
  Entry entry = file("f", "text f");
  entry.owner = {4242, 4343, "root", ""};
  MemoryReader reader{repository};
  restore(reader, list(directory("/d", list(entry))));
  struct stat found;
  ::stat((target + "/f").c_str(), &found);
  EXPECT_EQ(found.st_uid, 0U);
  EXPECT_EQ(found.st_gid, 4343U);
  RestoreOptions options = restore_options();
  options.owners = RestoreOptions::Owners::kNumeric;
  restore(reader, list(directory("/d", list(entry))), options);
  ::stat((target + "/f").c_str(), &found);
  EXPECT_EQ(found.st_uid, 4242U);
}

TEST_F(Restore, SetsNoSetuidBitForAnotherOwner) {
  Entry entry = file("f", "text f");
  entry.mode = 06755;
  MemoryReader reader{repository};
  RestoreOptions options = restore_options();
  options.owners = RestoreOptions::Owners::kSkip;
  restore(reader, list(directory("/d", list(entry))), options);
  struct stat found;
  ::stat((target + "/f").c_str(), &found);
  EXPECT_EQ(found.st_mode & 07777, 0755U);
}

TEST_F(Restore, RestoresIntoADirectoryThatIsClosedToItsOwner) {
  Entry closed = directory("closed", list(file("f", "text f")));
  closed.mode = 0500;
  const auto roots = list(directory("/d", list(closed)));
  MemoryReader reader{repository};
  restore(reader, roots);
  ::unlink((target + "/closed/f").c_str());
  restore(reader, roots);
  EXPECT_EQ(read(target + "/closed/f"), "text f");
  struct stat found;
  ::stat((target + "/closed").c_str(), &found);
  EXPECT_EQ(found.st_mode & 07777, 0500U);
}

TEST_F(Restore, ReportsAttributesThatCannotBeSetOnce) {
  Entry one = file("one", "text 1");
  one.xattrs = {{"unknown.namespace", {}}};
  Entry two = file("two", "text 2");
  two.xattrs = one.xattrs;
  MemoryReader reader{repository};
  EXPECT_EQ(restore(reader, list(directory("/d", list(one, two)))).problems, 1U);
  ASSERT_EQ(reader.problems.size(), 1U);
  EXPECT_EQ(reader.problems[0].kind, Problem::Kind::kUnsupported);
  EXPECT_NE(reader.problems[0].what.find("1 others"), std::string::npos);
  EXPECT_EQ(read(target + "/two"), "text 2");
}

}  // namespace
}  // namespace reprieve::filesystem
