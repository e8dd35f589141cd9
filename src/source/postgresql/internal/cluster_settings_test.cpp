#include "source/postgresql/internal/cluster_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprieve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<Setting> kRecovery = {{"restore_command", "fetch"}};

std::map<std::string, std::string> inside() {
  return {{"postgresql.conf", "max_connections = 200\n"},
          {"postgresql.auto.conf", "# Do not edit\nrecovery_target_time = 'old'\n"},
          {"pg_hba.conf", "local all all peer\n"},
          {"pg_ident.conf", ""}};
}

TEST(ClusterSettings, AddOnlyTheRecoveryWhereEverythingIsInPlace) {
  ClusterFacts facts;
  facts.recovery_settings = {{"max_connections", "200"}, {"max_wal_senders", "10"}};
  const auto configured = configure_cluster(inside(), facts, kRecovery);
  ASSERT_EQ(configured.files.size(), 1U);
  EXPECT_EQ(configured.files.at("postgresql.auto.conf"),
            "# Do not edit\n"
            "# disabled by reprieve: recovery_target_time = 'old'\n"
            "# Added by reprieve for this recovery.\n"
            "restore_command = 'fetch'\n");
  EXPECT_TRUE(configured.notes.empty());
}

TEST(ClusterSettings, KeepTheCapacityThatReplayNeeds) {
  ClusterFacts facts;
  facts.recovery_settings = {{"max_connections", "500"}, {"max_prepared_transactions", "7"}};
  const auto configured = configure_cluster(inside(), facts, kRecovery);
  EXPECT_THAT(configured.files.at("postgresql.auto.conf"),
              HasSubstr("max_connections = '500'\nmax_prepared_transactions = '7'\n"));
  EXPECT_FALSE(configured.notes.empty());
}

TEST(ClusterSettings, DisableWhatWouldStartAnotherClusterOrNone) {
  auto present = inside();
  present["postgresql.conf"] += "data_directory = '/old'\nrecovery_target_xid = 5\n";
  const auto configured = configure_cluster(present, {}, kRecovery);
  EXPECT_EQ(configured.files.at("postgresql.conf"),
            "max_connections = 200\n"
            "# disabled by reprieve: data_directory = '/old'\n"
            "# disabled by reprieve: recovery_target_xid = 5\n");
}

TEST(ClusterSettings, BringBackConfigurationFromOutside) {
  ClusterFacts facts;
  facts.configuration = {
      {"config_file", "/etc/postgresql.conf",
       "data_directory = '/var/lib/x'\nwork_mem = 8MB\ninclude_dir = 'conf.d'\nssl = on\n"},
      {"hba_file", "/etc/pg_hba.conf", "host all all all scram-sha-256\n"},
      {"include", "/etc/conf.d/a.conf", "work_mem = 16MB\n"},
      {"include", "/etc/conf.d/unreadable.conf", std::nullopt}};
  const auto configured = configure_cluster({}, facts, kRecovery);
  const std::string& text = configured.files.at("postgresql.conf");
  EXPECT_EQ(find_setting(text, "work_mem"), "16MB");
  EXPECT_EQ(find_setting(text, "data_directory"), std::nullopt);
  EXPECT_EQ(find_setting(text, "include_dir"), std::nullopt);
  EXPECT_EQ(find_setting(text, "ssl"), std::nullopt);
  EXPECT_EQ(configured.files.at("pg_hba.conf"), "host all all all scram-sha-256\n");
  EXPECT_EQ(configured.files.at("pg_ident.conf"), "");
}

TEST(ClusterSettings, MakeAMinimumWhereNothingWasCaptured) {
  const auto configured = configure_cluster({}, {}, kRecovery);
  EXPECT_THAT(configured.files.at("postgresql.conf"), HasSubstr("listen_addresses = 'localhost'"));
  EXPECT_THAT(configured.files.at("pg_hba.conf"), Not(HasSubstr("trust")));
  EXPECT_GE(configured.notes.size(), 2U);
}

}  // namespace
}  // namespace reprieve
