#include "repository/chunk_reader.hpp"

#include <gtest/gtest.h>

#include <set>

#include "repository/internal/index.hpp"
#include "repository/internal/test_repository.hpp"
#include "storage/faulty/faulty_store.hpp"

namespace reprieve::repository {
namespace {

using Contents = TestRepository::Contents;

class ChunkReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto repository = test_.open();
    const auto snapshot = TestRepository::back_up(*repository, contents_, "x");
    ASSERT_TRUE(snapshot);
    root_ = snapshot->root.id;
    ChunkReader reader{*repository};
    const auto list = reader.read(ChunkType::kList, root_, kTreeBytesMax);
    ASSERT_TRUE(list);
    const auto refs = parse_list(*list);
    ASSERT_TRUE(refs);
    for (const ChunkRef& ref : *refs)
      requests_.push_back({ref, requests_.size(), 0});
  }

  struct Fetched {
    Result<> result = kOk;
    std::map<std::uint64_t, Bytes> delivered;
    std::map<std::uint64_t, ErrorKind> missing;
  };
  Fetched fetch(ChunkReader& reader) {
    Fetched fetched;
    std::mutex mutex;
    fetched.result = reader.fetch(
        requests_,
        [&](const ChunkReader::Request& request, ByteView bytes) -> Result<> {
          const std::lock_guard lock{mutex};
          EXPECT_TRUE(fetched.delivered.emplace(request.tag, copy_of(bytes)).second);
          return kOk;
        },
        [&](const ChunkReader::Request& request, const Error& error) -> Result<> {
          const std::lock_guard lock{mutex};
          fetched.missing[request.tag] = error.kind;
          return kOk;
        },
        {});
    return fetched;
  }
  void expect_all(const Fetched& fetched) {
    ASSERT_TRUE(fetched.result);
    EXPECT_TRUE(fetched.missing.empty());
    ASSERT_EQ(fetched.delivered.size(), contents_.size());
    for (const auto& [tag, bytes] : fetched.delivered)
      EXPECT_EQ(bytes, contents_[tag]);
  }
  std::vector<ObjectKey> data_packs(const Repository& repository) {
    std::vector<ObjectKey> keys;
    for (const auto& pack : repository.index().packs()) {
      if (pack.pack_type == 1) keys.push_back("pack/" + pack.id.hex());
    }
    return keys;
  }
  void flip(const ObjectKey& key, std::size_t at) {
    ASSERT_TRUE(test_.disk.damage(key, [&](Bytes& bytes) { bytes[at] ^= std::byte{1}; }));
  }

  TestRepository test_;
  Contents contents_ = TestRepository::contents(1, 40);
  ChunkId root_;
  std::vector<ChunkReader::Request> requests_;
};

TEST_F(ChunkReaderTest, DeliversEachRequestOnce) {
  const auto repository = test_.open();
  requests_.push_back({requests_[3].chunk, 40, 7});  // The same chunk for another place.
  contents_.push_back(contents_[3]);
  for (const unsigned threads : {1U, 2U, 5U}) {
    ChunkReader reader{*repository, threads};
    expect_all(fetch(reader));
    EXPECT_TRUE(reader.damaged_packs().empty());
  }
}

TEST_F(ChunkReaderTest, SaysWhatNoIndexKnows) {
  const auto repository = test_.open();
  ChunkReader reader{*repository};
  requests_[5].chunk.id.bytes[0] ^= std::byte{1};
  const Fetched fetched = fetch(reader);
  ASSERT_TRUE(fetched.result);
  EXPECT_EQ(fetched.missing, (std::map<std::uint64_t, ErrorKind>{{5, ErrorKind::kNotFound}}));
  EXPECT_EQ(fetched.delivered.size(), contents_.size() - 1);
  const auto read = reader.read(ChunkType::kData, requests_[5].chunk.id, 100000);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kNotFound);
}

TEST_F(ChunkReaderTest, HealsDamagedPacksInMemory) {
  const auto repository = test_.open();
  const auto packs = data_packs(*repository);
  for (const ObjectKey& key : packs)
    flip(key, 700);  // In the first frame, behind the label.
  ChunkReader reader{*repository};
  expect_all(fetch(reader));
  EXPECT_EQ(reader.damaged_packs().size(), packs.size());
  const auto read = reader.read(ChunkType::kData, requests_[0].chunk.id, 100000);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, contents_[0]);
}

TEST_F(ChunkReaderTest, HealsPacksThatAreCutOffOrHaveLostBothLabels) {
  const auto repository = test_.open();
  for (const ObjectKey& key : data_packs(*repository)) {
    ASSERT_TRUE(test_.disk.damage(key, [](Bytes& bytes) {
      bytes[5] ^= std::byte{1};
      bytes.resize(bytes.size() - 3000);
      bytes[900] ^= std::byte{1};
    }));
  }
  ChunkReader reader{*repository};
  expect_all(fetch(reader));
}

