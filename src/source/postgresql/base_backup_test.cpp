#include "source/postgresql/base_backup.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

using namespace std::string_view_literals;

TEST(BaseBackupCommand, SpeaksEachServersSyntax) {
  EXPECT_EQ(base_backup_command(140000, {.label = "it's"}),
            "BASE_BACKUP LABEL 'it''s' PROGRESS FAST NOWAIT TABLESPACE_MAP MANIFEST 'yes' "
            "MANIFEST_CHECKSUMS 'SHA256'");
  EXPECT_EQ(base_backup_command(150000, {.label = "it's"}),
            "BASE_BACKUP (LABEL 'it''s', PROGRESS, CHECKPOINT 'fast', WAIT false, "
            "TABLESPACE_MAP, VERIFY_CHECKSUMS true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')");
}

TEST(BaseBackupCommand, PassesTheOptionsOn) {
  const BaseBackupRequest slow{
      .label = "x", .is_fast = false, .max_rate_kib = 2048, .is_verifying_checksums = false};
  EXPECT_EQ(base_backup_command(130000, slow),
            "BASE_BACKUP LABEL 'x' PROGRESS NOWAIT MAX_RATE 2048 TABLESPACE_MAP NOVERIFY_CHECKSUMS "
            "MANIFEST 'yes' MANIFEST_CHECKSUMS 'SHA256'");
  EXPECT_EQ(base_backup_command(170000, slow),
            "BASE_BACKUP (LABEL 'x', PROGRESS, CHECKPOINT 'spread', WAIT false, TABLESPACE_MAP, "
            "MAX_RATE 2048, VERIFY_CHECKSUMS false, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')");
}

TEST(BackupMessage, TellsItsKind) {
  const auto data = parse_backup_message(as_bytes("dabc"));
  ASSERT_TRUE(data);
  EXPECT_EQ(as_text(data->data), "abc");
  const auto base = parse_backup_message(as_bytes("nbase.tar\0\0"sv));
  ASSERT_TRUE(base);
  EXPECT_EQ(base->kind, BackupMessage::Kind::kArchive);
  EXPECT_FALSE(base->tablespace);
  const auto space = parse_backup_message(as_bytes("n16385.tar\0/srv/space\0"sv));
  ASSERT_TRUE(space);
  EXPECT_EQ(space->tablespace, 16385U);
  EXPECT_EQ(parse_backup_message(as_bytes("m"))->kind, BackupMessage::Kind::kManifest);
  EXPECT_EQ(parse_backup_message(as_bytes("p12345678"))->kind, BackupMessage::Kind::kProgress);
}

TEST(BackupMessage, RefusesWhatNoServerSends) {
  for (const auto text : {""sv, "x"sv, "n"sv, "nbase.tar"sv, "n../x.tar\0\0"sv,
                          "nbase.tar.gz\0\0"sv, "n0.tar\0\0"sv, "n16385\0\0"sv})
    EXPECT_FALSE(parse_backup_message(as_bytes(text))) << text;
}

}  // namespace
}  // namespace reprieve
