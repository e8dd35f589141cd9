#include "storage/memory/memory_store.hpp"

#include <gtest/gtest.h>

#include "conformance/object_store_suite.hpp"

namespace reprieve {
namespace {

struct MemoryFixture {
  ObjectStore& store() { return store_; }
  void reopen() {}  // A new process cannot see it; a test's second run uses the same object.
  MemoryStore store_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, ObjectStoreSuite, MemoryFixture);

TEST(MemoryStore, LosesUnsyncedPutsWithThePower) {
  MemoryStore store;
  ASSERT_TRUE(store.put("old", as_bytes("x")));
  ASSERT_TRUE(store.sync());
  ASSERT_TRUE(store.put("new", as_bytes("y")));

  store.lose_unsynced();

  EXPECT_EQ(keys_of(store), std::vector<std::string>{"old"});
}

TEST(MemoryStore, BringsUnsyncedRemovalsBackWithThePower) {
  MemoryStore store;
  ASSERT_TRUE(store.put("a", as_bytes("one")));
  ASSERT_TRUE(store.sync());
  ASSERT_TRUE(store.remove("a"));
  ASSERT_TRUE(store.put("a", as_bytes("two")));

  store.lose_unsynced();

  EXPECT_EQ(text_of(store, "a"), "one");
}

TEST(MemoryStore, KeepsOfTheUnsyncedWhatReachedTheDiskByChance) {
  MemoryStore store;
  ASSERT_TRUE(store.put("a", as_bytes("x")));
  ASSERT_TRUE(store.put("b", as_bytes("y")));

  store.lose_unsynced([](const ObjectKey& key) { return key == "b"; });

  EXPECT_EQ(keys_of(store), std::vector<std::string>{"b"});
}

TEST(MemoryStore, SyncsForOneClientOnlyWhatItCovers) {
  MemoryStore store;
  ASSERT_TRUE(store.put("mine", as_bytes("x")));
  ASSERT_TRUE(store.put("yours", as_bytes("y")));
  store.sync_only([](const ObjectKey& key) { return key == "mine"; });

  store.lose_unsynced();

  EXPECT_EQ(keys_of(store), std::vector<std::string>{"mine"});
}

TEST(MemoryStore, RepairsDurably) {
  MemoryStore store;
  ASSERT_TRUE(store.put("a", as_bytes("x")));
  ASSERT_TRUE(store.sync());
  ASSERT_TRUE(store.damage("a", [](Bytes& bytes) { bytes[0] = std::byte{'?'}; }));
  EXPECT_EQ(text_of(store, "a"), "?");
  ASSERT_TRUE(store.replace_damaged("a", as_bytes("x")));

  store.lose_unsynced();

  EXPECT_EQ(text_of(store, "a"), "x");
  EXPECT_FALSE(store.damage("b", [](Bytes&) {}));
}

TEST(MemoryStore, TellsWhatWasCalled) {
  MemoryStore store;
  ASSERT_TRUE(store.put("before", as_bytes("x")));
  store.start_recording();
  ASSERT_TRUE(store.put("a", as_bytes("x")));
  ASSERT_TRUE(store.sync());
  EXPECT_EQ(store.recorded(),
            (std::vector<RecordedCall>{{StoreCall::kPut, "a"}, {StoreCall::kSync, ""}}));
  EXPECT_EQ(store.object_count(), 2U);
}

}  // namespace
}  // namespace reprieve
