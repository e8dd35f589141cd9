#include "storage/probe.hpp"

#include <gtest/gtest.h>

#include <set>

#include "storage/faulty/faulty_store.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve {
namespace {

std::set<std::string> broken_promises(ObjectStore& store) {
  SeededRandom random{1};
  std::set<std::string> broken;
  for (const ProbeFinding& finding : probe_store(store, random))
    if (!finding.is_kept) broken.insert(finding.promise);
  return broken;
}

TEST(Probe, FindsAGoodStoreGoodAndLeavesNothing) {
  MemoryStore store;
  EXPECT_EQ(broken_promises(store), std::set<std::string>{});
  EXPECT_EQ(store.object_count(), 0U);
}

TEST(Probe, FindsAStoreThatOverwrites) {
  struct Overwriting : MemoryStore {
    Result<> put(const ObjectKey& key, ByteView body) override {
      return replace_damaged(key, body);
    }
  } store;
  EXPECT_EQ(broken_promises(store), std::set<std::string>{"conditional-create"});
}

TEST(Probe, FindsAStoreThatListsLate) {
  struct Late : MemoryStore {
    Result<> list(std::string_view, const Visit&) override { return kOk; }
  } store;
  EXPECT_EQ(broken_promises(store), std::set<std::string>{"list-after-write"});
}

TEST(Probe, FindsWhatIsForbidden) {
  MemoryStore memory;
  FaultyStore store{memory};
  store.fail_always(StoreCall::kRemove, ErrorKind::kDenied);
  EXPECT_EQ(broken_promises(store), std::set<std::string>{"removal"});
}

}  // namespace
}  // namespace reprieve
