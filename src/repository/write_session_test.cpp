#include "repository/write_session.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/test_repository.hpp"
#include "storage/faulty/faulty_store.hpp"

namespace reprieve::repository {
namespace {

using Contents = TestRepository::Contents;

TEST(WriteSession, StoresWhatAReaderGetsBack) {
  TestRepository test;
  const Contents contents = TestRepository::contents(1, 60);
  {
    const auto repository = test.open();
    const auto snapshot = TestRepository::back_up(*repository, contents, "one");
    ASSERT_TRUE(snapshot) << snapshot.error().what;
    EXPECT_EQ(snapshot->seq, 1U);
    EXPECT_GT(snapshot->statistics.bytes_stored, 0U);
    std::uint64_t bytes = 0;
    for (const Bytes& content : contents)
      bytes += content.size();
    EXPECT_GE(snapshot->statistics.bytes_new, bytes);  // The list of them comes on top.
  }
  const auto repository = test.open();
  const auto list = repository->snapshots();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->snapshots.size(), 1U);
  EXPECT_EQ(list->snapshots[0].description.name, "one");
  const auto restored = TestRepository::restore(*repository, list->snapshots[0]);
  ASSERT_TRUE(restored) << restored.error().what;
  EXPECT_EQ(*restored, contents);
}

TEST(WriteSession, TakesAnEmptyChunk) {
  TestRepository test;
  const auto repository = test.open();
  Progress progress;
  auto session = WriteSession::begin(*repository, {}, progress);
  ASSERT_TRUE(session);
  const auto id = (*session)->put(ChunkType::kData, {});
  ASSERT_TRUE(id);
  ASSERT_TRUE((*session)->commit({*id, 0}, {}, {}));
  ChunkReader reader{*repository};
  const auto read = reader.read(ChunkType::kData, *id, 0);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_TRUE(read->empty());
}

TEST(WriteSession, TakesLargeAndSmallChunks) {
  TestRepository test;
  Contents contents;
  SeededRandom random{5};
  for (const std::size_t size : {1U, 100U, 524287U, 524288U, 3000000U}) {
    contents.emplace_back(size);
    random.fill(contents.back());
  }
  const auto repository = test.open();
  SessionOptions options;
  const auto snapshot = TestRepository::back_up(*repository, contents, "sizes", options);
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  const auto restored = TestRepository::restore(*test.open(), *snapshot);
  ASSERT_TRUE(restored) << restored.error().what;
  EXPECT_EQ(*restored, contents);
}

TEST(WriteSession, RefusesAChunkThatNoReaderWouldTake) {
  TestRepository test;
  const auto repository = test.open();
  Progress progress;
  const auto session = WriteSession::begin(*repository, {}, progress);
  ASSERT_TRUE(session);
  const auto id = (*session)->put(ChunkType::kData, Bytes(16 * 1024 * 1024 + 1));
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().kind, ErrorKind::kInvalid);
  const std::vector<ChunkId> children(128 * 1024 + 1);
  EXPECT_FALSE((*session)->put(ChunkType::kList, {}, children));
}

TEST(WriteSession, StoresEachChunkOnceWithinARunAndAcrossRuns) {
  TestRepository test;
  Contents contents = TestRepository::contents(3, 10);
  Contents twice = contents;
  twice.insert(twice.end(), contents.begin(), contents.end());
  std::uint64_t first_bytes = 0;
  {
    const auto repository = test.open();
    const auto first = TestRepository::back_up(*repository, twice, "twice");
    ASSERT_TRUE(first);
    first_bytes = first->statistics.bytes_new;
    std::uint64_t sum = 0;
    for (const Bytes& content : contents)
      sum += content.size();
    EXPECT_LT(first_bytes, sum + 2000);
  }
  const auto packs = test.objects("pack/");
  const auto repository = test.open();
  const auto second = TestRepository::back_up(*repository, twice, "again");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->statistics.bytes_new, 0U);
  EXPECT_EQ(second->seq, 2U);
  EXPECT_EQ(test.objects("pack/"), packs);
  const auto restored = TestRepository::restore(*repository, *second);
  ASSERT_TRUE(restored);
  EXPECT_EQ(*restored, twice);
}

