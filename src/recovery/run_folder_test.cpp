#include "recovery/run_folder.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>

#include "io/durable_file.hpp"

namespace reprieve::recovery {
namespace {

class RunFolderTest : public ::testing::Test {
 protected:
  RunFolderTest() {
    const char* const base = std::getenv("TMPDIR");
    dir_ = std::string{base == nullptr ? "/tmp" : base} + "/reprieve-run-XXXXXX";
    if (::mkdtemp(dir_.data()) == nullptr) std::abort();
  }
  ~RunFolderTest() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
};

TEST(RunId, SortsByTimeWithinASecondTooAndIsRecognised) {
  const std::string early = make_run_id(*parse_rfc3339("2026-11-20T14:49:00.250Z"));
  const std::string late = make_run_id(*parse_rfc3339("2026-11-20T14:49:00.251Z"));
  EXPECT_EQ(early.substr(0, 17), "r20261120-144900-");
  EXPECT_LT(early, late);
  EXPECT_TRUE(is_run_id(early));
}

TEST(RunId, NothingElseIsOne) {
  for (const char* const bad : {"", "r", "r20261120-144900-3f2", "r20261120-144900-3f2g",
                                "../../../../../etc/p", "x20261120-144900-3f2a"})
    EXPECT_FALSE(is_run_id(bad)) << bad;
}

TEST_F(RunFolderTest, ATornJournalIsCutBeforeItIsWrittenOn) {
  const auto folder = RunFolder::of(dir_, "r20261120-144900-3f2a");
  ASSERT_TRUE(folder);
  ASSERT_TRUE(io::create_directories_durably(folder->path()));
  crypto::Digest chain = journal_root();
  const std::string first =
      encode_journal_line({.kind = RecordKind::kNote, .at = {}, .boot_id = {}}, chain);
  ASSERT_TRUE(io::write_file_durably(folder->file("journal"), as_bytes(first + "0123")));
  const auto torn = read_journal(*folder);
  ASSERT_TRUE(torn);
  EXPECT_EQ(torn->torn_bytes, 4U);

  ManualClock clock{Instant{}};
  auto medium = FileMedium::open(folder->file("journal"), torn->whole_bytes);
  ASSERT_TRUE(medium);
  Journal journal{*std::move(medium), torn->chain, clock, "boot"};
  ASSERT_TRUE(journal.append(RecordKind::kNote, Json{{"text", "after"}}));

  const auto whole = read_journal(*folder);
  ASSERT_TRUE(whole) << whole.error().what;
  EXPECT_EQ(whole->records.size(), 2U);
  EXPECT_EQ(whole->torn_bytes, 0U);
}

TEST_F(RunFolderTest, MessagesComeInTheOrderInWhichTheyWereSent) {
  const auto folder = RunFolder::of(dir_, "r20261120-144900-3f2a");
  ManualClock clock{*parse_rfc3339("2026-11-20T14:49:00Z")};
  SeededRandom random{1};
  EXPECT_EQ(send_message(*folder, Json{{"n", 0}}, clock, random).error().kind,
            ErrorKind::kNotFound);
  ASSERT_TRUE(io::create_directories_durably(folder->path()));
  ASSERT_TRUE(io::write_file_durably(folder->file("journal"), {}));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(send_message(*folder, Json{{"n", i}}, clock, random));
    clock.sleep_for(std::chrono::seconds{1});
  }

  FileInbox inbox{*folder};
  const auto messages = inbox.read();

  ASSERT_TRUE(messages);
  ASSERT_EQ(messages->size(), 3U);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ((*messages)[static_cast<std::size_t>(i)].body["n"], i);
}

TEST_F(RunFolderTest, ARunThatIsNotThereIsNotFound) {
  const auto folder = RunFolder::of(dir_, "r20261120-144900-3f2a");
  EXPECT_EQ(read_journal(*folder).error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(run_ids(dir_)->empty());
}

TEST_F(RunFolderTest, WhatWasEndedBeforeItsFirstRecordIsNoRun) {
  const auto ended = RunFolder::of(dir_, "r20261120-144900-3f2a");
  const auto empty = RunFolder::of(dir_, "r20261120-144901-3f2a");
  const auto begun = RunFolder::of(dir_, "r20261120-144902-3f2a");
  for (const auto& folder : {*ended, *empty, *begun})
    ASSERT_TRUE(io::create_directories_durably(folder.path()));
  ASSERT_TRUE(io::write_file_durably(empty->file("journal"), {}));
  ASSERT_TRUE(io::write_file_durably(begun->file("journal"), as_bytes("x")));
  EXPECT_EQ(*run_ids(dir_), std::vector<std::string>{begun->id()});
}

}  // namespace
}  // namespace reprieve::recovery
