#include "io/tcp.hpp"

#include <gtest/gtest.h>

#include "io/loopback_test.hpp"

namespace reprieve::io {
namespace {

constexpr Duration kTimeout = std::chrono::seconds{10};

TEST(CheckTcp, ReachesAListener) {
  const Loopback loopback;
  const auto taken = check_tcp("127.0.0.1", loopback.port(), kTimeout, system_clock());
  ASSERT_TRUE(taken) << taken.error().what;
  EXPECT_LT(*taken, kTimeout);
}

TEST(CheckTcp, NamesThePlaceWhereNobodyListens) {
  Loopback loopback;
  loopback.close();
  const auto refused = check_tcp("127.0.0.1", loopback.port(), kTimeout, system_clock());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kTransient);
  EXPECT_NE(refused.error().what.find("127.0.0.1 port " + std::to_string(loopback.port())),
            std::string::npos);
}

}  // namespace
}  // namespace reprieve::io