TEST(WriteSession, KnowsWhatItHasBeforeAndAfterTheIndexIsWritten) {
  TestRepository test;
  const auto repository = test.open();
  Progress progress;
  auto session = WriteSession::begin(*repository, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  const auto id = (*session)->put(ChunkType::kData, as_bytes("some text"));
  ASSERT_TRUE(id);
  EXPECT_TRUE((*session)->has(*id));
  EXPECT_FALSE((*session)->has(ChunkId{}));
  ASSERT_TRUE((*session)->commit({*id, 0}, {}, {}));
  EXPECT_TRUE(repository->index().find(*id));
}

TEST(WriteSession, TakesChunksFromManyThreads) {
  TestRepository test;
  const auto repository = test.open();
  Progress progress;
  auto session = WriteSession::begin(*repository, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  const Contents contents = TestRepository::contents(8, 120);
  std::vector<std::vector<ChunkRef>> refs(4);
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t i = 0; i < contents.size(); ++i) {
        const Bytes& content = contents[(i + thread * 30) % contents.size()];
        const auto id = (*session)->put(ChunkType::kData, content);
        ASSERT_TRUE(id);
        refs[thread].push_back({*id, static_cast<std::uint32_t>(content.size())});
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  const auto root = (*session)->put(ChunkType::kList, encode_list(refs[0]));
  ASSERT_TRUE(root);
  const auto snapshot = (*session)->commit({*root, 1}, {}, {});
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  const auto restored = TestRepository::restore(*test.open(), *snapshot);
  ASSERT_TRUE(restored) << restored.error().what;
  EXPECT_EQ(*restored, contents);
}

TEST(WriteSession, WritesIndexesOnItsWayAndStillKnowsWhatItHas) {
  TestRepository test;
  const auto repository = test.open();
  Contents contents = TestRepository::contents(9, 80);
  const Contents again = contents;
  contents.insert(contents.end(), again.begin(), again.end());
  const auto snapshot = TestRepository::back_up(*repository, contents, "many");
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  EXPECT_GT(test.objects("idx/").size(), 2U);
  std::uint64_t bytes = 0;
  for (const Bytes& content : again)
    bytes += content.size();
  EXPECT_LT(snapshot->statistics.bytes_new, bytes + 10'000);  // The list of them comes on top.
  const auto restored = TestRepository::restore(*test.open(), *snapshot);
  ASSERT_TRUE(restored) << restored.error().what;
  EXPECT_EQ(*restored, contents);
}

TEST(WriteSession, RunsBesideAnotherOfTheSameWriter) {
  TestRepository test;
  std::array<Result<Snapshot>, 2> results{Error{}, Error{}};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const auto repository = test.open();
      results[i] = TestRepository::back_up(*repository, TestRepository::contents(i + 20), "run");
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  ASSERT_TRUE(results[0]);
  ASSERT_TRUE(results[1]);
  const Snapshot& first = results[0]->seq == 1 ? *results[0] : *results[1];
  const Snapshot& second = results[0]->seq == 1 ? *results[1] : *results[0];
  EXPECT_EQ(first.seq, 1U);
  EXPECT_EQ(second.seq, 2U);
  EXPECT_EQ(second.previous, first.id);
  const auto repository = test.open();
  for (std::size_t i = 0; i < 2; ++i) {
    const auto restored = TestRepository::restore(*repository, *results[i]);
    ASSERT_TRUE(restored);
    EXPECT_EQ(*restored, TestRepository::contents(i + 20));
  }
}

TEST(WriteSession, FailsForGoodAfterAFailedWrite) {
  TestRepository test;
  FaultyStore store{test.disk};
  const auto repository = test.open(store);
  ASSERT_TRUE(repository);
  Progress progress;
  auto session = WriteSession::begin(**repository, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  store.fail(StoreCall::kPut, 1, ErrorKind::kExhausted);
  SeededRandom random{4};
  bool has_failed = false;
  for (int i = 0; i < 100000 && !has_failed; ++i) {
    Bytes bytes(20000);
    random.fill(bytes);
    const auto id = (*session)->put(ChunkType::kData, bytes);
    has_failed = !id;
    if (has_failed) {
      EXPECT_EQ(id.error().kind, ErrorKind::kExhausted);
    }
  }
  EXPECT_TRUE(has_failed);
  const auto snapshot = (*session)->commit({}, {}, {});
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kExhausted);
  EXPECT_TRUE(test.objects("snap/").empty());
}

TEST(WriteSession, LeavesNoSnapshotWhenItIsAbandoned) {
  TestRepository test;
  {
    const auto repository = test.open();
    Progress progress;
    SessionOptions options = TestRepository::small_packs();
    options.index_chunks =
        1'000'000;  // No index in mid-run: what is left is only what commit() makes.
    auto session = WriteSession::begin(*repository, options, progress);
    ASSERT_TRUE(session);
    for (const Bytes& content : TestRepository::contents(1))
      ASSERT_TRUE((*session)->put(ChunkType::kData, content));
  }
  EXPECT_TRUE(test.objects("snap/").empty());
  EXPECT_TRUE(test.objects("idx/").empty());
}

GcPlan plan_of(const Repository& repository, std::uint64_t n) {
  GcPlan plan;
  plan.repository = repository.id();
  plan.n = n;
  plan.pruner = repository.keys().writer_id();
  for (const auto& pack : repository.index().packs())
    plan.condemned.push_back(pack.id);
  return plan;
}

Result<> store_plan(const Repository& repository, const GcPlan& plan) {
  const Bytes record = encode_gc_plan(plan, repository.keys().signing_key());
  return repository.store().put(gc_key(plan.n), encode_twin(record));
}

TEST(WriteSession, StoresAnewWhatGarbageCollectionHasCondemned) {
  TestRepository test;
  const auto repository = test.open();
  const Contents contents = TestRepository::contents(1);
  const auto first = TestRepository::back_up(*repository, contents, "first");
  ASSERT_TRUE(first);
  ASSERT_TRUE(store_plan(*repository, plan_of(*repository, 1)));
  const auto condemned = test.objects("pack/");
  const auto second = TestRepository::back_up(*repository, contents, "second");
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(second->statistics.bytes_new, first->statistics.bytes_new);
  EXPECT_EQ(second->gc_seen, 1U);
  for (const ObjectKey& key : condemned)
    ASSERT_TRUE(test.disk.remove(key));
  const auto restored = TestRepository::restore(*test.open(), *second);
  ASSERT_TRUE(restored) << restored.error().what;
  EXPECT_EQ(*restored, contents);
}

TEST(WriteSession, DoesNotCommitOnceItsAnnouncementIsGone) {
  TestRepository test;
  const auto repository = test.open();
  Progress progress;
  auto session = WriteSession::begin(*repository, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  ASSERT_TRUE(test.disk.remove(test.objects("sess/").front()));
  const auto snapshot = (*session)->commit({}, {}, {});
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kConflict);
  EXPECT_NE(snapshot.error().hint, "");
  EXPECT_TRUE(test.objects("snap/").empty());
}

TEST(WriteSession, ReliesOnDataButNotOnTreesOfASessionWithoutASnapshot) {
  TestRepository test;
  const auto repository = test.open();
  const Bytes data(20'000, std::byte{1});
  const Bytes tree(100, std::byte{2});
  Progress progress;
  auto abandoned = WriteSession::begin(*repository, TestRepository::small_packs(), progress);
  ASSERT_TRUE(abandoned);
  const auto id = (*abandoned)->put(ChunkType::kData, data);
  ASSERT_TRUE(id);
  const auto tree_id = (*abandoned)->put(ChunkType::kTree, tree, std::vector{*id});
  ASSERT_TRUE(tree_id);
  ASSERT_TRUE((*abandoned)->commit({*tree_id, 0}, {}, {}));
  ASSERT_TRUE(test.disk.remove(test.objects("snap/").front()));
  auto session = WriteSession::begin(*repository, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  EXPECT_TRUE((*session)->has(*id));
  EXPECT_FALSE((*session)->has(*tree_id));
}

TEST(WriteSession, ReportsFailureWhenItWasFenced) {
  TestRepository test;
  const auto repository = test.open();
  Progress progress;
  auto session = WriteSession::begin(*repository, TestRepository::small_packs(), progress);
  ASSERT_TRUE(session);
  const auto sessions = test.objects("sess/");
  ASSERT_EQ(sessions.size(), 1U);
  Tomb tomb;
  tomb.repository = repository->id();
  tomb.signer = repository->keys().writer_id();
  tomb.what = Tomb::What::kSession;
  tomb.session = *id_in_key(kSessionPrefix, sessions[0]);
  const Bytes record = encode_tomb(tomb, repository->keys().signing_key());
  ASSERT_TRUE(test.disk.put(id_key(kTombPrefix, crypto::sha256(record)), encode_twin(record)));
  const auto snapshot = (*session)->commit({}, {}, {});
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kConflict);
}

TEST(WriteSession, SyncsBeforeItsIndexBeforeItsSnapshotAndAfterIt) {
  TestRepository test;
  const auto repository = test.open();
  test.disk.start_recording();
  ASSERT_TRUE(TestRepository::back_up(*repository, TestRepository::contents(1), "x"));
  std::string order;
  for (const RecordedCall& call : test.disk.recorded()) {
    if (call.call == StoreCall::kSync) order += 'y';
    if (call.call == StoreCall::kPut) order += call.key.starts_with("pack/") ? 'p' : call.key[0];
  }
  const auto last_pack = order.rfind('p');
  ASSERT_NE(last_pack, std::string::npos);
  EXPECT_EQ(order.substr(last_pack), "pyiysy");
  EXPECT_EQ(order[0], 's');  // The session's announcement, before any pack.
}

}  // namespace
}  // namespace reprieve::repository
