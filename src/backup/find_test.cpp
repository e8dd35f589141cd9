#include "backup/find.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/browse_fake_test.hpp"

namespace reprieve::backup {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Find : public ::testing::Test {
 protected:
  /// "path" and for each state its runs: "path 0-2+4-4 3-3".
  std::vector<std::string> search(const FindQuery& query) {
    std::vector<std::string> lines;
    const auto done = find(reader, points, query, [&](const Found& found) -> Result<> {
      std::string line = found.path;
      for (const Found::State& state : found.states) {
        std::string text;
        for (const PointRun& run : state.runs) {
          text += text.empty() ? " " : "+";
          text += std::to_string(run.first) + "-" + std::to_string(run.last);
        }
        line += text;
      }
      lines.push_back(line);
      return kOk;
    });
    EXPECT_TRUE(done);
    return lines;
  }
  BrowseFake reader;
  std::vector<std::vector<Entry>> points;
};

TEST_F(Find, DrawsNeighboursTogetherAndReadsSharedFoldersOnce) {
  reader.directories[std::byte{1}] = {BrowseFake::file("a.conf", "1"),
                                      BrowseFake::directory("sub", 9)};
  reader.directories[std::byte{2}] = {BrowseFake::file("a.conf", "2"),
                                      BrowseFake::directory("sub", 9)};
  reader.directories[std::byte{9}] = {BrowseFake::file("b.conf", "b"), BrowseFake::file("c", "c")};
  for (const int id : {1, 1, 2, 1, 2})
    points.push_back({BrowseFake::directory("/etc", static_cast<std::uint8_t>(id))});

  EXPECT_THAT(search({.patterns = {"*.conf"}}),
              ElementsAre("/etc/a.conf 0-1+3-3 2-2+4-4", "/etc/sub/b.conf 0-4"));
  EXPECT_EQ(reader.reads, 3U);
}

TEST_F(Find, TellsADirectoryOnceThoughItsContentChanges) {
  reader.directories[std::byte{1}] = {};
  reader.directories[std::byte{2}] = {BrowseFake::file("new", "x")};
  points = {{BrowseFake::directory("/etc", 1)}, {BrowseFake::directory("/etc", 2)}};

  EXPECT_THAT(search({.patterns = {"etc"}}), ElementsAre("/etc 0-1"));
}

TEST_F(Find, GoesOnBesideAFolderThatIsDamaged) {
  reader.directories[std::byte{1}] = {BrowseFake::directory("bad", 2), BrowseFake::file("x", "")};
  reader.damaged = {std::byte{2}};
  points = {{BrowseFake::directory("/d", 1)}};

  EXPECT_THAT(search({.patterns = {"x"}}), ElementsAre("/d/x 0-0"));
  ASSERT_EQ(reader.problems.size(), 1U);
  EXPECT_EQ(reader.problems[0].path, "/d/bad");
}

TEST(FindQuery, MatchesNamesEndsOfPathsAndWholePaths) {
  const Entry entry = BrowseFake::file("a.conf", "12345");
  const auto is_match = [&](const std::string& pattern) {
    return matches({.patterns = {pattern}}, "/srv/etc/a.conf", entry);
  };
  EXPECT_TRUE(is_match("*.conf"));
  EXPECT_TRUE(is_match("etc/*.conf"));
  EXPECT_TRUE(is_match("/srv/**"));
  EXPECT_TRUE(is_match("/srv/*/a.conf"));
  EXPECT_TRUE(is_match("**/a.conf"));
  EXPECT_FALSE(is_match("/etc/*.conf"));
  EXPECT_FALSE(is_match("srv/*.conf"));
  EXPECT_FALSE(is_match("etc"));
}

TEST(FindQuery, MatchesTypeSizeAndTime) {
  Entry entry = BrowseFake::file("a", "12345");
  entry.modified = {100, 5};
  const auto is_match = [&](const FindQuery& query) { return matches(query, "/a", entry); };
  EXPECT_TRUE(is_match({.type = EntryType::kFile}));
  EXPECT_FALSE(is_match({.type = EntryType::kDirectory}));
  EXPECT_TRUE(is_match({.newer = FileTime{100, 4}}));
  EXPECT_FALSE(is_match({.newer = FileTime{100, 5}}));
  EXPECT_TRUE(is_match({.older = FileTime{100, 6}}));
  EXPECT_FALSE(is_match({.older = FileTime{100, 5}}));
  EXPECT_TRUE(is_match({.size_min = 5, .size_max = 5}));
  EXPECT_FALSE(is_match({.size_min = 6}));
  EXPECT_FALSE(is_match({.size_max = 4}));
}

TEST(FindQuery, RefusesAPatternThatCannotBeMeant) {
  EXPECT_EQ(check_query({.patterns = {"a[b"}}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(check_query({.patterns = {""}}).error().kind, ErrorKind::kInvalid);
  EXPECT_TRUE(check_query({.patterns = {"[ab]"}}));
}

}  // namespace
}  // namespace reprieve::backup
