#include "storage/faulty/faulty_store.hpp"

#include <gtest/gtest.h>

#include "conformance/object_store_suite.hpp"

namespace reprieve {
namespace {

/// With no fault asked for, the decorator is a store like any other.
struct FaultyFixture {
  ObjectStore& store() { return store_; }
  void reopen() {}
  MemoryStore memory_;
  FaultyStore store_{memory_};
};
INSTANTIATE_TYPED_TEST_SUITE_P(Faulty, ObjectStoreSuite, FaultyFixture);

TEST(FaultyStore, FailsOnlyTheNthCall) {
  MemoryStore memory;
  FaultyStore store{memory};
  store.fail(StoreCall::kPut, 2, ErrorKind::kExhausted);
  EXPECT_TRUE(store.put("a", as_bytes("x")));
  EXPECT_EQ(kind_of(store.put("b", as_bytes("x"))), ErrorKind::kExhausted);
  EXPECT_TRUE(store.put("c", as_bytes("x")));
  EXPECT_EQ(keys_of(memory), (std::vector<std::string>{"a", "c"}));
}

TEST(FaultyStore, FailsEverySortOfCall) {
  MemoryStore memory;
  FaultyStore store{memory};
  for (const StoreCall call : {StoreCall::kPut, StoreCall::kSync, StoreCall::kGet, StoreCall::kStat,
                               StoreCall::kList, StoreCall::kReplace, StoreCall::kRemove})
    store.fail_always(call, ErrorKind::kDenied);
  EXPECT_EQ(kind_of(store.put("a", {})), ErrorKind::kDenied);
  EXPECT_EQ(kind_of(store.sync()), ErrorKind::kDenied);
  EXPECT_EQ(kind_of(store.get("a", kNoLimit)), ErrorKind::kDenied);
  EXPECT_EQ(kind_of(store.get("a", range_of(0, 0))), ErrorKind::kDenied);
  EXPECT_EQ(kind_of(store.stat("a")), ErrorKind::kDenied);
  EXPECT_EQ(keys_of(store), std::vector<std::string>{"error"});
  EXPECT_EQ(kind_of(store.replace_damaged("a", {})), ErrorKind::kDenied);
  EXPECT_EQ(kind_of(store.remove("a")), ErrorKind::kDenied);
  EXPECT_EQ(kind_of(store.remove("a")), ErrorKind::kDenied);
}

TEST(FaultyStore, ShowsDamageToReadersOnly) {
  MemoryStore memory;
  FaultyStore store{memory};
  ASSERT_TRUE(store.put("a", as_bytes("abcdef")));
  store.damage_on_read("a", flip_byte(1));
  EXPECT_EQ(text_of(store, "a"), "accdef");
  EXPECT_EQ(as_text(*store.get("a", range_of(1, 2))), "cc");
  store.damage_on_read("a", truncate_to(3));
  EXPECT_EQ(text_of(store, "a"), "abc");
  EXPECT_EQ(store.stat("a")->size.value, 3U);
  EXPECT_EQ(kind_of(store.get("a", range_of(2, 2))), ErrorKind::kInvalid);
  EXPECT_EQ(text_of(memory, "a"), "abcdef");
}

}  // namespace
}  // namespace reprieve
