#include "recovery/journal.hpp"

#include <gtest/gtest.h>

#include <string>

namespace reprieve::recovery {
namespace {

Record record_number(int number) {
  return Record{.kind = RecordKind::kNote,
                .at = Instant{1'800'000'000'000'000'000 + number},
                .uptime = Duration{number},
                .boot_id = "boot",
                .body = Json{{"text", "note " + std::to_string(number)}}};
}

std::string journal_of(int count) {
  crypto::Digest chain = journal_root();
  std::string text;
  for (int i = 0; i < count; ++i)
    text += encode_journal_line(record_number(i), chain);
  return text;
}

TEST(Journal, ReadsBackWhatWasWritten) {
  const auto parsed = parse_journal(as_bytes(journal_of(3)));

  ASSERT_TRUE(parsed) << parsed.error().what;
  ASSERT_EQ(parsed->records.size(), 3U);
  EXPECT_EQ(text_of(parsed->records[2].body, "text"), "note 2");
  EXPECT_EQ(parsed->records[2].uptime, Duration{2});
  EXPECT_EQ(parsed->records[2].at, record_number(2).at);
  EXPECT_EQ(parsed->torn_bytes, 0U);
}

TEST(Journal, CutsOffALastLineTornAtAnyByte) {
  const std::string whole = journal_of(2);
  const std::string longer = journal_of(3);
  for (std::size_t size = whole.size(); size < longer.size(); ++size) {
    SCOPED_TRACE(size);

    const auto parsed = parse_journal(as_bytes(longer.substr(0, size)));

    ASSERT_TRUE(parsed) << parsed.error().what;
    EXPECT_EQ(parsed->records.size(), 2U);
    EXPECT_EQ(parsed->whole_bytes, whole.size());
    EXPECT_EQ(parsed->torn_bytes, size - whole.size());
  }
}

TEST(Journal, CutsOffALastLineWhoseSectorsWereNeverWritten) {
  const std::string whole = journal_of(2);
  std::string torn = journal_of(3);
  for (std::size_t at = whole.size(); at < torn.size() && (at == whole.size() || at % 512 != 0);
       ++at)
    torn[at] = '\0';

  const auto parsed = parse_journal(as_bytes(torn));

  ASSERT_TRUE(parsed) << parsed.error().what;
  EXPECT_EQ(parsed->records.size(), 2U);
}

TEST(Journal, ReportsEveryFlippedByte) {
  const std::string good = journal_of(3);
  for (std::size_t at = 0; at < good.size(); ++at) {
    SCOPED_TRACE(at);
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x01);

    const auto parsed = parse_journal(as_bytes(bad));

    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(Journal, ReportsALineThatWasTakenOut) {
  const std::string all = journal_of(3);
  const std::size_t first = all.find('\n') + 1;
  const std::size_t second = all.find('\n', first) + 1;

  const auto parsed = parse_journal(as_bytes(all.substr(0, first) + all.substr(second)));

  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::kCorrupt);
}

TEST(Journal, ReadsAnEmptyFileAsNoRecords) {
  const auto parsed = parse_journal({});

  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->records.empty());
  EXPECT_EQ(parsed->chain, journal_root());
}

class FailingMedium : public JournalMedium {
 public:
  Result<> write(ByteView) override { return kOk; }
  Result<> sync() override { return Error{ErrorKind::kExhausted, "no space"}; }
};

TEST(Journal, StaysClosedAfterAFailedSync) {
  ManualClock clock{Instant{}};
  Journal journal{std::make_unique<FailingMedium>(), journal_root(), clock, "boot"};

  EXPECT_EQ(journal.append(RecordKind::kNote, Json::object()).error().kind, ErrorKind::kExhausted);
  EXPECT_EQ(journal.append(RecordKind::kNote, Json::object()).error().kind, ErrorKind::kConflict);
}

}  // namespace
}  // namespace reprieve::recovery
