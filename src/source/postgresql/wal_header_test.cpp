#include "source/postgresql/wal_header.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

WalHeader some_header() {
  WalHeader header;
  header.origin = {.source = "shopdb",
                   .system_identifier = "7123456789012345678",
                   .timeline = 2,
                   .segment_size = 16 * 1024 * 1024,
                   .page_size = 8192,
                   .server_version_num = 150020,
                   .history = "1\t0/3000258\tno recovery target specified\n"};
  header.heard = Instant{1'700'000'000'000'000'001};
  header.server_end = Lsn{0x5000000};
  header.commits = 12;
  header.first_commit = Instant{1'700'000'000'000'000'000};
  header.last_commit = Instant{1'700'000'001'000'000'000};
  header.restore_points = {{"caf\xe9", Lsn{0x4fffff8}, Instant{1}}};
  return header;
}

TEST(WalHeader, IsReadBackAsItWasWritten) {
  EXPECT_EQ(*parse_wal_header(encode_wal_header(some_header())), some_header());
  WalHeader idle = some_header();
  idle.first_commit.reset();
  idle.last_commit.reset();
  idle.restore_points.clear();
  idle.is_proved = false;
  EXPECT_EQ(*parse_wal_header(encode_wal_header(idle)), idle);
}

TEST(WalHeader, KeepsAThousandRestorePointsAtMost) {
  WalHeader many = some_header();
  many.restore_points.assign(1500, many.restore_points[0]);
  EXPECT_EQ(parse_wal_header(encode_wal_header(many))->restore_points.size(), 1000U);
}

TEST(WalHeader, RefusesWhatNobodyWrites) {
  const std::string good = encode_wal_header(some_header());
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return parse_wal_header(text);
  };
  EXPECT_EQ(parse_wal_header("").error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(parse_wal_header("[]").error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(with("\"format\":1", "\"format\":2").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(with("postgres-wal", "binlog").error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(with("\"timeline\":2", "\"timeline\":0").error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(with("\"timeline\":2", "\"timeline\":4294967296").error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(with("\"segment_size\":16777216", "\"segment_size\":5").error().kind,
            ErrorKind::kCorrupt);
  EXPECT_EQ(with("\"server_end\":\"0/5000000\"", "\"server_end\":7").error().kind,
            ErrorKind::kCorrupt);
  EXPECT_EQ(with("\"commits\":12", "\"commits\":-1").error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace reprieve
