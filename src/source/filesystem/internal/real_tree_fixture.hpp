#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "base/format.hpp"
#include "base/random.hpp"
#include "io/directory.hpp"
#include "source/filesystem/capture.hpp"
#include "source/filesystem/internal/file_reader.hpp"
#include "source/filesystem/internal/listing.hpp"
#include "source/filesystem/internal/memory_repository_fake.hpp"
#include "source/filesystem/restore.hpp"

/// Real trees in a temporary folder, for tests of capture and restore.
namespace reprieve::filesystem {

inline bool is_root_user() {
  return ::geteuid() == 0;
}

class RealTree : public ::testing::Test {
 protected:
  RealTree() {
    const char* base = std::getenv("TMPDIR");
    folder_ = std::string{base != nullptr ? base : "/tmp"} + "/reprieve-test-XXXXXX";
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    source = folder_ + "/source";
    target = folder_ + "/target";
    make_directory(source);
  }
  ~RealTree() override {
    std::uint64_t removed = 0;
    const auto above = io::Directory::open(io::parent_of(folder_));
    const auto gone = io::remove_tree(*above, io::name_in(folder_), io::Immutable::kThaw, removed);
    EXPECT_TRUE(gone) << gone.error().what;
  }

  static void make_directory(const std::string& path) {
    EXPECT_EQ(::mkdir(path.c_str(), 0755), 0) << path;
  }
  static void write(const std::string& path, std::string_view text) {
    std::ofstream out{path, std::ios::binary};
    out << text;
    out.close();
    EXPECT_TRUE(out) << path;
  }
  static std::string read(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  static bool exists(const std::string& path) {
    struct stat found;
    return ::lstat(path.c_str(), &found) == 0;
  }
  /// Bytes that no two places of a file share.
  static std::string noise(std::size_t size, std::uint64_t seed = 1) {
    SeededRandom random{seed};
    std::string out(size, '\0');
    random.fill(std::as_writable_bytes(std::span{out}));
    return out;
  }
  static void set_time(const std::string& path, std::int64_t seconds, long nanoseconds = 0) {
    const struct timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
  }

  CaptureOptions capture_options() const {
    CaptureOptions options;
    options.paths = {source};
    options.threads = 3;
    return options;
  }
  RestoreOptions restore_options() const {
    RestoreOptions options;
    options.target = target;
    options.threads = 3;
    return options;
  }
  std::vector<Entry> capture(MemorySink& sink) { return capture(sink, capture_options()); }
  static std::vector<Entry> capture(MemorySink& sink, const CaptureOptions& options) {
    auto entries = FilesystemSource{options}.capture(sink);
    EXPECT_TRUE(entries) << entries.error().what;
    return entries ? *std::move(entries) : std::vector<Entry>{};
  }
  RestoreSummary restore(MemoryReader& reader, std::vector<Entry> roots) {
    return restore(reader, std::move(roots), restore_options());
  }
  static RestoreSummary restore(MemoryReader& reader, std::vector<Entry> roots,
                                const RestoreOptions& options) {
    auto summary = restore_files(reader, std::move(roots), options);
    EXPECT_TRUE(summary) << summary.error().what;
    return summary ? *summary : RestoreSummary{};
  }
  /// Captures the source, restores it to the target and compares all there is.
  void round_trip() {
    MemorySink sink{repository};
    const std::vector<Entry> entries = capture(sink);
    EXPECT_TRUE(sink.problems.empty()) << sink.problems[0].path << ": " << sink.problems[0].what;
    MemoryReader reader{repository};
    restore(reader, entries);
    EXPECT_TRUE(reader.problems.empty())
        << reader.problems[0].path << ": " << reader.problems[0].what;
    EXPECT_EQ(describe(target), describe(source));
  }

  /// Everything that a backup must keep, one line for each name, by relative path.
  static std::map<std::string, std::string> describe(const std::string& root) {
    std::map<std::string, std::string> out;
    std::map<std::uint64_t, std::string> first_names;
    const io::FileHandle handle{::open(root.c_str(), O_RDONLY | O_DIRECTORY)};
    EXPECT_TRUE(handle.is_open()) << root;
    Inode inode;
    EXPECT_EQ(stat_fd(handle.fd(), inode), 0);
    out["."] = line_of(handle.fd(), ".", inode);
    describe_below(handle.fd(), "", first_names, out);
    return out;
  }

  std::string source;
  std::string target;
  MemoryRepository repository;

 private:
  static void describe_below(int fd, const std::string& path,
                             std::map<std::uint64_t, std::string>& first_names,
                             std::map<std::string, std::string>& out) {
    std::vector<Listed> listed;
    EXPECT_EQ(list_directory(fd, listed), 0);
    for (const Listed& each : listed) {
      const std::string child = path + "/" + each.name;
      std::string line = line_of(fd, each.name, each.inode);
      if (each.inode.links > 1 && each.inode.type != EntryType::kDirectory)
        line += " same as " + first_names.try_emplace(each.inode.number, child).first->second;
      out[child] = line;
      if (each.inode.type != EntryType::kDirectory) continue;
      io::FileHandle below;
      if (open_for_reading(fd, each.name.c_str(), O_DIRECTORY, below) == 0)
        describe_below(below.fd(), child, first_names, out);
    }
  }
  static std::string line_of(int fd, const std::string& name, const Inode& inode) {
    std::string line = fmt::format("type {} mode {:o} owner {}:{} time {}.{:09} device {}:{}",
                                   static_cast<int>(*inode.type), inode.mode, inode.uid, inode.gid,
                                   inode.modified.seconds, inode.modified.nanoseconds,
                                   inode.rdev_major, inode.rdev_minor);
    std::vector<Xattr> xattrs;
    if (inode.type == EntryType::kSymlink) {
      std::string link;
      EXPECT_EQ(read_link(fd, name.c_str(), link), 0);
      line += " target " + link;
    }
    if (inode.type == EntryType::kFile || inode.type == EntryType::kDirectory) {
      io::FileHandle file;
      if (open_for_reading(fd, name.c_str(), 0, file) == 0) {
        line += fmt::format(" flags {:x}", read_flags(file.fd()));
        if (inode.type == EntryType::kFile) line += content_of(file.fd(), inode);
      }
    }
    read_xattrs_at(fd, name, xattrs);
    for (const Xattr& xattr : xattrs)
      line += " " + xattr.name + "=" + to_hex(xattr.value);
    return line;
  }
  static std::string content_of(int fd, const Inode& inode) {
    FileReader reader{fd, inode.size, true};
    Bytes all;
    Bytes buffer(65536);
    for (;;) {
      const auto size = reader.read(buffer);
      EXPECT_TRUE(size);
      if (!size || *size == 0) break;
      all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<long>(*size));
    }
    Content content;
    reader.describe(content);
    std::string out = fmt::format(" size {} content {:x}", inode.size, checksum_of(all));
    for (const Hole& hole : content.holes)
      out += fmt::format(" hole {}+{}", hole.offset, hole.length);
    return out;
  }

  std::string folder_;
};

}  // namespace reprieve::filesystem
