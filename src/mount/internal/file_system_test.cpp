#include "mount/internal/file_system.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/browse_fake_test.hpp"

namespace reprieve::mount {
namespace {

using backup::BrowseFake;
using ::testing::ElementsAre;

class MountedPoints : public ::testing::Test {
 protected:
  MountedPoints() {
    Entry linked = BrowseFake::file("linked", "same");
    linked.link_group = 5;
    Entry other = linked;
    other.name = "other";
    reader.directories[std::byte{1}] = {BrowseFake::chunked("big", {{'a', 4}, {'b', 4}}), linked,
                                        BrowseFake::directory("sub", 2)};
    reader.directories[std::byte{2}] = {other};
  }
  Result<Bytes> read_chunk(const ChunkRef& chunk) {
    if (reader.damaged.contains(chunk.id.bytes[0])) return Error{ErrorKind::kCorrupt, "damaged"};
    return Bytes(chunk.length, chunk.id.bytes[0]);
  }
  std::unique_ptr<backup::PointTree> tree() {
    return std::make_unique<backup::PointTree>(reader,
                                               std::vector{BrowseFake::directory("/data", 1)});
  }
  std::unique_ptr<FileSystem> one_point() {
    return std::make_unique<FileSystem>(
        reader, [this](const ChunkRef& chunk) { return read_chunk(chunk); }, tree(), warn());
  }
  std::unique_ptr<FileSystem> two_points() {
    const OpenTree open = [this]() -> Result<std::unique_ptr<backup::PointTree>> {
      ++opened;
      return tree();
    };
    std::vector<ShownSource> sources = {{"data", {{"monday", {}, open}, {"tuesday", {}, open}}}};
    return std::make_unique<FileSystem>(
        reader, [this](const ChunkRef& chunk) { return read_chunk(chunk); }, std::move(sources),
        warn());
  }
  FileSystem::Warn warn() {
    return [this](const std::string& path, const Error&) { warnings.push_back(path); };
  }
  static std::uint64_t number(FileSystem& system, std::initializer_list<const char*> path) {
    std::uint64_t at = InodeTable::kRoot;
    for (const char* name : path) {
      const auto found = system.look_up(at, name);
      EXPECT_TRUE(found) << name;
      EXPECT_TRUE(found && *found) << name;
      if (!found || !*found) return 0;
      at = (*found)->number;
    }
    return at;
  }
  static std::string text(FileSystem& system, std::uint64_t number, std::uint64_t offset,
                          std::size_t length) {
    const auto pieces = system.read(number, offset, length);
    if (!pieces) return "error";
    std::string text;
    for (const FileReader::Piece& piece : *pieces)
      text += as_text(piece.bytes);
    return text;
  }
  BrowseFake reader;
  std::vector<std::string> warnings;
  int opened = 0;
};

TEST_F(MountedPoints, ReadFilesAnywhere) {
  const auto system = one_point();
  const auto big = number(*system, {"big"});
  EXPECT_EQ(text(*system, big, 0, 100), "aaaabbbb");
  EXPECT_EQ(text(*system, big, 3, 2), "ab");
  EXPECT_EQ(text(*system, number(*system, {"sub", "other"}), 1, 2), "am");
}

TEST_F(MountedPoints, GiveLinkedNamesOneNumber) {
  const auto system = one_point();
  EXPECT_EQ(number(*system, {"linked"}), number(*system, {"sub", "other"}));
  EXPECT_EQ(system->attributes(number(*system, {"linked"}))->links, 2U);
}

TEST_F(MountedPoints, KeepLinksOfTwoPointsApart) {
  const auto system = two_points();
  EXPECT_NE(number(*system, {"data", "monday", "linked"}),
            number(*system, {"data", "tuesday", "linked"}));
}

TEST_F(MountedPoints, HaveAFolderForEachPointAndALinkToTheNewest) {
  const auto system = two_points();
  const auto source = system->directory(number(*system, {"data"}));
  const auto listing = system->list(**source);
  std::vector<std::string> names;
  for (const auto& node : **listing)
    names.push_back(node.entry.name);
  EXPECT_THAT(names, ElementsAre("monday", "tuesday", "latest"));
  EXPECT_EQ(opened, 0);
  EXPECT_EQ(system->entry(number(*system, {"data", "latest"}))->target, "tuesday");
}

TEST_F(MountedPoints, ReadAFolderThatTheyShareOnce) {
  const auto system = two_points();
  number(*system, {"data", "monday", "sub", "other"});
  const auto reads = reader.reads;
  number(*system, {"data", "tuesday", "sub", "other"});
  EXPECT_EQ(reader.reads, reads);
}

TEST_F(MountedPoints, ForgetWhatTheKernelForgets) {
  const auto system = one_point();
  const auto big = number(*system, {"big"});
  EXPECT_EQ(system->inodes(), 1U);
  system->forget(big, 1);
  EXPECT_EQ(system->inodes(), 0U);
  EXPECT_FALSE(system->attributes(big));
}

TEST_F(MountedPoints, WarnOfDamageOnceAndReadTheRest) {
  reader.damaged = {static_cast<std::byte>('b')};
  const auto system = one_point();
  const auto big = number(*system, {"big"});
  EXPECT_EQ(text(*system, big, 0, 4), "aaaa");
  EXPECT_EQ(text(*system, big, 4, 4), "error");
  EXPECT_EQ(text(*system, big, 4, 4), "error");
  EXPECT_THAT(warnings, ElementsAre("big"));
  EXPECT_EQ(system->problems(), 1U);
}

TEST_F(MountedPoints, SayWhichNameIsNotThere) {
  const auto system = one_point();
  const auto found = system->look_up(InodeTable::kRoot, "nowhere");
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
  EXPECT_EQ(system->look_up(number(*system, {"big"}), "x").error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace reprieve::mount
