#include "io/lock.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/temporary_folder.hpp"

namespace reprieve::io {
namespace {

TEST(FileLock, IsHeldByOneAndNamesItsHolder) {
  const auto folder = *TemporaryFolder::create();
  const auto held = FileLock::try_take(folder.path("lock"), "run 7f3a");
  ASSERT_TRUE(held);

  const auto second = FileLock::try_take(folder.path("lock"), "run 8888");

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_NE(second.error().what.find("process " + std::to_string(::getpid())), std::string::npos);
  EXPECT_NE(second.error().what.find("run 7f3a"), std::string::npos);
}

TEST(FileLock, IsFreeAfterItsHolder) {
  const auto folder = *TemporaryFolder::create();
  { ASSERT_TRUE(FileLock::try_take(folder.path("lock"), "one")); }
  EXPECT_TRUE(FileLock::try_take(folder.path("lock"), "two"));
}

TEST(FileLock, IsFreeAfterItsHolderCrashed) {
  const auto folder = *TemporaryFolder::create();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto held = FileLock::try_take(folder.path("lock"), "child");
    ::_exit(held ? 0 : 1);  // Without destructors, as a crash ends.
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(FileLock::try_take(folder.path("lock"), "parent"));
}

}  // namespace
}  // namespace reprieve::io
