#include "storage/faulty/crashing_store.hpp"

#include <gtest/gtest.h>

#include <set>

#include "conformance/object_store_suite.hpp"

namespace reprieve {
namespace {

/// A store that never crashes is a store like any other.
struct CrashingFixture {
  ObjectStore& store() { return store_; }
  void reopen() {}
  MemoryStore memory_;
  CrashingStore store_{memory_, std::numeric_limits<int>::max()};
};
INSTANTIATE_TYPED_TEST_SUITE_P(Crashing, ObjectStoreSuite, CrashingFixture);

void put_three_and_sync(ObjectStore& store) {
  for (const std::string key : {"a", "b"})
    ignore_error(store.put(key, as_bytes("x")), "the store crashes somewhere here");
  ignore_error(store.sync(), "the store crashes somewhere here");
  ignore_error(store.put("c", as_bytes("x")), "the store crashes somewhere here");
}

std::vector<std::string> keys_after_crash(int writes, CrashOptions options) {
  MemoryStore memory;
  CrashingStore store{memory, writes, options};
  put_three_and_sync(store);
  EXPECT_EQ(store.has_crashed(), writes < 4);
  return keys_of(memory);
}

TEST(CrashingStore, LosesWhatWasNotSynced) {
  using Keys = std::vector<std::string>;
  EXPECT_EQ(keys_after_crash(0, {}), Keys{});
  EXPECT_EQ(keys_after_crash(2, {}), Keys{});
  EXPECT_EQ(keys_after_crash(3, {}), (Keys{"a", "b"}));
  EXPECT_EQ(keys_after_crash(4, {}), (Keys{"a", "b", "c"}));
}

TEST(CrashingStore, KeepsWhatWasNotSyncedIfAskedTo) {
  using Keys = std::vector<std::string>;
  const CrashOptions kept{.unsynced = UnsyncedAtCrash::kKept};
  EXPECT_EQ(keys_after_crash(0, kept), Keys{});
  EXPECT_EQ(keys_after_crash(1, kept), Keys{"a"});
  EXPECT_EQ(keys_after_crash(3, kept), (Keys{"a", "b"}));
  const CrashOptions done{.unsynced = UnsyncedAtCrash::kKept, .last_call = CrashingCall::kDone};
  EXPECT_EQ(keys_after_crash(1, done), (Keys{"a", "b"}));
  EXPECT_EQ(keys_after_crash(3, done), (Keys{"a", "b", "c"}));
}

TEST(CrashingStore, LosesByChanceSomeOfTheUnsynced) {
  std::set<std::vector<std::string>> outcomes;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    outcomes.insert(keys_after_crash(2, {.unsynced = UnsyncedAtCrash::kByChance, .seed = seed}));
  EXPECT_EQ(outcomes, (std::set<std::vector<std::string>>{{}, {"a"}, {"b"}, {"a", "b"}}));
}

TEST(CrashingStore, FailsEveryCallAfterTheCrash) {
  MemoryStore memory;
  ASSERT_TRUE(memory.put("a", as_bytes("x")));
  ASSERT_TRUE(memory.sync());
  CrashingStore store{memory, 0};
  EXPECT_TRUE(store.get("a", kNoLimit)) << "reading needs no write";
  EXPECT_EQ(kind_of(store.remove("a")), ErrorKind::kTransient);

  EXPECT_EQ(kind_of(store.put("b", {})), ErrorKind::kTransient);
  EXPECT_EQ(kind_of(store.sync()), ErrorKind::kTransient);
  EXPECT_EQ(kind_of(store.get("a", kNoLimit)), ErrorKind::kTransient);
  EXPECT_EQ(kind_of(store.get("a", range_of(0, 1))), ErrorKind::kTransient);
  EXPECT_EQ(kind_of(store.stat("a")), ErrorKind::kTransient);
  EXPECT_EQ(keys_of(store), std::vector<std::string>{"error"});
  EXPECT_EQ(kind_of(store.replace_damaged("a", {})), ErrorKind::kTransient);
  EXPECT_EQ(keys_of(memory), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace reprieve
