#include "source/postgresql/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprieve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kAt = "connection to server at \"10.0.0.7\", port 5432 failed: ";

std::string refused(std::string_view body) {
  return std::string{kAt} + std::string{body} + "\nLOCATION:  somewhere, file.c:1\n";
}

TEST(Login, TellsAWrongPasswordInAnyLanguage) {
  for (const char* text : {"FATAL:  28P01: password authentication failed for user \"backup\"",
                           "ФАТАЛЬНО:  28P01: пользователь \"backup\" не прошёл проверку"}) {
    const Error error = error_from_login(refused(text), "backup");
    EXPECT_EQ(error.kind, ErrorKind::kDenied);
    EXPECT_THAT(error.hint, HasSubstr("password"));
    EXPECT_THAT(error.what, Not(HasSubstr("LOCATION")));
  }
}

TEST(Login, SaysHowToGrantReplication) {
  const Error error = error_from_login(
      refused("FATAL:  42501: must be superuser or replication role to start walsender"), "backup");
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_THAT(error.hint, HasSubstr("ALTER ROLE \"backup\" REPLICATION"));
}

TEST(Login, NamesTheLineThatPgHbaLacks) {
  const Error error = error_from_login(
      refused("FATAL:  28000: no pg_hba.conf entry for replication connection from host "
              "\"10.0.0.9\", user \"backup\", no encryption"),
      "backup");
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_THAT(error.hint, HasSubstr("host replication backup 10.0.0.9/32 scram-sha-256"));
  const Error local = error_from_login(
      refused("FATAL:  28000: no pg_hba.conf entry for replication connection from host "
              "\"[local]\", user \"backup\", no encryption"),
      "backup");
  EXPECT_THAT(local.hint, HasSubstr("local replication backup scram-sha-256"));
}

TEST(Login, TellsAServerThatIsAwayFromOneThatRefuses) {
  EXPECT_EQ(
      error_from_login(std::string{kAt} + "Connection refused\n\tIs the server running?", "x").kind,
      ErrorKind::kTransient);
  EXPECT_EQ(
      error_from_login(refused("FATAL:  57P03: the database system is starting up"), "x").kind,
      ErrorKind::kTransient);
  EXPECT_EQ(error_from_login(std::string{kAt} + "fe_sendauth: no password supplied\n", "x").kind,
            ErrorKind::kDenied);
}

TEST(SqlState, TellsMissingSetupFromUsedUpResources) {
  const Error minimal =
      error_from_sqlstate("55000", "replication slots can only be used if wal_level >= replica");
  EXPECT_EQ(minimal.kind, ErrorKind::kInvalid);
  EXPECT_THAT(minimal.hint, HasSubstr("wal_level = replica"));
  const Error none = error_from_sqlstate(
      "53300", "number of requested standby connections exceeds max_wal_senders (currently 0)");
  EXPECT_EQ(none.kind, ErrorKind::kInvalid);
  const Error full = error_from_sqlstate(
      "53300", "number of requested standby connections exceeds max_wal_senders (currently 5)");
  EXPECT_EQ(full.kind, ErrorKind::kExhausted);
  EXPECT_EQ(error_from_sqlstate("XX001", "checksum verification failure").kind,
            ErrorKind::kCorrupt);
  EXPECT_EQ(error_from_sqlstate("99999", "something new").kind, ErrorKind::kTransient);
}

TEST(Version, RefusesServersWithoutManifests) {
  EXPECT_TRUE(check_version(130000));
  EXPECT_TRUE(check_version(180001));
  const auto old = check_version(120022);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(old.error().what, HasSubstr("PostgreSQL 12, which is too old"));
  EXPECT_THAT(check_version(90624).error().what, HasSubstr("PostgreSQL 9.6"));
}

TEST(Connection, DoesNotRepeatABrokenConnectionString) {
  CancelToken cancel;
  PostgresAddress address;
  address.uri = "postgres://user:hunter2@host:port:5432/x?nonsense=1";
  const auto connection =
      Connection::open(address, Connection::Mode::kQuery, system_clock(), cancel);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(connection.error().what + connection.error().hint, Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace reprieve
