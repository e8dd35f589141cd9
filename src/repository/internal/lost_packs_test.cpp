#include "repository/internal/lost_packs.hpp"

#include <gtest/gtest.h>

#include "repository/internal/label.hpp"
#include "repository/internal/test_repository.hpp"

namespace reprieve::repository {
namespace {

TEST(LostPacks, AreThoseThatAreGoneOrHaveAnotherLength) {
  TestRepository test;
  const auto repository = test.open();
  ASSERT_TRUE(TestRepository::back_up(*repository, TestRepository::contents(1), "x"));
  auto lost = find_lost_packs(test.disk, repository->index());
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->empty());

  const auto keys = test.objects("pack/");
  ASSERT_GE(keys.size(), 3U);
  ASSERT_TRUE(test.disk.remove(keys.front()));
  ASSERT_TRUE(test.disk.remove(keys.back()));
  ASSERT_TRUE(test.disk.damage(keys[1], [](Bytes& bytes) { bytes.pop_back(); }));
  ASSERT_TRUE(test.disk.put(pack_key(PackId{}), Bytes(10)));  // In no index: not of interest.
  lost = find_lost_packs(test.disk, repository->index());
  ASSERT_TRUE(lost);
  EXPECT_EQ(*lost, (std::set<PackId>{*pack_id_in_key(keys.front()), *pack_id_in_key(keys[1]),
                                     *pack_id_in_key(keys.back())}));
}

}  // namespace
}  // namespace reprieve::repository
