#include "backup/diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace reprieve::backup {
namespace {

using ::testing::ElementsAre;

/// Directories by the first byte of their id.
class FakeReader : public RestoreReader {
 public:
  std::map<std::byte, std::vector<Entry>> directories;
  int reads = 0;

  Result<std::vector<Entry>> read_directory(const ListRef& directory) override {
    ++reads;
    return directories.at(directory.id.bytes[0]);
  }
  Result<std::vector<ChunkRef>> chunks_of(const Content& content) override {
    return content.chunks;
  }
  bool is_chunk(const ChunkId&, ByteView) override { return false; }
  Result<> fetch(std::span<const Request>, const Deliver&, const Missing&) override { return kOk; }
  void report(Problem) override {}
  Progress& progress() override { return progress_; }
  const CancelToken& cancel() override { return cancel_; }

 private:
  Progress progress_;
  CancelToken cancel_;
};

Entry file(std::string name, std::string_view content) {
  Entry entry;
  entry.name = std::move(name);
  entry.content.size = content.size();
  entry.content.inline_bytes = copy_of(as_bytes(content));
  return entry;
}

Entry directory(std::string name, std::uint8_t id) {
  Entry entry;
  entry.name = std::move(name);
  entry.type = EntryType::kDirectory;
  entry.directory.emplace();
  entry.directory->id.bytes[0] = std::byte{id};
  return entry;
}

std::vector<std::string> changes(FakeReader& reader, const std::vector<Entry>& before,
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
  FakeReader reader;
  Entry touched = file("touched", "same");
  touched.modified.seconds = 7;
  EXPECT_THAT(changes(reader,
                      {file("gone", "x"), file("kept", "k"), file("new-bytes", "a"),
                       file("touched", "same")},
                      {file("arrived", "y"), file("kept", "k"), file("new-bytes", "b"), touched}),
              ElementsAre("+arrived", "-gone", "Mnew-bytes", "mtouched"));
}

TEST(Diff, ListsAllBelowADirectoryThatCame) {
  FakeReader reader;
  reader.directories[std::byte{1}] = {file("inside", "x")};
  EXPECT_THAT(changes(reader, {}, {directory("d", 1)}), ElementsAre("+d", "+d/inside"));
}

TEST(Diff, NeverReadsDirectoriesThatAreEqual) {
  FakeReader reader;
  EXPECT_THAT(changes(reader, {directory("d", 1)}, {directory("d", 1)}), ElementsAre());
  EXPECT_EQ(reader.reads, 0);
}

TEST(Diff, ADirectoryThatBecameAFileWasRemovedAndAdded) {
  FakeReader reader;
  reader.directories[std::byte{1}] = {file("inside", "x")};
  EXPECT_THAT(changes(reader, {directory("d", 1)}, {file("d", "now a file")}),
              ElementsAre("-d", "-d/inside", "+d"));
}

}  // namespace
}  // namespace reprieve::backup
