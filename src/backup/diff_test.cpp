#include "backup/diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/browse_fake_test.hpp"

namespace reprieve::backup {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> changes(BrowseFake& reader, const std::vector<Entry>& before,
                                 const std::vector<Entry>& after) {
  std::vector<std::string> lines;
  const auto done = compare(reader, before, after, [&](const Change& change) -> Result<> {
    constexpr std::string_view signs = "+-Mm";
    lines.push_back(std::string{signs[static_cast<std::size_t>(change.kind)]} + change.path);
    return kOk;
  });
  EXPECT_TRUE(done);
  return lines;
}

TEST(Diff, TellsAddedRemovedModifiedAndMetadataApart) {
  BrowseFake reader;
  Entry touched = BrowseFake::file("touched", "same");
  touched.modified.seconds = 7;
  EXPECT_THAT(changes(reader,
                      {BrowseFake::file("gone", "x"), BrowseFake::file("kept", "k"),
                       BrowseFake::file("new-bytes", "a"), BrowseFake::file("touched", "same")},
                      {BrowseFake::file("arrived", "y"), BrowseFake::file("kept", "k"),
                       BrowseFake::file("new-bytes", "b"), touched}),
              ElementsAre("+arrived", "-gone", "Mnew-bytes", "mtouched"));
}

TEST(Diff, ListsAllBelowADirectoryThatCame) {
  BrowseFake reader;
  reader.directories[std::byte{1}] = {BrowseFake::file("inside", "x")};
  EXPECT_THAT(changes(reader, {}, {BrowseFake::directory("d", 1)}), ElementsAre("+d", "+d/inside"));
}

TEST(Diff, NeverReadsDirectoriesThatAreEqual) {
  BrowseFake reader;
  EXPECT_THAT(changes(reader, {BrowseFake::directory("d", 1)}, {BrowseFake::directory("d", 1)}),
              ElementsAre());
  EXPECT_EQ(reader.reads, 0U);
}

TEST(Diff, ADirectoryThatBecameAFileWasRemovedAndAdded) {
  BrowseFake reader;
  reader.directories[std::byte{1}] = {BrowseFake::file("inside", "x")};
  EXPECT_THAT(
      changes(reader, {BrowseFake::directory("d", 1)}, {BrowseFake::file("d", "now a file")}),
      ElementsAre("-d", "-d/inside", "+d"));
}

}  // namespace
}  // namespace reprieve::backup
