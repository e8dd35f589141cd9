#include "app/pack_rota.hpp"

#include <gtest/gtest.h>

#include "io/temporary_folder.hpp"

namespace reprieve::app {
namespace {

constexpr std::int64_t kHour = 3'600'000'000'000;

ObjectKey key(char digit) {
  return "pack/" + std::string(64, digit);
}
Instant at(std::int64_t hours) {
  return Instant{hours * kHour};
}

std::vector<ObjectInfo> packs(std::string_view digits, std::uint64_t bytes = 100) {
  std::vector<ObjectInfo> all;
  for (const char digit : digits)
    all.push_back({key(digit), ByteCount{bytes}});
  return all;
}

std::string digits_of(const std::vector<ObjectInfo>& chosen) {
  std::string digits;
  for (const ObjectInfo& pack : chosen)
    digits += pack.key.back();
  return digits;
}

class PackRota : public testing::Test {
 protected:
  PackRota() {
    proofs_.record(key('a'), at(30));
    proofs_.record(key('b'), at(10));
    proofs_.record(key('c'), at(20));
  }
  std::string choose(const RotaChoice& choice) {
    return digits_of(choose_packs(packs("abcd"), proofs_, choice, at(40)));
  }
  PackProofs proofs_;
};

TEST_F(PackRota, BeginsWithWhatWasNeverProvedThenWithTheOldest) {
  EXPECT_EQ(choose({}), "dbca");
}

TEST_F(PackRota, StopsAtTheShareOfBytesButReadsOneAtLeast) {
  EXPECT_EQ(choose({.percent = 50, .max_age = {}}), "db");
  EXPECT_EQ(choose({.percent = 51, .max_age = {}}), "dbc");
  EXPECT_EQ(choose({.percent = 0.01, .max_age = {}}), "d");
  EXPECT_EQ(choose({.percent = 100, .max_age = {}}), "dbca");
}

TEST_F(PackRota, LeavesOutWhatWasProvedNotLongAgo) {
  EXPECT_EQ(choose({.percent = {}, .max_age = std::chrono::hours{20}}), "dbc");
  EXPECT_EQ(choose({.percent = {}, .max_age = std::chrono::hours{100}}), "d");
  EXPECT_EQ(choose({.percent = 25, .max_age = std::chrono::hours{20}}), "d");
}

TEST_F(PackRota, ComesToEveryPackWithinTheRightNumberOfRuns) {
  const auto all = packs("0123456789abcdef");
  PackProofs proofs;
  for (int run = 0; run < 8; ++run) {
    EXPECT_FALSE(proofs.oldest(all));
    const RotaChoice eighth{.percent = 12.5, .max_age = {}};
    for (const ObjectInfo& pack : choose_packs(all, proofs, eighth, at(run)))
      proofs.record(pack.key, at(run));
  }
  EXPECT_EQ(proofs.oldest(all), at(0));
}

TEST_F(PackRota, KeepsItsMemoryOfPacksThatAreThereAndOfNoOther) {
  const io::TemporaryFolder folder = *io::TemporaryFolder::create();
  PackProofs proofs = PackProofs::load(folder.path(), "ab");
  proofs.record(key('a'), at(1));
  proofs.record(key('b'), at(2));
  ASSERT_TRUE(proofs.save(packs("b")));
  const PackProofs loaded = PackProofs::load(folder.path(), "ab");
  EXPECT_EQ(loaded.proved_at(key('a')), std::nullopt);
  EXPECT_EQ(loaded.proved_at(key('b')), at(2));
}

TEST_F(PackRota, TakesNothingFromADamagedFile) {
  const Bytes good = encode_pack_proofs(proofs_);
  ASSERT_TRUE(parse_pack_proofs(good));
  EXPECT_EQ(encode_pack_proofs(*parse_pack_proofs(good)), good);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= std::byte{1};
    EXPECT_FALSE(parse_pack_proofs(bad)) << i;
    EXPECT_FALSE(parse_pack_proofs(ByteView{good}.first(i))) << i;
  }
}

}  // namespace
}  // namespace reprieve::app
