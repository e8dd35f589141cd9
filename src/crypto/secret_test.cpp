#include "crypto/secret.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

namespace reprieve {
namespace {

static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);

TEST(Secret, StartsAsZeros) {
  const Secret secret{100};
  EXPECT_EQ(copy_of(secret.expose()), Bytes(100, std::byte{0}));
}

TEST(Secret, IsEmptyAfterAMove) {
  Secret from = Secret::copy_of(as_bytes("password"));
  Secret to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): the contract promises this.
  EXPECT_EQ(as_text(to.expose()), "password");
  Secret third = Secret::copy_of(as_bytes("other"));
  third = std::move(to);
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(as_text(third.expose()), "password");
}

TEST(Secret, IsCopiedOnlyWhenAskedTo) {
  Secret first = Secret::copy_of(as_bytes("password"));
  const Secret second = first.clone();
  first.expose_mutable()[0] = std::byte{'P'};
  EXPECT_EQ(as_text(second.expose()), "password");
}

}  // namespace
}  // namespace reprieve
