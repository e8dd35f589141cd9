#include "repository/internal/index.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "repository/internal/filter.hpp"
#include "repository/internal/index_view.hpp"
#include "repository/internal/test_contents.hpp"

namespace reprieve::repository {
namespace {

Result<> add(Index& index, std::string name, Bytes plain,
             Index::Trust trust = Index::Trust::kSettled) {
  const auto owned = std::make_shared<const Bytes>(std::move(plain));
  return index.add(std::move(name), owned, *owned, trust);
}

TEST(Index, FindsEveryChunkWhereItsPackHasIt) {
  const auto packs = make_packs(1, 20, 500);
  Index index;
  ASSERT_TRUE(add(index, "idx/a", encode_index(packs)));
  EXPECT_EQ(index.chunk_count(), 10'000U);
  for (const PackContents& pack : packs) {
    for (const auto& chunk : pack.chunks) {
      const auto place = index.find(chunk.id);
      ASSERT_TRUE(place);
      EXPECT_EQ(place->offset, chunk.offset);
      EXPECT_EQ(place->length, chunk.length);
      const FrameLocation frame = index.frame(place->frame);
      EXPECT_EQ(frame.pack, pack.id);
      EXPECT_EQ(frame.offset, 100 + pack.frames[chunk.frame].offset);
      EXPECT_EQ(frame.salt, pack.frames[chunk.frame].salt);
      EXPECT_EQ(index.session_key(frame.key).epoch, 1U);
    }
  }
}

TEST(Index, FindsNoChunkThatIsNotThere) {
  Index index;
  EXPECT_FALSE(index.find(ChunkId{}));
  ASSERT_TRUE(add(index, "idx/a", encode_index(make_packs(1, 20, 500))));
  for (const PackContents& pack : make_packs(2, 20, 500)) {
    for (const auto& chunk : pack.chunks)
      EXPECT_FALSE(index.find(chunk.id));
  }
  ChunkId last;
  last.bytes.fill(std::byte{0xff});
  EXPECT_FALSE(index.find(ChunkId{}));
  EXPECT_FALSE(index.find(last));
}

TEST(Index, FindsTheFirstAndLastIdsThereCanBe) {
  auto packs = make_packs(1, 1, 3);
  packs[0].chunks[0].id = ChunkId{};
  packs[0].chunks[1].id.bytes.fill(std::byte{0xff});
  Index index;
  ASSERT_TRUE(add(index, "idx/a", encode_index(packs)));
  for (const auto& chunk : packs[0].chunks)
    EXPECT_TRUE(index.find(chunk.id));
}

TEST(Index, GivesTheNewestPlaceFirstAndAllOfThemWhenAsked) {
  auto packs = make_packs(1, 2, 1);
  packs[1].chunks[0].id = packs[0].chunks[0].id;
  Index index;
  ASSERT_TRUE(add(index, "idx/a", encode_index(std::span{packs}.first(1))));
  ASSERT_TRUE(add(index, "idx/b", encode_index(std::span{packs}.last(1))));
  const ChunkId id = packs[0].chunks[0].id;
  EXPECT_EQ(index.frame(index.find(id)->frame).pack, packs[1].id);
  EXPECT_EQ(index.find_all(id).size(), 2U);
}

TEST(Index, LetsNoWriterRelyOnWhatIsNotSettled) {
  const auto packs = make_packs(1, 2, 5);
  Index index;
  ASSERT_TRUE(add(index, "trailers/a", encode_index(packs), Index::Trust::kReadOnly));
  const ChunkId id = packs[0].chunks[0].id;
  EXPECT_TRUE(index.find(id));
  EXPECT_FALSE(index.find_settled(id));
  ASSERT_TRUE(add(index, "idx/a", encode_index(std::span{packs}.first(1))));
  EXPECT_TRUE(index.find_settled(id));
  EXPECT_FALSE(index.find_settled(packs[1].chunks[0].id));
}

TEST(Index, ForgetsARetiredObjectButKeepsItsNumbersGood) {
  const auto packs = make_packs(1, 2, 5);
  Index index;
  ASSERT_TRUE(add(index, "idx/a", encode_index(packs)));
  const auto place = index.find(packs[0].chunks[0].id);
  ASSERT_TRUE(place);
  index.retire("idx/a");
  EXPECT_FALSE(index.has_object("idx/a"));
  EXPECT_FALSE(index.find(packs[0].chunks[0].id));
  EXPECT_TRUE(index.packs().empty());
  EXPECT_EQ(index.chunk_count(), 0U);
  EXPECT_EQ(index.frame(place->frame).pack, packs[0].id);
}

TEST(Index, ListsEachPackOnceById) {
  auto packs = make_packs(1, 30, 2);
  Index index;
  ASSERT_TRUE(add(index, "idx/a", encode_index(packs)));
  ASSERT_TRUE(add(index, "idx/b", encode_index(std::span{packs}.first(10))));
  ASSERT_TRUE(add(index, "idx/a", encode_index(make_packs(9, 1, 1)))) << "a name is added once";
  const auto rows = index.packs();
  EXPECT_EQ(rows.size(), 30U);
  EXPECT_TRUE(std::ranges::is_sorted(rows, {}, &Index::PackRow::id));
  for (const PackContents& pack : packs) {
    const auto row = index.find_pack(pack.id);
    ASSERT_TRUE(row);
    EXPECT_EQ(copy_of(row->label), pack.label);
    const auto range = index.frames_of(pack.id);
    ASSERT_TRUE(range);
    EXPECT_EQ(range->count, 4U);
    EXPECT_EQ(index.frame(range->first + 3).salt, pack.frames[3].salt);
  }
  EXPECT_FALSE(index.find_pack(PackId{}));
}

TEST(EncodeIndex, DependsOnTheSetOfPacksAlone) {
  auto packs = make_packs(1, 10, 20);
  const Bytes plain = encode_index(packs);
  std::ranges::reverse(packs);
  packs.push_back(packs.front());
  EXPECT_EQ(encode_index(packs), plain);
}

TEST(EncodeIndex, OfNothingIsAnIndex) {
  Index index;
  EXPECT_TRUE(add(index, "idx/a", encode_index({})));
}

TEST(IndexView, RefusesEveryTruncationAndAddedBytes) {
  Bytes plain = encode_index(make_packs(1, 3, 5));
  for (std::size_t size = 0; size < plain.size(); ++size)
    EXPECT_FALSE(IndexView::parse(ByteView{plain}.first(size))) << size;
  plain.push_back(std::byte{0});
  EXPECT_FALSE(IndexView::parse(plain));
}

TEST(IndexView, SurvivesEveryFlippedByteAndLooksUpSafelyInWhatItAccepts) {
  const auto packs = make_packs(1, 3, 5);
  Bytes plain = encode_index(packs);
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < plain.size(); ++at) {
    plain[at] ^= std::byte{0x81};
    const auto view = IndexView::parse(plain);
    if (view) {
      ++accepted;
      for (std::uint64_t row = 0; row < view->chunk_count(); ++row)
        static_cast<void>(view->frame(view->chunk(row).frame));
      for (const auto& chunk : packs[0].chunks)
        EXPECT_LE(view->lower_bound(chunk.id), view->chunk_count());
    }
    plain[at] ^= std::byte{0x81};
  }
  EXPECT_LT(accepted, plain.size());
}

TEST(IndexView, RefusesChunksOutOfOrderAndFramesPastTheirPack) {
  auto packs = make_packs(1, 1, 2);
  packs[0].frames[3].offset = 999'000;
  EXPECT_EQ(IndexView::parse(encode_index(packs)).error().kind, ErrorKind::kCorrupt);
  packs = make_packs(1, 1, 2);
  packs[0].chunks[0].offset = 7950;
  EXPECT_EQ(IndexView::parse(encode_index(packs)).error().kind, ErrorKind::kCorrupt);
  Bytes plain = encode_index(make_packs(1, 1, 2));
  const std::size_t chunks_at = plain.size() - 100 - aligned_to_8(2 * kIndexChunkBytes);
  std::swap_ranges(plain.begin() + static_cast<std::ptrdiff_t>(chunks_at),
                   plain.begin() + static_cast<std::ptrdiff_t>(chunks_at + kIndexChunkBytes),
                   plain.begin() + static_cast<std::ptrdiff_t>(chunks_at + kIndexChunkBytes));
  EXPECT_EQ(IndexView::parse(plain).error().kind, ErrorKind::kCorrupt);
}

TEST(Filter, NeverMissesAnAddedIdAndRarelyTakesAnotherForOne) {
  constexpr std::size_t kIds = 20'000;
  Filter filter{kIds};
  SeededRandom random{1};
  std::vector<std::array<std::byte, 16>> ids(kIds);
  for (auto& id : ids) {
    id = crypto::random_array<16>(random);
    filter.add(id);
  }
  for (const auto& id : ids)
    EXPECT_TRUE(filter.may_have(id));
  std::size_t mistaken = 0;
  for (std::size_t i = 0; i < kIds; ++i)
    mistaken += filter.may_have(crypto::random_array<16>(random)) ? 1U : 0U;
  EXPECT_LT(mistaken, kIds / 40);
}

}  // namespace
}  // namespace reprieve::repository
