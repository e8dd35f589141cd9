#include "repository/internal/merged_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "repository/internal/index.hpp"
#include "repository/internal/test_contents.hpp"

namespace reprieve::repository {
namespace {

crypto::Digest digest(unsigned char value) {
  crypto::Digest id{};
  id.fill(std::byte{value});
  return id;
}

/// A unit of one member that keeps its own bytes.
IndexUnit unit_of(unsigned char member, std::span<const PackContents> packs) {
  const auto owned = std::make_shared<const Bytes>(encode_index(packs));
  auto view = IndexView::parse(*owned);
  REPRIEVE_ASSERT(view);
  return {.members = {digest(member)}, .owners = {}, .view = *view, .backing = owned};
}

Bytes merged_bytes(std::span<const MergeSource> sources) {
  Bytes out;
  const auto written = write_merged_index(sources, [&](MergedPart, ByteView piece) -> Result<> {
    out.insert(out.end(), piece.begin(), piece.end());
    return kOk;
  });
  REPRIEVE_ASSERT(written);
  return out;
}

IndexUnit merged_unit(std::span<const MergeSource> sources) {
  const auto owned = std::make_shared<const Bytes>(merged_bytes(sources));
  auto parsed = parse_merged_index(*owned);
  REPRIEVE_ASSERT(parsed);
  return {
      .members = parsed->members, .owners = parsed->owners, .view = parsed->view, .backing = owned};
}

TEST(MergedIndex, OfIndexesIsTheIndexOfAllTheirPacks) {
  const auto packs = make_packs(1, 30, 40);
  const std::span all{packs};
  const IndexUnit a = unit_of(2, all.first(7));
  const IndexUnit b = unit_of(1, all.subspan(7, 13));
  const IndexUnit c = unit_of(3, all.subspan(20));
  const std::vector<MergeSource> first = {{&a, {}}, {&b, {}}};

  const IndexUnit ab = merged_unit(first);
  const std::vector<MergeSource> second = {{&c, {}}, {&ab, {}}};
  const IndexUnit abc = merged_unit(second);

  EXPECT_EQ(abc.members, (std::vector{digest(1), digest(2), digest(3)}));
  const Bytes bytes = merged_bytes(second);
  const Bytes expected = encode_index(packs);
  ASSERT_GT(bytes.size(), expected.size());
  // Session keys may be numbered otherwise; these packs have one between them.
  EXPECT_TRUE(std::ranges::equal(ByteView{bytes}.last(expected.size()), expected));
  for (std::uint32_t i = 0; i < abc.view.pack_count(); ++i) {
    const auto at = std::ranges::find(packs, abc.view.pack(i).row.id, &PackContents::id);
    const std::size_t member = at - packs.begin() < 7 ? 2 : at - packs.begin() < 20 ? 1 : 3;
    EXPECT_EQ(abc.owners.of(i), member - 1) << i;
  }
}

TEST(MergedIndex, LeavesOutThePacksOfMembersThatAreGone) {
  const auto packs = make_packs(1, 10, 5);
  const std::span all{packs};
  const IndexUnit a = unit_of(1, all.first(4));
  const IndexUnit b = unit_of(2, all.subspan(4));
  const std::vector<MergeSource> both = {{&a, {}}, {&b, {}}};
  const IndexUnit ab = merged_unit(both);

  const std::vector<MergeSource> rest = {{&ab, {true, false}}};
  const IndexUnit left = merged_unit(rest);

  EXPECT_EQ(left.members, std::vector{digest(2)});
  EXPECT_EQ(left.view.pack_count(), 6U);
  EXPECT_EQ(left.view.chunk_count(), 30U);
  for (const PackContents& pack : all.subspan(4))
    EXPECT_TRUE(left.view.find_pack(pack.id));
}

TEST(MergedIndex, KeepsEachFramesSessionKey) {
  auto packs = make_packs(1, 4, 3);
  for (unsigned char i = 0; i < 4; ++i)
    packs[i].keys[0].ephemeral.fill(std::byte{i});
  const IndexUnit a = unit_of(1, std::span{packs}.first(2));
  const IndexUnit b = unit_of(2, std::span{packs}.last(2));
  const std::vector<MergeSource> sources = {{&b, {}}, {&a, {}}};

  const IndexUnit merged = merged_unit(sources);

  for (unsigned char i = 0; i < 4; ++i) {
    const auto pack = merged.view.find_pack(packs[i].id);
    ASSERT_TRUE(pack);
    const auto frame = merged.view.frame(pack->first_frame);
    EXPECT_EQ(merged.view.key(frame.key).ephemeral[0], std::byte{i});
  }
}

TEST(MergedIndex, DoesNotTakeSourcesThatHaveAPackInCommon) {
  const auto packs = make_packs(1, 6, 2);
  const std::span all{packs};
  const IndexUnit a = unit_of(1, all.first(3));
  const IndexUnit b = unit_of(2, all.subspan(2, 2));
  const IndexUnit c = unit_of(3, all.subspan(4));
  const std::vector<MergeSource> sources = {{&a, {}}, {&b, {}}, {&c, {}}};

  EXPECT_EQ(sources_without_common_packs(sources), (std::vector<std::size_t>{0, 2}));
}

TEST(MergedIndex, RefusesEveryTruncationAndSurvivesEveryFlippedByte) {
  const auto packs = make_packs(1, 3, 4);
  const IndexUnit a = unit_of(1, std::span{packs}.first(1));
  const IndexUnit b = unit_of(2, std::span{packs}.last(2));
  const std::vector<MergeSource> sources = {{&a, {}}, {&b, {}}};
  Bytes bytes = merged_bytes(sources);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse_merged_index(ByteView{bytes}.first(size))) << size;
  std::size_t accepted = 0;
  for (std::byte& byte : bytes) {
    byte ^= std::byte{0x81};
    if (const auto parsed = parse_merged_index(bytes)) {
      ++accepted;
      for (std::uint32_t i = 0; i < parsed->view.pack_count(); ++i)
        EXPECT_LT(parsed->owners.of(i), parsed->members.size());
    }
    byte ^= std::byte{0x81};
  }
  EXPECT_LT(accepted, bytes.size());
  EXPECT_TRUE(parse_merged_index(bytes));
}

TEST(Index, RetiresMembersOfAMergedIndexOneByOne) {
  const auto packs = make_packs(1, 6, 5);
  const IndexUnit a = unit_of(1, std::span{packs}.first(2));
  const IndexUnit b = unit_of(2, std::span{packs}.last(4));
  const std::vector<MergeSource> sources = {{&a, {}}, {&b, {}}};
  Index index;
  index.add(merged_unit(sources));
  index.add(a);  // Is there already.
  const std::vector<std::string> names = index.objects();
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(index.chunk_count(), 30U);
  EXPECT_EQ(index.packs_of(names[0]).size(), 2U);
  EXPECT_EQ(index.contents_of(std::span{names}.first(1)).size(), 2U);
  const auto place = index.find(packs[0].chunks[0].id);
  ASSERT_TRUE(place);

  index.retire(names[0]);

  EXPECT_FALSE(index.has_object(names[0]));
  EXPECT_TRUE(index.has_object(names[1]));
  EXPECT_EQ(index.chunk_count(), 20U);
  EXPECT_EQ(index.packs().size(), 4U);
  EXPECT_FALSE(index.find(packs[0].chunks[0].id));
  EXPECT_FALSE(index.find_settled(packs[0].chunks[0].id));
  EXPECT_FALSE(index.find_pack(packs[0].id));
  EXPECT_EQ(index.frame(place->frame).pack, packs[0].id) << "numbers stay good";
  EXPECT_TRUE(index.find_settled(packs[5].chunks[0].id));
  std::size_t rows = 0;
  index.visit_rows([&](const ChunkId&, const Index::Row& row) {
    EXPECT_NE(row.pack, packs[0].id);
    ++rows;
  });
  EXPECT_EQ(rows, 20U);
  index.retire(names[1]);
  EXPECT_TRUE(index.packs().empty());
  EXPECT_FALSE(index.find(packs[5].chunks[0].id));
}

TEST(Index, GivesTheContentsOfAMemberAsItsOwnIndexHasThem) {
  const auto packs = make_packs(1, 6, 5);
  const IndexUnit a = unit_of(1, std::span{packs}.first(2));
  const IndexUnit b = unit_of(2, std::span{packs}.last(4));
  const std::vector<MergeSource> sources = {{&a, {}}, {&b, {}}};
  Index merged;
  merged.add(merged_unit(sources));
  Index plain;
  plain.add(b);
  const std::vector<std::string> names = plain.objects();

  EXPECT_EQ(encode_index(merged.contents_of(names)), encode_index(plain.contents_of(names)));
  EXPECT_EQ(encode_index(merged.contents_of(names)), encode_index(std::span{packs}.last(4)));
}

TEST(PlanMerges, MergesEightOfASizeAndLeavesFewerAlone) {
  constexpr std::uint64_t kSmall = 10'000;
  EXPECT_TRUE(plan_merges(std::vector<UnitSize>(7, {.bytes = kSmall})).empty());
  const auto plan = plan_merges(std::vector<UnitSize>(8, {.bytes = kSmall}));
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].size(), 8U);
}

