#include "backup/pour.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/browse_fake_test.hpp"

namespace reprieve::backup {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// "path=content", in order; "path>leader" for a link.
class Lines : public EntrySink {
 public:
  std::vector<std::string> lines;
  Result<> begin(const std::string& path, const Entry& entry,
                 const std::string& linked_to) override {
    lines.push_back(path + (linked_to.empty() ? "" : ">" + linked_to) +
                    (entry.type == EntryType::kFile && linked_to.empty() ? "=" : ""));
    return kOk;
  }
  Result<> bytes(ByteView stored) override {
    lines.back() += as_text(stored);
    return kOk;
  }
};

class Pour : public ::testing::Test {
 protected:
  Pour() {
    reader.directories[std::byte{1}] = {BrowseFake::chunked("big", {{'x', 3}, {'y', 2}}),
                                        BrowseFake::file("small", "hello"),
                                        BrowseFake::directory("sub", 2)};
    reader.directories[std::byte{2}] = {BrowseFake::chunked("deep", {{'z', 4}})};
  }
  Result<> pour_all(const std::vector<std::string>& paths = {}) {
    const PointTree tree{reader, {BrowseFake::directory("/data", 1)}};
    return pour(reader, tree, paths, out);
  }
  std::string cat(const std::string& path) {
    const PointTree tree{reader, {BrowseFake::directory("/data", 1)}};
    std::string text;
    const auto done = pour_file(reader, tree, path, [&](ByteView bytes) -> Result<> {
      text += as_text(bytes);
      return kOk;
    });
    return done ? text : text + "!" + std::string{name_of(done.error().kind)};
  }
  BrowseFake reader;
  Lines out;
};

TEST_F(Pour, GoesThroughTheTreeInOrder) {
  EXPECT_TRUE(pour_all());
  EXPECT_THAT(out.lines, ElementsAre("", "big=xxxyy", "small=hello", "sub", "sub/deep=zzzz"));
}

TEST_F(Pour, TakesNamedPathsOnceAndTheFoldersOnTheWay) {
  EXPECT_TRUE(pour_all({"sub/deep", "/data/sub/deep", "small"}));
  EXPECT_THAT(out.lines, ElementsAre("", "small=hello", "sub", "sub/deep=zzzz"));
  EXPECT_EQ(pour_all({"sup"}).error().kind, ErrorKind::kNotFound);
}

TEST_F(Pour, BringsTheBytesOfLinkedNamesOnce) {
  for (const char* name : {"big", "deep"})
    for (auto& [id, entries] : reader.directories)
      for (Entry& entry : entries)
        if (entry.name == name) {
          entry = BrowseFake::chunked(name, {{'l', 2}});
          entry.link_group = 7;
        }
  EXPECT_TRUE(pour_all());
  EXPECT_THAT(out.lines, ElementsAre("", "big=ll", "small=hello", "sub", "sub/deep>big"));
}

TEST_F(Pour, LeavesOutAndReportsWhatIsDamaged) {
  reader.damaged = {static_cast<std::byte>('y'), std::byte{2}};
  EXPECT_TRUE(pour_all());
  EXPECT_THAT(out.lines, ElementsAre("", "small=hello", "sub"));
  ASSERT_EQ(reader.problems.size(), 2U);
}

TEST_F(Pour, EndsWhereALargeFileBreaksOff) {
  // Three batches: the first is poured before the last is known to be damaged.
  reader.directories[std::byte{1}] = {
      BrowseFake::chunked("huge", {{'a', 6 << 20}, {'b', 6 << 20}, {'c', 6 << 20}})};
  reader.damaged = {static_cast<std::byte>('c')};
  const auto done = pour_all();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(done.error().what, ::testing::HasSubstr("huge"));
}

TEST_F(Pour, PutsTheHolesOfOneFileBack) {
  Entry sparse = BrowseFake::chunked("s", {{'a', 2}, {'b', 1}});
  sparse.content.size = 8;
  sparse.content.holes = {{0, 1}, {2, 3}, {7, 1}};
  reader.directories[std::byte{1}] = {sparse};
  EXPECT_EQ(cat("s"), std::string("\0a\0\0\0ab\0", 8));
}

TEST_F(Pour, SaysWhenOneFileIsDamagedOrNoFile) {
  reader.damaged = {static_cast<std::byte>('y')};
  EXPECT_EQ(cat("big"), "!corrupt");
  EXPECT_EQ(cat("sub"), "!invalid");
  EXPECT_EQ(cat("small"), "hello");
}

TEST_F(Pour, RefusesChunksThatDoNotAddUp) {
  Entry wrong = BrowseFake::chunked("w", {{'a', 2}});
  wrong.content.size = 5;
  reader.directories[std::byte{1}] = {wrong};
  EXPECT_TRUE(pour_all());
  EXPECT_THAT(out.lines, ElementsAre(""));
  EXPECT_EQ(reader.problems.size(), 1U);
}

}  // namespace
}  // namespace reprieve::backup
