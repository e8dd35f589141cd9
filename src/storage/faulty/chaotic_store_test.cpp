#include "storage/faulty/chaotic_store.hpp"

#include <gtest/gtest.h>

#include "conformance/object_store_suite.hpp"

namespace reprieve {
namespace {

using Failure = CallFate::Failure;

Result<CallFate> no_fault(StoreCall, std::string_view) {
  return CallFate{};
}

/// Spared all faults, it is a store like any other.
struct ChaoticFixture {
  ObjectStore& store() { return store_; }
  void reopen() {}
  MemoryStore disk_;
  ChaoticHost host_{disk_};
  ChaoticStore store_{host_, no_fault};
};
INSTANTIATE_TYPED_TEST_SUITE_P(Chaotic, ObjectStoreSuite, ChaoticFixture);

/// Two clients of one host; the first meets `fate` in every call.
struct TwoClients {
  explicit TwoClients(CallFate at_first = {}) : fate{at_first} {}
  CallFate fate;
  MemoryStore disk;
  ChaoticHost host{disk};
  ChaoticStore mine{host, [this](StoreCall, std::string_view) -> Result<CallFate> { return fate; },
                    1};
  ChaoticStore yours{host, no_fault};
};

TEST(ChaoticStore, LosesARequest) {
  TwoClients clients{{.failure = Failure::kUndone}};
  EXPECT_EQ(kind_of(clients.mine.put("a", as_bytes("x"))), ErrorKind::kTransient);
  EXPECT_EQ(keys_of(clients.disk), std::vector<std::string>{});
}

TEST(ChaoticStore, LosesAnAnswerAfterTheEffect) {
  TwoClients clients{{.failure = Failure::kDone}};
  EXPECT_EQ(kind_of(clients.mine.put("a", as_bytes("x"))), ErrorKind::kTransient);
  EXPECT_EQ(text_of(clients.disk, "a"), "x");
  EXPECT_EQ(kind_of(clients.mine.remove("a")), ErrorKind::kTransient);
  EXPECT_EQ(keys_of(clients.disk), std::vector<std::string>{});
}

TEST(ChaoticStore, FailsEverySortOfCall) {
  TwoClients clients{{.failure = Failure::kUndone}};
  EXPECT_EQ(kind_of(clients.mine.sync()), ErrorKind::kTransient);
  EXPECT_EQ(kind_of(clients.mine.get("a", kNoLimit)), ErrorKind::kTransient);
  EXPECT_EQ(kind_of(clients.mine.get("a", range_of(0, 0))), ErrorKind::kTransient);
  EXPECT_EQ(kind_of(clients.mine.stat("a")), ErrorKind::kTransient);
  EXPECT_EQ(keys_of(clients.mine), std::vector<std::string>{"error"});
  EXPECT_EQ(kind_of(clients.mine.replace_damaged("a", {})), ErrorKind::kTransient);
  EXPECT_EQ(kind_of(clients.mine.remove("a")), ErrorKind::kTransient);
}

TEST(ChaoticStore, BringsARequestASecondTimeWhenOthersHaveActed) {
  TwoClients clients{{.comes_again = true}};
  ASSERT_TRUE(clients.mine.put("a", as_bytes("x")));
  ASSERT_TRUE(clients.yours.remove("a"));
  ASSERT_EQ(clients.host.under_way(), 1U);

  EXPECT_EQ(clients.host.at(0).client, 1U);
  EXPECT_EQ(clients.host.deliver(0).key, "a");

  EXPECT_EQ(clients.host.under_way(), 0U);
  EXPECT_EQ(text_of(clients.disk, "a"), "x");
  ASSERT_TRUE(clients.mine.remove("a"));
  ASSERT_TRUE(clients.yours.put("a", as_bytes("y")));
  EXPECT_EQ(clients.host.deliver(0).call, StoreCall::kRemove);
  EXPECT_EQ(keys_of(clients.disk), std::vector<std::string>{});
}

TEST(ChaoticStore, ListsLateWhatCanBeReadAtOnce) {
  TwoClients clients;
  ASSERT_TRUE(clients.mine.put("old", as_bytes("xyz")));
  clients.fate.is_listed_late = true;
  ASSERT_TRUE(clients.mine.put("new", as_bytes("x")));
  ASSERT_TRUE(clients.mine.remove("old"));
  EXPECT_EQ(text_of(clients.yours, "new"), "x");
  EXPECT_EQ(kind_of(clients.yours.stat("old")), ErrorKind::kNotFound);
  EXPECT_EQ(keys_of(clients.yours), std::vector<std::string>{"old"});

  ASSERT_TRUE(clients.yours.sync());
  EXPECT_EQ(keys_of(clients.yours), std::vector<std::string>{"old"}) << "another client's sync";
  ASSERT_TRUE(clients.mine.sync());
  EXPECT_EQ(keys_of(clients.yours), std::vector<std::string>{"new"});
}

TEST(ChaoticStore, ListsEarlierWhatTheTestReveals) {
  TwoClients clients{{.is_listed_late = true}};
  ASSERT_TRUE(clients.mine.put("a", as_bytes("x")));
  ASSERT_TRUE(clients.mine.put("b", as_bytes("x")));
  ASSERT_EQ(clients.host.delayed(), (std::vector<std::string>{"a", "b"}));
  clients.host.reveal("b");
  EXPECT_EQ(keys_of(clients.yours), std::vector<std::string>{"b"});
}

TEST(ChaoticStore, SyncsTheFoldersOfItsOwnChangesOnly) {
  TwoClients clients;
  ASSERT_TRUE(clients.mine.put("snap/1", as_bytes("x")));
  ASSERT_TRUE(clients.yours.put("snap/2", as_bytes("x")));
  ASSERT_TRUE(clients.yours.put("idx/2", as_bytes("x")));
  ASSERT_TRUE(clients.yours.put("pack/aa22", as_bytes("x")));
  ASSERT_TRUE(clients.mine.put("pack/bb11", as_bytes("x")));
  ASSERT_TRUE(clients.mine.sync());

  clients.host.cut_power();

  EXPECT_EQ(keys_of(clients.disk), (std::vector<std::string>{"pack/bb11", "snap/1", "snap/2"}));
}

TEST(ChaoticStore, SyncsWhatItFoundThereAlready) {
  TwoClients clients;
  ASSERT_TRUE(clients.yours.put("a/1", as_bytes("x")));
  ASSERT_TRUE(clients.mine.put("a/1", as_bytes("x")));
  ASSERT_TRUE(clients.mine.sync());
  clients.host.cut_power();
  EXPECT_EQ(keys_of(clients.disk), std::vector<std::string>{"a/1"});
}

TEST(ChaoticStore, ForgetsLateRequestsAndListingsWithThePower) {
  TwoClients clients{{.comes_again = true, .is_listed_late = true}};
  ASSERT_TRUE(clients.mine.put("a", as_bytes("x")));
  clients.host.cut_power([](const ObjectKey&) { return true; });
  EXPECT_EQ(clients.host.under_way(), 0U);
  EXPECT_EQ(keys_of(clients.yours), std::vector<std::string>{"a"});
}

TEST(ChaoticStore, PassesOnWhyACallerMayNotGoOn) {
  MemoryStore disk;
  ChaoticHost host{disk};
  ChaoticStore store{host, [](StoreCall, std::string_view) -> Result<CallFate> {
                       return Error{ErrorKind::kCancelled, "died"};
                     }};
  EXPECT_EQ(kind_of(store.put("a", {})), ErrorKind::kCancelled);
  EXPECT_EQ(keys_of(disk), std::vector<std::string>{});
}

}  // namespace
}  // namespace reprieve
