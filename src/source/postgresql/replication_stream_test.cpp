#include "source/postgresql/replication_stream.hpp"

#include <gtest/gtest.h>

namespace reprieve {
namespace {

using namespace std::string_view_literals;

TEST(WalMessage, ReadsDataAndKeepalives) {
  const auto data = parse_wal_message(
      as_bytes("w\0\0\0\x01\0\0\0\x28\0\0\0\x01\0\0\0\x30\0\0\0\0\0\0\0\x01payload"sv));
  ASSERT_TRUE(data);
  EXPECT_EQ(data->server_end, (Lsn{0x100000030ULL}));
  EXPECT_EQ(data->sent.nanoseconds, 946'684'800'000'001'000);
  EXPECT_EQ(data->kind, WalMessage::Kind::kData);
  EXPECT_EQ(data->start, (Lsn{0x100000028ULL}));
  EXPECT_EQ(as_text(data->data), "payload");
  const auto alive = parse_wal_message(as_bytes("k\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"sv));
  ASSERT_TRUE(alive);
  EXPECT_EQ(alive->kind, WalMessage::Kind::kKeepalive);
  EXPECT_TRUE(alive->is_reply_requested);
}

TEST(WalMessage, RefusesWhatNoServerSends) {
  EXPECT_FALSE(parse_wal_message({}));
  EXPECT_FALSE(parse_wal_message(as_bytes("x"sv)));
  EXPECT_FALSE(parse_wal_message(as_bytes("w\0\0\0"sv)));
  EXPECT_FALSE(parse_wal_message(as_bytes("k\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv)));
  Bytes no_data(25, std::byte{0});
  no_data[0] = std::byte{'w'};
  EXPECT_FALSE(parse_wal_message(no_data));
}

TEST(WalMessage, WritesStatusUpdatesInNetworkOrder) {
  EXPECT_EQ(to_hex(encode_status_update(Lsn{0x100000028ULL}, Lsn{0x28}, 1, false)),
            "72"
            "0000000100000028"
            "0000000000000028"
            "0000000000000000"
            "0000000000000001"
            "00");
  EXPECT_EQ(encode_status_update(Lsn{}, Lsn{}, 0, true).back(), std::byte{1});
}

}  // namespace
}  // namespace reprieve
