#include "repository/internal/index_store.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "repository/internal/label.hpp"
#include "repository/internal/test_contents.hpp"
#include "repository/internal/test_keys.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve::repository {
namespace {

class IndexStoreTest : public testing::Test {
 protected:
  IndexStoreTest() {
    std::string folder = (std::filesystem::temp_directory_path() / "index-store-XXXXXX").string();
    REPRIEVE_ASSERT(::mkdtemp(folder.data()) != nullptr);
    cache_ = folder;
  }
  ~IndexStoreTest() override { std::filesystem::remove_all(cache_); }

  /// Puts indexes of a pack each into the store, as a writer without a cache does.
  void put(std::size_t count) {
    Index index;
    IndexStore writer{store_, keys_, random_, {}, index, 2};
    for (std::size_t i = 0; i < count; ++i) {
      auto packs = make_packs(100 + packs_.size(), 1, 3);
      PackLabel label = label_of(packs[0]);
      packs[0].label = encode_label(label, keys_.signing_key());
      label.label_bytes = packs[0].label.size();
      packs[0].object_bytes = label.object_bytes();
      packs[0].id = pack_id_of(packs[0].label);
      const auto key = writer.put(kNoSession, encode_index(packs));
      REPRIEVE_ASSERT(key);
      names_.push_back(*key);
      packs_.push_back(packs[0]);
    }
  }
  PackLabel label_of(const PackContents& pack) const {
    PackLabel label;
    label.repository = keys_.repository_id();
    label.writer = keys_.writer_id();
    label.trailer_offset = 20'000;
    label.trailer_length = 100;
    label.geometry = shard_geometry(label.trailer_offset + label.trailer_length);
    label.keys = pack.keys;
    label.shard_hashes.resize(label.geometry.shards());
    std::ranges::copy(pack.id.bytes, label.shard_hashes[0].begin());
    return label;
  }

  struct Opened {
    Index index;
    std::optional<IndexStore> store;
  };
  std::unique_ptr<Opened> open() {
    auto opened = std::make_unique<Opened>();
    opened->store.emplace(store_, keys_, random_, cache_, opened->index, 2);
    REPRIEVE_ASSERT(opened->store->load());
    return opened;
  }
  /// Files in the cache: indexes by themselves, and merged ones.
  std::pair<std::size_t, std::size_t> files() const {
    std::pair<std::size_t, std::size_t> count;
    for (const auto& entry : std::filesystem::directory_iterator{cache_})
      ++(entry.path().filename().string().starts_with("merged-") ? count.second : count.first);
    return count;
  }
  void expect_all(const Index& index) const {
    for (const PackContents& pack : packs_) {
      for (const auto& chunk : pack.chunks) {
        const auto place = index.find_settled(chunk.id);
        ASSERT_TRUE(place);
        EXPECT_EQ(index.frame(place->frame).pack, pack.id);
      }
    }
    EXPECT_EQ(index.objects().size(), names_.size());
    EXPECT_EQ(index.chunk_count(), 3 * packs_.size());
  }

  MemoryStore store_;
  KeyRing keys_ = keys_for_test();
  SeededRandom random_{5};
  std::filesystem::path cache_;
  std::vector<ObjectKey> names_;
  std::vector<PackContents> packs_;
};

using Files = std::pair<std::size_t, std::size_t>;

TEST_F(IndexStoreTest, MergesManySmallIndexesInTheCacheAndFindsTheSame) {
  put(20);
  expect_all(open()->index);
  EXPECT_EQ(files(), (Files{0, 1}));
  expect_all(open()->index);
  put(3);
  expect_all(open()->index);
  EXPECT_EQ(files(), (Files{3, 1})) << "few are left alone";
  put(10);
  expect_all(open()->index);
  EXPECT_EQ(files(), (Files{0, 1}));
}

TEST_F(IndexStoreTest, ReadsMergedIndexesWithoutTheStoresObjects) {
  put(20);
  open();
  // Their names are still listed, but nothing in them can be opened.
  for (const ObjectKey& name : names_)
    store_.damage(name, [](Bytes& body) { body[body.size() / 2] ^= std::byte{1}; });
  const auto again = open();
  EXPECT_TRUE(again->store->damaged().empty());
  expect_all(again->index);
}

TEST_F(IndexStoreTest, FetchesAnewWhatIsDamagedInTheCache) {
  put(20);
  open();
  const auto file = std::filesystem::directory_iterator {
    cache_
  } -> path();
  std::fstream damaged{file, std::ios::in | std::ios::out | std::ios::binary};
  damaged.seekp(2000);
  damaged.put('\x5a');
  damaged.close();
  expect_all(open()->index);
  expect_all(open()->index);
}

TEST_F(IndexStoreTest, ForgetsMembersWhoseObjectsAreGoneAndRewritesWhatIsMostlyGone) {
  put(20);
  const auto running = open();
  for (std::size_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(store_.remove(names_[0]));
    names_.erase(names_.begin());
    packs_.erase(packs_.begin());
  }
  ASSERT_TRUE(running->store->load());
  expect_all(running->index);
  expect_all(open()->index);
  const std::string before = std::filesystem::directory_iterator {
    cache_
  } -> path();
  for (std::size_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(store_.remove(names_[0]));
    names_.erase(names_.begin());
    packs_.erase(packs_.begin());
  }
  expect_all(open()->index);
  EXPECT_EQ(files(), (Files{0, 1}));
  EXPECT_NE(
      std::filesystem::directory_iterator { cache_ } -> path(), before);
  expect_all(open()->index);
  for (const ObjectKey& name : names_)
    ASSERT_TRUE(store_.remove(name));
  EXPECT_TRUE(open()->index.objects().empty());
  EXPECT_EQ(files(), (Files{0, 0}));
}

TEST_F(IndexStoreTest, WorksBesideAnotherProcessThatMergesInTheSameFolder) {
  put(20);
  const auto first = open();
  // The other one had opened the same indexes by themselves, or merged some of them.
  const std::filesystem::path own = cache_;
  cache_ = own.string() + "-other";
  const auto all = names_;
  put(4);
  open();
  for (const auto& entry : std::filesystem::directory_iterator{cache_})
    std::filesystem::copy(entry.path(), own / entry.path().filename());
  std::filesystem::remove_all(cache_);
  cache_ = own;
  EXPECT_EQ(files().second, 2U);
  expect_all(open()->index);
  EXPECT_EQ(files(), (Files{0, 1})) << "the larger one stays";
  expect_all(open()->index);
  ASSERT_TRUE(first->store->load());
  expect_all(first->index);
}

TEST_F(IndexStoreTest, DoesWithoutACacheThatCannotBeWritten) {
  put(20);
  std::filesystem::remove_all(cache_);
  std::ofstream{cache_} << "in the way";
  expect_all(open()->index);
}

}  // namespace
}  // namespace reprieve::repository
