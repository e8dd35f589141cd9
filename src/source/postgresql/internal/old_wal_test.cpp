#include "source/postgresql/internal/old_wal.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

TEST(OldWal, KnowsTheFilesOfALog) {
  for (const char* name : {"000000010000000000000007", "0000000A00000001000000FF.partial",
                           "00000002.history", "000000010000000000000002.00000028.backup"})
    EXPECT_TRUE(is_wal_file(name)) << name;
  for (const char* name :
       {"", "archive_status", "xlogtemp.77", "summaries", "00000001000000000000000",
        "000000010000000000000007.gz", "00000001000000000000000g", "0000000X.history", ".history"})
    EXPECT_FALSE(is_wal_file(name)) << name;
}

TEST(OldWal, NamesAFolderThatIsNotThereYet) {
  EXPECT_EQ(next_old_wal_folder({}), "before-restore");
  EXPECT_EQ(next_old_wal_folder({{"before-restore", {}}, {"archive_status", {}}}),
            "before-restore.2");
  EXPECT_EQ(next_old_wal_folder({{"before-restore.2", {}}, {"before-restore", {}}}),
            "before-restore.3");
  for (const char* name : {"before-restore", "before-restore.2", "before-restore.31"})
    EXPECT_TRUE(is_old_wal_folder(name)) << name;
  for (const char* name : {"", "before-restore.", "before-restore.1", "before-restore.x",
                           "before-restored", "before-restore/..", "before-restore.2/../.."})
    EXPECT_FALSE(is_old_wal_folder(name)) << name;
}

}  // namespace
}  // namespace reprieve
