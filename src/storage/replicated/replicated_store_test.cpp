#include "storage/replicated/replicated_store.hpp"

#include <gtest/gtest.h>

#include "conformance/object_store_suite.hpp"
#include "storage/faulty/faulty_store.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve {
namespace {

/// FaultyStore over a store of its own, in a shape that can be given away.
class OwnedFaulty : public FaultyStore {
 public:
  explicit OwnedFaulty(std::unique_ptr<MemoryStore> disk)
      : FaultyStore{*disk}, disk_{std::move(disk)} {}

 private:
  const std::unique_ptr<MemoryStore> disk_;
};

struct ReplicatedFixture {
  ReplicatedFixture() {
    std::vector<std::unique_ptr<ObjectStore>> stores;
    stores.push_back(std::make_unique<MemoryStore>());
    stores.push_back(std::make_unique<MemoryStore>());
    store_ = std::make_unique<ReplicatedStore>(std::move(stores), ReplicatedStore::OnFailure{});
  }
  ObjectStore& store() { return *store_; }
  void reopen() {}  // Memory does not outlive its object.
  std::unique_ptr<ReplicatedStore> store_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Replicated, ObjectStoreSuite, ReplicatedFixture);

class ReplicatedStoreTest : public ::testing::Test {
 protected:
  ReplicatedStoreTest() {
    std::vector<std::unique_ptr<ObjectStore>> stores;
    for (FaultyStore** one : {&near, &far}) {
      auto made = std::make_unique<OwnedFaulty>(std::make_unique<MemoryStore>());
      *one = made.get();
      stores.push_back(std::move(made));
    }
    both.emplace(std::move(stores),
                 [this](const ObjectStore& store, const Error&) { failed.push_back(&store); });
    EXPECT_TRUE(near->put("a", as_bytes("both")));
    EXPECT_TRUE(far->put("a", as_bytes("both")));
    EXPECT_TRUE(near->put("b", as_bytes("near")));
    EXPECT_TRUE(far->put("c", as_bytes("far")));
  }
  FaultyStore* near = nullptr;
  FaultyStore* far = nullptr;
  std::vector<const ObjectStore*> failed;
  std::optional<ReplicatedStore> both;
};

TEST_F(ReplicatedStoreTest, FindsWhatAnyOfThemHas) {
  EXPECT_EQ(keys_of(*both), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(text_of(*both, "b"), "near");
  EXPECT_EQ(text_of(*both, "c"), "far");
  EXPECT_EQ(both->stat("c")->size.value, 3U);
  EXPECT_EQ(kind_of(both->stat("d")), ErrorKind::kNotFound);
  EXPECT_TRUE(failed.empty());
}

TEST_F(ReplicatedStoreTest, WritesToTheFirstAlone) {
  ASSERT_TRUE(both->put("d", as_bytes("new")));
  ASSERT_TRUE(both->remove("a"));
  ASSERT_TRUE(both->sync());
  EXPECT_EQ(keys_of(*near), (std::vector<std::string>{"b", "d"}));
  EXPECT_EQ(keys_of(*far), (std::vector<std::string>{"a", "c"}));
}

TEST_F(ReplicatedStoreTest, GoesOnWithTheOtherWhenOneFailsAndTellsOnce) {
  for (const StoreCall call : {StoreCall::kGet, StoreCall::kList, StoreCall::kStat})
    near->fail_always(call, ErrorKind::kTransient);

  EXPECT_EQ(text_of(*both, "a"), "both");
  EXPECT_EQ(keys_of(*both), (std::vector<std::string>{"a", "c"}));
  EXPECT_TRUE(both->stat("a"));

  EXPECT_EQ(failed, std::vector<const ObjectStore*>{near});
}

TEST_F(ReplicatedStoreTest, ListsTheFirstWhenTheOtherCannotBeListed) {
  far->fail_always(StoreCall::kList, ErrorKind::kDenied);
  EXPECT_EQ(keys_of(*both), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(keys_of(*both), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(failed, std::vector<const ObjectStore*>{far});
}

TEST_F(ReplicatedStoreTest, ReadsElsewhereWhatOneCannotRead) {
  near->fail(StoreCall::kGet, 1, ErrorKind::kCorrupt);
  EXPECT_EQ(text_of(*both, "a"), "both");
  near->damage_on_read("a", truncate_to(1));
  EXPECT_EQ(as_text(*both->get("a", range_of(2, 2))), "th") << "the range passes the damaged end";
  EXPECT_TRUE(failed.empty()) << "one object is not the store";
}

TEST_F(ReplicatedStoreTest, SaysWhatTheFirstFailureWasWhenNoneIsLeft) {
  near->fail_always(StoreCall::kList, ErrorKind::kTransient);
  far->fail_always(StoreCall::kList, ErrorKind::kDenied);
  EXPECT_EQ(kind_of(both->list("", [](const ObjectInfo&) -> Result<> { return kOk; })),
            ErrorKind::kTransient);
  near->fail(StoreCall::kGet, 1, ErrorKind::kTransient);
  EXPECT_EQ(kind_of(both->get("c0", ByteCount{9})), ErrorKind::kTransient)
      << "that the other one has it not says nothing about this one";
}

TEST_F(ReplicatedStoreTest, AsksAStoreThatFailedOnlyWhenNoOtherIsLeft) {
  near->fail(StoreCall::kStat, 1, ErrorKind::kTransient);
  ASSERT_TRUE(both->stat("a"));
  EXPECT_EQ(text_of(*both, "b"), "near");
  far->fail_always(StoreCall::kList, ErrorKind::kTransient);
  EXPECT_EQ(keys_of(*both), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace reprieve
