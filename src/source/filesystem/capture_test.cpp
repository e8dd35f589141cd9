#include "source/filesystem/capture.hpp"

#include <linux/fs.h>
#include <sys/mount.h>

#include "source/filesystem/internal/real_tree_fixture.hpp"

namespace reprieve::filesystem {
namespace {

class Capture : public RealTree {};

std::vector<Entry> children(MemoryRepository& repository, const Entry& directory) {
  MemoryReader reader{repository};
  EXPECT_TRUE(directory.directory);
  auto entries = reader.read_directory(*directory.directory);
  EXPECT_TRUE(entries);
  return entries ? *std::move(entries) : std::vector<Entry>{};
}

std::vector<std::string> names_of(const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries)
    names.push_back(entry.name);
  return names;
}

using Names = std::vector<std::string>;

TEST_F(Capture, RestoresPlainFilesAndDirectories) {
  make_directory(source + "/a");
  make_directory(source + "/a/empty");
  write(source + "/a/small", "hello");
  write(source + "/a/zero", "");
  write(source + "/big", noise(200'000));
  ::chmod((source + "/a/small").c_str(), 04751);
  ::chmod((source + "/a").c_str(), 01700);
  set_time(source + "/a/small", 1'000'000'000, 123'456'789);
  set_time(source + "/a", 1'000'000'001, 1);
  round_trip();
}

TEST_F(Capture, RestoresNamesOfAnyBytes) {
  for (const std::string name : {"\xff\xfe", "a\nb", " ", "-rf", "\x01\x02", "*", "ü", "..."})
    write(source + "/" + name, name);
  write(source + "/" + std::string(255, 'n'), "long");
  round_trip();
}

TEST_F(Capture, RestoresTimesBefore1970AndAfter2038) {
  for (const std::int64_t seconds :
       {-1LL, -2'000'000'000LL, 0LL, 4'000'000'000LL, 13'000'000'000LL}) {
    const std::string path = source + "/t" + std::to_string(seconds);
    write(path, "x");
    set_time(path, seconds, 999'999'999);
  }
  round_trip();
}

TEST_F(Capture, RestoresSymlinksFifosAndSockets) {
  EXPECT_EQ(::symlink("../no/such\xff", (source + "/link").c_str()), 0);
  EXPECT_EQ(::symlink(std::string(4000, 'l').c_str(), (source + "/long").c_str()), 0);
  EXPECT_EQ(::mkfifo((source + "/fifo").c_str(), 0640), 0);
  EXPECT_EQ(::mknod((source + "/socket").c_str(), S_IFSOCK | 0777, 0), 0);
  set_time(source + "/link", 1'234'567'890, 5);
  set_time(source + "/fifo", 1'234'567'891, 6);
  round_trip();
}

TEST_F(Capture, RestoresDevicesAndOwners) {
  if (!is_root_user()) GTEST_SKIP() << "only root makes devices and gives files away";
  EXPECT_EQ(::mknod((source + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  EXPECT_EQ(::mknod((source + "/disk").c_str(), S_IFBLK | 0600, makedev(259, 1'000'000)), 0);
  write(source + "/owned", "x");
  EXPECT_EQ(::chown((source + "/owned").c_str(), 123'456, 4'000'000'000), 0);
  EXPECT_EQ(::chmod((source + "/owned").c_str(), 06755), 0);
  EXPECT_EQ(::symlink("x", (source + "/link").c_str()), 0);
  EXPECT_EQ(::lchown((source + "/link").c_str(), 7, 8), 0);
  round_trip();
}

TEST_F(Capture, RestoresExtendedAttributes) {
  write(source + "/file", "x");
  make_directory(source + "/dir");
  const std::string value("a\0b\xff", 4);
  for (const std::string& path : {source + "/file", source + "/dir"}) {
    if (::setxattr(path.c_str(), "user.x", value.data(), value.size(), 0) != 0)
      GTEST_SKIP() << "this file system has no user attributes";
    EXPECT_EQ(::setxattr(path.c_str(), "user.empty", "", 0, 0), 0);
  }
  if (is_root_user()) {
    EXPECT_EQ(::setxattr((source + "/file").c_str(), "trusted.t", "1", 1, 0), 0);
    EXPECT_EQ(::symlink("file", (source + "/link").c_str()), 0);
    EXPECT_EQ(::lsetxattr((source + "/link").c_str(), "trusted.l", "2", 1, 0), 0);
    // cap_net_raw+ep, version 2.
    const unsigned char capability[20] = {1, 0, 0, 2, 0, 0x20};
    EXPECT_EQ(::setxattr((source + "/file").c_str(), "security.capability", capability,
                         sizeof capability, 0),
              0);
  }
  round_trip();
}

TEST_F(Capture, RestoresAccessControlLists) {
  // Version 2: user::rwx, user:1234:r--, group::r-x, mask::r-x, other::---.
  const unsigned char acl[] = {2,  0, 0, 0,                          //
                               1,  0, 7, 0, 0xff, 0xff, 0xff, 0xff,  //
                               2,  0, 4, 0, 0xd2, 0x04, 0,    0,     //
                               4,  0, 5, 0, 0xff, 0xff, 0xff, 0xff,  //
                               16, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,  //
                               32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
  make_directory(source + "/dir");
  write(source + "/dir/file", "x");
  if (::setxattr((source + "/dir/file").c_str(), "system.posix_acl_access", acl, sizeof acl, 0) !=
      0)
    GTEST_SKIP() << "this file system has no access control lists";
  EXPECT_EQ(::setxattr((source + "/dir").c_str(), "system.posix_acl_default", acl, sizeof acl, 0),
            0);
  write(source + "/dir/inheriting", "y");
  round_trip();
  // Again into a directory whose default list now gives new files attributes nobody asked for.
  write(source + "/dir/later", "z");
  ::removexattr((source + "/dir/later").c_str(), "system.posix_acl_access");
  round_trip();
}

TEST_F(Capture, RestoresHardLinksOfAnyType) {
  make_directory(source + "/a");
  make_directory(source + "/b");
  write(source + "/a/file", noise(100'000));
  EXPECT_EQ(::link((source + "/a/file").c_str(), (source + "/b/again").c_str()), 0);
  EXPECT_EQ(::link((source + "/a/file").c_str(), (source + "/third").c_str()), 0);
  EXPECT_EQ(::symlink("x", (source + "/a/link").c_str()), 0);
  EXPECT_EQ(
      ::linkat(AT_FDCWD, (source + "/a/link").c_str(), AT_FDCWD, (source + "/b/link").c_str(), 0),
      0);
  EXPECT_EQ(::mkfifo((source + "/a/fifo").c_str(), 0600), 0);
  EXPECT_EQ(::link((source + "/a/fifo").c_str(), (source + "/b/fifo").c_str()), 0);
  for (const char* name : {"/a", "/b", ""})
    set_time(source + name, 1'500'000'000, 7);
  round_trip();
}

TEST_F(Capture, ReadsAFileOfSeveralNamesOnce) {
  write(source + "/one", noise(100'000));
  for (const char* name : {"/two", "/three", "/four"})
    EXPECT_EQ(::link((source + "/one").c_str(), (source + name).c_str()), 0);
  MemorySink sink{repository};
  const auto entries = capture(sink);
  EXPECT_EQ(sink.contents_put, 1);
  for (const Entry& entry : children(repository, entries[0])) {
    EXPECT_EQ(entry.content.size, 100'000U) << entry.name;
    EXPECT_NE(entry.link_group, 0U);
  }
}

TEST_F(Capture, KeepsHolesAsHoles) {
  const auto sparse = [&](const std::string& name, off_t size) {
    const io::FileHandle handle{::open((source + name).c_str(), O_RDWR | O_CREAT, 0644)};
    EXPECT_EQ(::ftruncate(handle.fd(), size), 0);
    return handle.fd() >= 0;
  };
  ASSERT_TRUE(sparse("/all-hole", off_t{1} << 40));
  ASSERT_TRUE(sparse("/middle", 10 << 20));
  const std::string data = noise(100'000);
  const io::FileHandle handle{::open((source + "/middle").c_str(), O_RDWR)};
  EXPECT_EQ(::pwrite(handle.fd(), data.data(), data.size(), 1 << 20), 100'000);
  EXPECT_EQ(::pwrite(handle.fd(), data.data(), 5, (10 << 20) - 5), 5);
  MemorySink sink{repository};
  const auto entries = capture(sink);
  EXPECT_EQ(children(repository, entries[0])[0].content.holes,
            (std::vector<Hole>{{0, std::uint64_t{1} << 40}}));
  round_trip();
}

TEST_F(Capture, KeepsInodeFlags) {
  write(source + "/file", "x");
  const io::FileHandle handle{::open((source + "/file").c_str(), O_RDONLY)};
  if (write_flags(handle.fd(), FS_NODUMP_FL | FS_NOATIME_FL) != 0)
    GTEST_SKIP() << "this file system has no inode flags";
  if (is_root_user()) {
    write(source + "/frozen", "cannot be changed");
    EXPECT_EQ(::link((source + "/frozen").c_str(), (source + "/frozen2").c_str()), 0);
    make_directory(source + "/appended");
    for (const char* name : {"/frozen", "/appended"}) {
      const io::FileHandle other{::open((source + name).c_str(), O_RDONLY)};
      EXPECT_EQ(write_flags(other.fd(), name[1] == 'f' ? FS_IMMUTABLE_FL : FS_APPEND_FL), 0);
    }
  }
  round_trip();
  // And once more over what cannot be changed.
  round_trip();
}

TEST_F(Capture, WalksBelowPathMax) {
  const std::string name(200, 'd');
  io::FileHandle at{::open(source.c_str(), O_RDONLY | O_DIRECTORY)};
  for (int depth = 0; depth < 60; ++depth) {
    ASSERT_EQ(::mkdirat(at.fd(), name.c_str(), 0755), 0);
    const io::FileHandle beside{::openat(at.fd(), "z", O_WRONLY | O_CREAT, 0644)};
    EXPECT_EQ(::symlinkat("t", at.fd(), "link"), 0);
    at = io::FileHandle{::openat(at.fd(), name.c_str(), O_RDONLY | O_DIRECTORY)};
  }
  const io::FileHandle file{::openat(at.fd(), "deepest", O_WRONLY | O_CREAT, 0644)};
  EXPECT_EQ(::write(file.fd(), "deep", 4), 4);
  round_trip();
}

TEST_F(Capture, DoesNotDependOnTheTimingOfThreads) {
  for (unsigned i = 0; i < 10; ++i) {
    const std::string directory = source + "/d" + std::to_string(i);
    make_directory(directory);
    for (unsigned j = 0; j < 10; ++j)
      write(directory + "/f" + std::to_string(j), noise(1000, 100 * i + j));
  }
  std::optional<ListRef> first;
  for (const unsigned threads : {1U, 2U, 3U, 8U}) {
    MemorySink sink{repository};
    CaptureOptions options = capture_options();
    options.threads = threads;
    const auto entries = capture(sink, options);
    ASSERT_EQ(entries.size(), 1U);
    if (!first) first = entries[0].directory;
    EXPECT_EQ(entries[0].directory, first);
  }
}

TEST_F(Capture, NamesRootsByTheirWholePath) {
  make_directory(source + "/a");
  write(source + "/f", "x");
  MemorySink sink{repository};
  CaptureOptions options = capture_options();
  options.paths = {source + "/f", source + "/a/../a/"};
  const auto entries = capture(sink, options);
  EXPECT_EQ(names_of(entries), (Names{source + "/a", source + "/f"}));
  EXPECT_TRUE(parse_tree(encode_tree(entries), true));
  MemoryReader reader{repository};
  restore(reader, entries);
  EXPECT_EQ(read(target + source + "/f"), "x");
  EXPECT_TRUE(exists(target + source + "/a"));
}

TEST_F(Capture, FollowsASymlinkGivenAsTheSource) {
  write(source + "/f", "x");
  const std::string link = target + "-link";
  ASSERT_EQ(::symlink(source.c_str(), link.c_str()), 0);
  MemorySink sink{repository};
  CaptureOptions options = capture_options();
  options.paths = {link};
  const auto entries = capture(sink, options);
  EXPECT_EQ(entries[0].name, link);
  EXPECT_EQ(names_of(children(repository, entries[0])), Names{"f"});
}

TEST_F(Capture, SaysThatAPathDoesNotExist) {
  MemorySink sink{repository};
  CaptureOptions options = capture_options();
  options.paths = {source + "/nothing"};
  const auto entries = FilesystemSource{options}.capture(sink);
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().kind, ErrorKind::kNotFound);
}

TEST_F(Capture, LeavesOutWhatIsExcluded) {
  make_directory(source + "/build");
  write(source + "/build/x.o", "");
  make_directory(source + "/src");
  make_directory(source + "/src/build");
  write(source + "/src/a.tmp", "");
  write(source + "/src/a.c", "");
  MemorySink sink{repository};
  CaptureOptions options = capture_options();
  options.exclude = {"/build", "*.tmp"};
  const auto top = children(repository, capture(sink, options)[0]);
  ASSERT_EQ(names_of(top), Names{"src"});
  EXPECT_EQ(names_of(children(repository, top[0])), (Names{"a.c", "build"}));
}

TEST_F(Capture, KeepsOnlyTheTagOfATaggedCache) {
  make_directory(source + "/cache");
  write(source + "/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# by me\n");
  write(source + "/cache/data", "x");
  make_directory(source + "/other");
  write(source + "/other/CACHEDIR.TAG", "no signature");
  write(source + "/other/data", "x");
  MemorySink sink{repository};
  const auto top = children(repository, capture(sink)[0]);
  EXPECT_EQ(names_of(children(repository, top[0])), Names{"CACHEDIR.TAG"});
  EXPECT_EQ(names_of(children(repository, top[1])), (Names{"CACHEDIR.TAG", "data"}));
  CaptureOptions options = capture_options();
  options.honour_cachedir_tag = false;
  const auto all = children(repository, capture(sink, options)[0]);
  EXPECT_EQ(children(repository, all[0]).size(), 2U);
}

TEST_F(Capture, StaysOnOneFileSystemIfAsked) {
  make_directory(source + "/mount");
  write(source + "/f", "x");
  if (::mount("none", (source + "/mount").c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "this user may not mount";
  write(source + "/mount/other", "y");
  MemorySink sink{repository};
  CaptureOptions options = capture_options();
  options.one_file_system = true;
  const auto top = children(repository, capture(sink, options)[0]);
  const auto all = children(repository, capture(sink)[0]);
  EXPECT_EQ(::umount((source + "/mount").c_str()), 0);
  EXPECT_EQ(names_of(top), (Names{"f", "mount"}));
  EXPECT_TRUE(children(repository, top[1]).empty());
  EXPECT_EQ(names_of(children(repository, all[1])), Names{"other"});
}

TEST_F(Capture, KeepsTheKernelsViewsEmpty) {
  make_directory(source + "/proc");
  if (::mount("none", (source + "/proc").c_str(), "proc", 0, nullptr) != 0)
    GTEST_SKIP() << "this user may not mount";
  MemorySink sink{repository};
  const auto top = children(repository, capture(sink)[0]);
  EXPECT_EQ(::umount((source + "/proc").c_str()), 0);
  ASSERT_EQ(names_of(top), Names{"proc"});
  EXPECT_TRUE(children(repository, top[0]).empty());
}

TEST_F(Capture, MarksAFileThatKeepsChanging) {
  write(source + "/log", noise(10'000));
  MemorySink sink{repository};
  std::ofstream log{source + "/log", std::ios::app};
  sink.while_reading = [&] { log << "more" << std::flush; };
  const auto entry = children(repository, capture(sink)[0]).at(0);
  EXPECT_TRUE(entry.is_inconsistent);
  EXPECT_EQ(sink.contents_put, 3);
  ASSERT_EQ(sink.problems.size(), 1U);
  EXPECT_EQ(sink.problems[0].kind, Problem::Kind::kChanged);
  EXPECT_EQ(sink.problems[0].path, source + "/log");
}

TEST_F(Capture, ReadsAFileAgainThatChangedOnce) {
  write(source + "/log", noise(10'000));
  MemorySink sink{repository};
  bool was_changed = false;
  sink.while_reading = [&] {
    if (!std::exchange(was_changed, true)) write(source + "/log", noise(20'000, 2));
  };
  const auto entries = capture(sink);
  EXPECT_FALSE(children(repository, entries[0]).at(0).is_inconsistent);
  EXPECT_TRUE(sink.problems.empty());
  MemoryReader reader{repository};
  restore(reader, entries);
  EXPECT_EQ(read(target + "/log"), noise(20'000, 2));
}

TEST_F(Capture, KeepsAFileThatShrinksWhileItIsRead) {
  write(source + "/f", noise(100'000));
  MemorySink sink{repository};
  int left = 100'000;
  sink.while_reading = [&] {
    left = std::max(0, left - 30'000);
    EXPECT_EQ(::truncate((source + "/f").c_str(), left), 0);
  };
  const auto entry = children(repository, capture(sink)[0]).at(0);
  const std::vector<Entry> alone{entry};
  EXPECT_TRUE(parse_tree(encode_tree(alone)));  // Sizes add up.
}

TEST_F(Capture, ReportsWhatVanishes) {
  write(source + "/a", noise(1000));
  write(source + "/b", noise(1000, 2));
  MemorySink sink{repository};
  CaptureOptions options = capture_options();
  options.threads = 1;
  sink.before_reading = [&] { ::unlink((source + "/b").c_str()); };
  const auto entries = capture(sink, options);
  EXPECT_EQ(names_of(children(repository, entries[0])), Names{"a"});
  ASSERT_EQ(sink.problems.size(), 1U);
  EXPECT_EQ(sink.problems[0].kind, Problem::Kind::kVanished);
  EXPECT_EQ(sink.problems[0].path, source + "/b");
}

TEST_F(Capture, DoesNotHangOnAFifoThatTakesAFilesPlace) {
  write(source + "/a", noise(1000));
  write(source + "/b", noise(1000, 2));
  MemorySink sink{repository};
  CaptureOptions options = capture_options();
  options.threads = 1;
  sink.before_reading = [&] {
    ::unlink((source + "/b").c_str());
    EXPECT_EQ(::mkfifo((source + "/b").c_str(), 0600), 0);
  };
  const auto entries = capture(sink, options);
  EXPECT_EQ(children(repository, entries[0]).at(1).type, EntryType::kFifo);
}

TEST_F(Capture, KeepsWhatCannotBeReadAsIncomplete) {
  if (is_root_user()) GTEST_SKIP() << "root can read everything";
  write(source + "/closed", "x");
  make_directory(source + "/shut");
  ::chmod((source + "/closed").c_str(), 0);
  ::chmod((source + "/shut").c_str(), 0);
  MemorySink sink{repository};
  const auto top = children(repository, capture(sink)[0]);
  ::chmod((source + "/shut").c_str(), 0700);
  ASSERT_EQ(names_of(top), (Names{"closed", "shut"}));
  EXPECT_TRUE(top[0].is_incomplete);
  EXPECT_TRUE(top[1].is_incomplete);
  EXPECT_FALSE(top[1].directory);
  EXPECT_EQ(sink.problems.size(), 2U);
}

TEST_F(Capture, StopsWhenAsked) {
  write(source + "/a", "x");
  MemorySink sink{repository};
  sink.cancel_token.request();
  const auto entries = FilesystemSource{capture_options()}.capture(sink);
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace reprieve::filesystem