TEST(PlanMerges, LeavesFewUnitsOfThousandsAndRewritesLittleWhenOneIsAdded) {
  std::vector<UnitSize> units(5000, {.bytes = 200'000, .keys = 1});
  const auto plan = plan_merges(units);
  std::size_t merged = 0;
  for (const auto& group : plan) {
    std::uint64_t bytes = 0;
    for (const std::size_t i : group)
      bytes += units[i].bytes;
    EXPECT_LT(bytes, 1024U * 1024 * 1024);
    merged += group.size();
  }
  EXPECT_EQ(merged, units.size());
  EXPECT_LE(plan.size(), 2U);
  // Seven of each size are a state of rest.
  units.clear();
  for (std::uint64_t bytes = 50'000; bytes < 900'000'000; bytes *= 8)
    units.insert(units.end(), 7, {.bytes = bytes});
  EXPECT_TRUE(plan_merges(units).empty());
}

TEST(PlanMerges, MakesNothingLargerThanAnIndexMayBe) {
  const auto large = plan_merges(std::vector<UnitSize>(20, {.bytes = 300'000'000}));
  for (const auto& group : large)
    EXPECT_LE(group.size(), 3U);
  EXPECT_FALSE(large.empty());
  EXPECT_TRUE(plan_merges(std::vector<UnitSize>(20, {.bytes = 600'000'000})).empty());
  const auto keys = plan_merges(std::vector<UnitSize>(20, {.bytes = 1000, .keys = 25'000}));
  for (const auto& group : keys)
    EXPECT_LE(group.size(), 2U);
}

TEST(PlanMerges, RewritesWhatIsMostlyGone) {
  std::vector<UnitSize> units(3, {.bytes = 1'000'000});
  units[1].is_worn = true;
  EXPECT_EQ(plan_merges(units), (std::vector<std::vector<std::size_t>>{{1}}));
}

}  // namespace
}  // namespace reprieve::repository
