#include "source/postgresql/settings_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprieve {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(SettingsFile, QuotesEveryByteThatMeansSomething) {
  EXPECT_EQ(quote_setting("plain"), "'plain'");
  EXPECT_EQ(quote_setting("it's a \\ and\na line"), "'it''s a \\\\ and\\na line'");
  EXPECT_EQ(quote_shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(quote_command_word("/srv/100%"), "'/srv/100%%'");
}

TEST(SettingsFile, SurvivesOddPathsInTheRestoreCommand) {
  const std::string command = staged_restore_command("/opt/o'dd 50%/reprieve", "/pg/\"x\" $y/wal");
  EXPECT_EQ(command,
            "'/opt/o'\\''dd 50%%/reprieve' wal fetch --from '/pg/\"x\" $y/wal' \"%f\" \"%p\"");
  const std::string line = format_setting({"restore_command", command});
  EXPECT_EQ(find_setting(line, "restore_command"), command) << "what the server reads back";
}

TEST(SettingsFile, FindsTheLastValueAsTheServerDoes) {
  const char* text =
      "# port = 1\n"
      "port = 5432 # old\n"
      "  Port 5433\n"
      "search_path = 'a, ''b'''\n";
  EXPECT_EQ(find_setting(text, "port"), "5433");
  EXPECT_EQ(find_setting(text, "PORT"), "5433");
  EXPECT_EQ(find_setting(text, "search_path"), "a, 'b'");
  EXPECT_EQ(find_setting(text, "por"), std::nullopt);
}

TEST(SettingsFile, DisablesWhatAnEarlierRecoveryLeft) {
  const std::string text =
      "max_connections = 100\n"
      "recovery_target_time = '2020-01-01'\n"
      "RESTORE_COMMAND='cp x y'\n"
      "restore_commander = 1\n";
  EXPECT_EQ(disable_settings(text, stale_recovery_settings()),
            "max_connections = 100\n"
            "# disabled by reprieve: recovery_target_time = '2020-01-01'\n"
            "# disabled by reprieve: RESTORE_COMMAND='cp x y'\n"
            "restore_commander = 1\n");
}

TEST(SettingsFile, WritesExactlyOneTarget) {
  ClusterRestoreOptions options;
  options.program = "/usr/bin/reprieve";
  options.target =
      RecoveryTarget{RecoveryTarget::Kind::kTime, "2026-11-20T14:49:00.5+01:00", false};
  const auto settings = recovery_settings(options, "/pg/reprieve_wal");
  ASSERT_TRUE(settings);
  EXPECT_THAT(*settings, Contains(Setting{"recovery_target_time", "2026-11-20 13:49:00.500+00"}));
  EXPECT_THAT(*settings, Contains(Setting{"recovery_target_inclusive", "false"}));
  EXPECT_THAT(*settings, Contains(Setting{"recovery_target_action", "promote"}));
}

TEST(SettingsFile, RefusesTargetsThatNoServerTakes) {
  using Kind = RecoveryTarget::Kind;
  for (const auto& [kind, value] :
       {std::pair{Kind::kTime, "2026-11-20 14:49:00"}, std::pair{Kind::kLsn, "3000060"},
        std::pair{Kind::kName, ""}, std::pair{Kind::kTransaction, "12x"}}) {
    ClusterRestoreOptions options;
    options.target = RecoveryTarget{kind, value, true};
    const auto settings = recovery_settings(options, "/x");
    ASSERT_FALSE(settings) << value;
    EXPECT_EQ(settings.error().kind, ErrorKind::kInvalid);
  }
}

TEST(SettingsFile, CutsADrillsClusterOffFromTheOthers) {
  ClusterRestoreOptions options;
  options.purpose = ClusterPurpose::kDrill;
  const auto settings = recovery_settings(options, "/x");
  ASSERT_TRUE(settings);
  EXPECT_THAT(*settings, Contains(Setting{"archive_mode", "off"}));
  EXPECT_THAT(*settings, Contains(Setting{"synchronous_standby_names", ""}));
}

}  // namespace
}  // namespace reprieve
