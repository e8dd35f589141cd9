#include "source/postgresql/backup_label.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

constexpr std::string_view kLabel =
    "START WAL LOCATION: 0/2000028 (file 000000030000000000000002)\n"
    "CHECKPOINT LOCATION: 0/2000060\n"
    "BACKUP METHOD: streamed\n"
    "BACKUP FROM: standby\n"
    "START TIME: 2026-11-20 14:00:00 UTC\n"
    "LABEL: START TIMELINE: 9\n"
    "START TIMELINE: 3\n";

TEST(BackupLabel, TellsWhereRecoveryBegins) {
  const auto label = parse_backup_label(as_bytes(kLabel));
  ASSERT_TRUE(label);
  EXPECT_EQ(label->start, (Lsn{0x2000028}));
  EXPECT_EQ(label->checkpoint, (Lsn{0x2000060}));
  EXPECT_EQ(label->first_segment, "000000030000000000000002");
  EXPECT_EQ(label->timeline, 3U) << "a label text must not pass for a field";
  EXPECT_TRUE(label->is_from_standby);
}

TEST(BackupLabel, RefusesAPartialOne) {
  for (const std::string_view text :
       {std::string_view{}, kLabel.substr(0, 40), kLabel.substr(0, 70), kLabel.substr(70),
        kLabel.substr(0, kLabel.size() - 3)})
    EXPECT_FALSE(parse_backup_label(as_bytes(text))) << text;
}

TEST(TablespaceMap, ReadsBackOddLocations) {
  const std::vector<TablespaceLink> links = {
      {16385, "/srv/space"}, {16390, "/srv/a b\n\r\\c"}, {4294967295U, "/\xff"}};
  const auto parsed = parse_tablespace_map(as_bytes(encode_tablespace_map(links)));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, links);
}

TEST(TablespaceMap, RefusesWhatNoServerWrites) {
  for (const char* text : {"16385\n", "0 /x\n", "16385 relative\n", "16385 /x", "-1 /x\n",
                           "16385 /x\n16385 /y\n", "16385 /x\\", "99999999999 /x\n"})
    EXPECT_FALSE(parse_tablespace_map(as_bytes(std::string_view{text}))) << text;
}

}  // namespace
}  // namespace reprieve