TEST_F(ChunkReaderTest, HealsAroundSectorsThatCannotBeRead) {
  FaultyStore store{test_.disk};
  const auto repository = test_.open(store);
  ASSERT_TRUE(repository);
  store.fail(StoreCall::kGet, 1, ErrorKind::kCorrupt);
  ChunkReader reader{**repository, 1};
  expect_all(fetch(reader));
}

TEST_F(ChunkReaderTest, ReportsWhatParityCannotBringBack) {
  const auto repository = test_.open();
  const auto packs = data_packs(*repository);
  ASSERT_GT(packs.size(), 2U);
  ASSERT_TRUE(test_.disk.remove(packs[0]));
  ASSERT_TRUE(test_.disk.damage(packs[1], [](Bytes& bytes) { bytes.resize(100); }));
  ChunkReader reader{*repository};
  const Fetched fetched = fetch(reader);
  ASSERT_TRUE(fetched.result);
  EXPECT_FALSE(fetched.missing.empty());
  EXPECT_FALSE(fetched.delivered.empty());
  EXPECT_EQ(fetched.missing.size() + fetched.delivered.size(), contents_.size());
  for (const auto& [tag, kind] : fetched.missing) {
    EXPECT_EQ(kind, ErrorKind::kCorrupt);
    const auto read = reader.read(ChunkType::kData, requests_[tag].chunk.id, 100000);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
    EXPECT_NE(read.error().hint, "");
  }
  EXPECT_EQ(reader.damaged_packs().size(), 2U);
}

TEST_F(ChunkReaderTest, TakesAChunkFromAnotherPackThatHoldsIt) {
  // Two sessions that begin before either has an index both store the same chunk.
  Progress progress;
  const auto one = test_.open();
  const auto two = test_.open();
  auto first = WriteSession::begin(*one, TestRepository::small_packs(), progress);
  auto second = WriteSession::begin(*two, TestRepository::small_packs(), progress);
  ASSERT_TRUE(first && second);
  const Bytes content(5000, std::byte{0x77});
  const auto id = (*first)->put(ChunkType::kData, content);
  ASSERT_TRUE(id);
  ASSERT_TRUE((*second)->put(ChunkType::kData, content));
  ASSERT_TRUE((*first)->commit({*id, 0}, {}, {}));
  ASSERT_TRUE((*second)->commit({*id, 0}, {}, {}));
  const auto after = test_.open();
  const auto places = after->index().find_all(*id);
  ASSERT_EQ(places.size(), 2U);
  ASSERT_TRUE(test_.disk.remove("pack/" + after->index().frame(places[0].frame).pack.hex()));
  ChunkReader reader{*after};
  const auto read = reader.read(ChunkType::kData, *id, 100000);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(*read, content);
  requests_ = {{{*id, 5000}, 0, 0}};
  contents_ = {content};
  expect_all(fetch(reader));
}

TEST_F(ChunkReaderTest, RefusesAChunkOfAnotherKindOrSize) {
  const auto repository = test_.open();
  ChunkReader reader{*repository};
  EXPECT_FALSE(reader.read(ChunkType::kTree, root_, kTreeBytesMax));
  EXPECT_FALSE(reader.read(ChunkType::kList, root_, 10));
  requests_[2].chunk.length += 1;
  const Fetched fetched = fetch(reader);
  EXPECT_EQ(fetched.missing, (std::map<std::uint64_t, ErrorKind>{{2, ErrorKind::kCorrupt}}));
}

TEST_F(ChunkReaderTest, StopsWhenTheReceiverFailsOrIsCancelled) {
  const auto repository = test_.open();
  ChunkReader reader{*repository};
  const auto refuse = [](const ChunkReader::Request&, ByteView) -> Result<> {
    return Error{ErrorKind::kExhausted, "disk full"};
  };
  const auto ignore = [](const ChunkReader::Request&, const Error&) -> Result<> { return kOk; };
  auto result = reader.fetch(requests_, refuse, ignore, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kExhausted);
  CancelToken cancel;
  cancel.request();
  result = reader.fetch(requests_, refuse, ignore, cancel);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
}

TEST_F(ChunkReaderTest, PassesOnWhatTheStoreSays) {
  FaultyStore store{test_.disk};
  const auto repository = test_.open(store);
  ASSERT_TRUE(repository);
  store.fail_always(StoreCall::kGet, ErrorKind::kTransient);
  ChunkReader reader{**repository};
  const Fetched fetched = fetch(reader);
  ASSERT_FALSE(fetched.result);
  EXPECT_EQ(fetched.result.error().kind, ErrorKind::kTransient);
}

}  // namespace
}  // namespace reprieve::repository
