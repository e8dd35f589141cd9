#include "repository/internal/pack_check.hpp"

#include <gtest/gtest.h>

#include "repository/internal/test_pack.hpp"

namespace reprieve::repository {
namespace {

class PackDamage : public testing::Test {
 protected:
  void expect_healed(const Bytes& damaged, std::string_view what) {
    const PackCheck check = check_pack(id_, damaged);
    ASSERT_FALSE(check.is_whole()) << what;
    ASSERT_TRUE(check.is_healable()) << what << ": " << check.describe();
    EXPECT_NE(check.describe(), "");
    const auto healed = heal_pack(id_, check, damaged);
    ASSERT_TRUE(healed) << what;
    ASSERT_EQ(*healed, whole_) << what;
  }
  void expect_lost(const Bytes& damaged) {
    const PackCheck check = check_pack(id_, damaged);
    EXPECT_FALSE(check.is_whole());
    EXPECT_FALSE(check.is_healable());
    const auto healed = heal_pack(id_, check, damaged);
    ASSERT_FALSE(healed);
    EXPECT_EQ(healed.error().kind, ErrorKind::kCorrupt);
  }
  Bytes cut(std::size_t from, std::size_t count) {
    Bytes out = whole_;
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(from),
              out.begin() + static_cast<std::ptrdiff_t>(from + count));
    return out;
  }

  FinishedPack pack_ = TestPack{1}.build();
  PackId id_ = pack_.contents.id;
  Bytes whole_ = copy_of(pack_.object());
  std::size_t label_ = pack_.contents.label.size();
};

TEST_F(PackDamage, OfAnySingleByteIsFoundAndHealedToTheSameBytes) {
  // Every byte of labels and locator, every 61st of the shards: all behave alike.
  for (std::size_t i = 0; i < whole_.size();
       i += i < label_ || i + label_ + 8 >= whole_.size() ? 1U : 61U) {
    Bytes damaged = whole_;
    damaged[i] ^= std::byte{0x40};
    expect_healed(damaged, "byte " + std::to_string(i));
  }
}

TEST_F(PackDamage, OfALostTailIsHealed) {
  for (const std::size_t lost : {std::size_t{1}, std::size_t{8}, std::size_t{9}, label_ + 8,
                                 label_ + 9, label_ + 8 + 4096, label_ + 8 + 2 * 4096})
    expect_healed(cut(whole_.size() - lost, lost), "tail of " + std::to_string(lost));
}

TEST_F(PackDamage, OfALostFrontIsHealed) {
  for (const std::size_t lost : {std::size_t{1}, label_, label_ + 1, label_ + 4096, label_ + 8192})
    expect_healed(cut(0, lost), "front of " + std::to_string(lost));
}

TEST_F(PackDamage, OfBytesLostOrAddedInTheMiddleIsHealed) {
  expect_healed(cut(label_ + 5000, 100), "lost in the second shard");
  Bytes longer = whole_;
  longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(label_) + 10, 7, std::byte{1});
  expect_healed(longer, "added in the first shard");
  longer = whole_;
  longer.resize(longer.size() + 100, std::byte{0});
  expect_healed(longer, "added at the end");
}

TEST_F(PackDamage, OfTwoPlacesIsHealed) {
  for (const std::size_t first : {std::size_t{3}, label_ + 10, whole_.size() - 20}) {
    for (const std::size_t second : {label_ + 20, label_ + 4096 + 10}) {
      Bytes damaged = whole_;
      damaged[first] ^= std::byte{1};
      damaged[second] ^= std::byte{1};
      expect_healed(damaged, "two places");
    }
  }
}

TEST_F(PackDamage, BeyondParityIsReportedAndNotHealed) {
  Bytes damaged = whole_;
  for (std::size_t shard = 0; shard < 3; ++shard)
    damaged[label_ + shard * 4096 + 7] ^= std::byte{1};
  expect_lost(damaged);
  expect_lost({});
  expect_lost(cut(label_ + 10, whole_.size() - label_ - 10));
}

TEST_F(PackDamage, OfBothLabelsIsHealedOnlyWithACopyFromAnIndex) {
  Bytes damaged = whole_;
  damaged[50] ^= std::byte{1};
  damaged[damaged.size() - 50] ^= std::byte{1};
  expect_lost(damaged);
  const PackCheck check = check_pack(id_, damaged, pack_.contents.label);
  ASSERT_TRUE(check.is_healable());
  const auto healed = heal_pack(id_, check, damaged);
  ASSERT_TRUE(healed);
  EXPECT_EQ(*healed, whole_);
  const Bytes wrong(label_, std::byte{0});
  EXPECT_FALSE(check_pack(id_, damaged, wrong).is_healable());
}

TEST_F(PackDamage, GivesTheBodyWithoutTheRest) {
  Bytes damaged = whole_;
  damaged[label_ + 3] ^= std::byte{1};
  const PackCheck check = check_pack(id_, damaged);
  const auto body = heal_body(check, damaged);
  ASSERT_TRUE(body);
  EXPECT_EQ(*body, copy_of(ByteView{whole_}.subspan(label_, body->size())));
}

TEST_F(PackDamage, OfAnotherPacksBytesIsNotHealed) {
  const FinishedPack other = TestPack{2}.build();
  const PackCheck check = check_pack(id_, other.object());
  EXPECT_FALSE(check.is_healable());
}

}  // namespace
}  // namespace reprieve::repository
