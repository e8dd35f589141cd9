#include "io/process_identity.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "io/process.hpp"

namespace reprieve::io {
namespace {

TEST(ProcessIdentity, KnowsALivingProcess) {
  const ProcessIdentity self = own_identity();
  EXPECT_EQ(self.pid, ::getpid());
  EXPECT_TRUE(self.is_alive());
  EXPECT_EQ(*identity_of(::getpid()), self);
}

TEST(ProcessIdentity, IsNotFooledByAReusedNumber) {
  ProcessIdentity other = own_identity();
  other.start_ticks += 1;
  EXPECT_FALSE(other.is_alive());
  EXPECT_EQ(other.signal(SIGKILL).error().kind, ErrorKind::kNotFound);
}

TEST(ProcessIdentity, IsNotFooledByAReboot) {
  ProcessIdentity other = own_identity();
  other.boot_id = "00000000-0000-0000-0000-000000000000";
  EXPECT_FALSE(other.is_alive());
}

TEST(ProcessIdentity, TakesAnEndedProcessForDeadBeforeAnybodyWaited) {
  auto child = *Process::start({.argv = {"sleep", "100"}});
  const ProcessIdentity identity = child.identity();
  EXPECT_TRUE(identity.is_alive());
  ASSERT_TRUE(identity.signal(SIGKILL));
  ::siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(identity.is_alive());
  ASSERT_TRUE(child.wait());
  EXPECT_FALSE(identity.is_alive());
  EXPECT_EQ(identity_of(child.pid()).error().kind, ErrorKind::kNotFound);
}

TEST(ProcessIdentity, SurvivesBeingWrittenDown) {
  const ProcessIdentity self = own_identity();
  EXPECT_EQ(ProcessIdentity::parse(self.text()), self);
  for (const std::string_view text : {"", "1", "1 2", "x 2 b", "1 x b", "-1 2 b", "0 2 b", "1 2 "})
    EXPECT_FALSE(ProcessIdentity::parse(text)) << text;
}

TEST(ProcessStat, IsReadBehindAnyName) {
  const std::string fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
  for (const std::string name : {"(cat)", "(a b)", "(a) R 1)", "()))", "( ) "}) {
    const auto stat = parse_process_stat("77 " + name + (name.back() == ' ' ? ") " : " ") + fields);
    ASSERT_TRUE(stat) << name;
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->start_ticks, 4711U);
  }
  for (const std::string_view text : {"", "77 (cat", "77 (cat) ", "77 (cat) S 1 2 3", "77 cat S"})
    EXPECT_EQ(parse_process_stat(text).error().kind, ErrorKind::kCorrupt) << text;
}

}  // namespace
}  // namespace reprieve::io
