#include "io/user.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace reprieve::io {
namespace {

TEST(FindUser, KnowsRoot) {
  const auto root = find_user("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->uid, 0U);
  EXPECT_EQ(root->gid, 0U);
  EXPECT_EQ(groups_of(*root)->front(), 0U);
}

TEST(FindUser, SaysNotFoundForAStranger) {
  EXPECT_EQ(find_user("no-such-user").error().kind, ErrorKind::kNotFound);
}

TEST(CurrentUser, IsTheOneWeRunAs) {
  EXPECT_EQ(current_user().uid, ::geteuid());
}

TEST(AccountNames, TranslatesBothWays) {
  AccountNames names;
  for (int round = 0; round < 2; ++round) {  // The second round is answered from memory.
    EXPECT_EQ(names.user_name(0), "root");
    EXPECT_EQ(names.group_name(0), "root");
    EXPECT_EQ(names.user_id("root"), 0U);
    EXPECT_EQ(names.group_id("root"), 0U);
    EXPECT_EQ(names.user_name(4'000'000'123U), std::nullopt);
    EXPECT_EQ(names.group_name(4'000'000'123U), std::nullopt);
    EXPECT_EQ(names.user_id("no-such-user"), std::nullopt);
    EXPECT_EQ(names.group_id("no-such-group"), std::nullopt);
  }
}

}  // namespace
}  // namespace reprieve::io
