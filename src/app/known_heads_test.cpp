#include "app/known_heads.hpp"

#include <gtest/gtest.h>

#include "io/durable_file.hpp"
#include "io/temporary_folder.hpp"

namespace reprieve::app {
namespace {

using repository::HeadAlarm;
using repository::Heads;
using repository::WriterId;

constexpr WriterId kAnna{std::byte{1}};

Heads heads_at(std::uint64_t seq) {
  Heads heads;
  heads.config = {2, {std::byte{2}}};
  heads.gc = {1, {std::byte{1}}};
  heads.writers[kAnna] = {seq, {std::byte{9}}};
  return heads;
}

class KnownHeadsFile : public testing::Test {
 protected:
  KnownHeads load() {
    auto loaded = KnownHeads::load(folder_.path(), "ab");
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().what);
    return *std::move(loaded);
  }
  io::TemporaryFolder folder_ = *io::TemporaryFolder::create();
};

TEST_F(KnownHeadsFile, RemembersNothingAtFirst) {
  EXPECT_EQ(load().heads(), Heads{});
}

TEST_F(KnownHeadsFile, RemembersTheNewestAndNeverGoesBack) {
  ASSERT_TRUE(load().advance(heads_at(5)));
  ASSERT_TRUE(load().advance(heads_at(3)));
  EXPECT_EQ(load().heads(), heads_at(5));
}

TEST_F(KnownHeadsFile, KeepsWhatAnotherProcessRememberedMeanwhile) {
  KnownHeads early = load();
  ASSERT_TRUE(load().advance(heads_at(7)));
  ASSERT_TRUE(early.advance(heads_at(6)));
  EXPECT_EQ(load().heads(), heads_at(7));
}

TEST_F(KnownHeadsFile, GoesBackOnlyWhenAPersonAcceptsIt) {
  const std::vector<HeadAlarm> alarms = {{"snap/a/5", "gone"}};
  ASSERT_TRUE(load().advance(heads_at(5)));
  ASSERT_TRUE(load().accept(heads_at(3), alarms));
  EXPECT_EQ(load().heads(), heads_at(3));
  EXPECT_TRUE(load().unaccepted(alarms).empty());
  EXPECT_EQ(load().unaccepted({{"snap/a/4", "gone"}}).size(), 1U);
  EXPECT_EQ(load().unaccepted({{"snap/a/5", "another"}}).size(), 1U);
}

TEST_F(KnownHeadsFile, DoesNotTakeADamagedFileForAnEmptyMemory) {
  ASSERT_TRUE(load().advance(heads_at(5)));
  ASSERT_TRUE(
      io::write_file_durably(folder_.path() + "/repositories/ab/heads.json", as_bytes("{")));
  const auto loaded = KnownHeads::load(folder_.path(), "ab");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::kCorrupt);
}

TEST(KnownHeadsText, RefusesEveryTextThatItDidNotWrite) {
  for (
      const char* text :
      {"", "[]", "{}", R"({"schema":"reprieve.heads/2"})", R"({"schema":"reprieve.heads/1"})",
       R"({"schema":"reprieve.heads/1","config":{"n":1,"id":"00"},"gc":{},"writers":[],"accepted":[]})",
       R"({"schema":"reprieve.heads/1","config":1,"gc":2,"writers":3,"accepted":4})"})
    EXPECT_FALSE(parse_known_heads(text)) << text;
  const KnownHeads empty;
  EXPECT_TRUE(parse_known_heads(encode_known_heads(empty)));
}

}  // namespace
}  // namespace reprieve::app
