#include "storage/retrying/retrying_store.hpp"

#include <gtest/gtest.h>

#include "conformance/object_store_suite.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve {
namespace {

struct RetryingFixture {
  ObjectStore& store() { return store_; }
  void reopen() {}
  ManualClock clock_{Instant{}};
  SeededRandom random_{1};
  RetryingStore store_{std::make_unique<MemoryStore>(), clock_, random_};
};
INSTANTIATE_TYPED_TEST_SUITE_P(Retrying, ObjectStoreSuite, RetryingFixture);

/// Fails the first calls, of whatever sort, with one kind of error.
class FlakyStore : public MemoryStore {
 public:
  Result<> put(const ObjectKey& key, ByteView body) override {
    REPRIEVE_RETURN_IF_ERROR(fail());
    return MemoryStore::put(key, body);
  }
  Result<> sync() override {
    REPRIEVE_RETURN_IF_ERROR(fail());
    return MemoryStore::sync();
  }
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override {
    REPRIEVE_RETURN_IF_ERROR(fail());
    return MemoryStore::get(key, range);
  }
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override {
    REPRIEVE_RETURN_IF_ERROR(fail());
    return MemoryStore::get(key, size_max);
  }
  Result<ObjectInfo> stat(const ObjectKey& key) override {
    REPRIEVE_RETURN_IF_ERROR(fail());
    return MemoryStore::stat(key);
  }
  /// Breaks off after the first object.
  Result<> list(std::string_view prefix, const Visit& visit) override {
    const bool is_broken = !fail();
    int visited = 0;
    return MemoryStore::list(prefix, [&](const ObjectInfo& object) -> Result<> {
      if (is_broken && visited++ == 1) return Error{kind, "the connection broke"};
      return visit(object);
    });
  }
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override {
    REPRIEVE_RETURN_IF_ERROR(fail());
    return MemoryStore::replace_damaged(key, body);
  }
  Result<> remove(const ObjectKey& key) override {
    REPRIEVE_RETURN_IF_ERROR(fail());
    return MemoryStore::remove(key);
  }

  unsigned failures = 0;
  unsigned calls = 0;
  ErrorKind kind = ErrorKind::kTransient;

 private:
  Result<> fail() {
    ++calls;
    if (failures == 0) return kOk;
    --failures;
    return Error{kind, "no answer"};
  }
};

class Retrying : public ::testing::Test {
 protected:
  ManualClock clock{Instant{}};
  SeededRandom random{7};
  CancelToken cancel;
  FlakyStore* inner = new_inner();
  RetryingStore store{std::unique_ptr<ObjectStore>{inner}, clock, random, &cancel};

 private:
  static FlakyStore* new_inner() { return std::make_unique<FlakyStore>().release(); }
};

TEST_F(Retrying, TriesEverySortOfCallAgain) {
  const auto after_two_failures = [&](const auto& call) {
    inner->failures = 2;
    inner->calls = 0;
    EXPECT_TRUE(call());
    EXPECT_EQ(inner->calls, 3U);
  };
  after_two_failures([&] { return store.put("a", as_bytes("x")); });
  after_two_failures([&] { return store.get("a", kNoLimit); });
  after_two_failures([&] { return store.get("a", range_of(0, 1)); });
  after_two_failures([&] { return store.stat("a"); });
  after_two_failures([&] { return store.replace_damaged("a", as_bytes("y")); });
  EXPECT_EQ(text_of(store, "a"), "y");
  after_two_failures([&] { return store.remove("a"); });
  EXPECT_EQ(keys_of(store), std::vector<std::string>{});
}

TEST_F(Retrying, GivesUpAfterHalfAMinute) {
  inner->failures = 100;
  const auto result = store.get("a", kNoLimit);
  EXPECT_EQ(kind_of(result), ErrorKind::kTransient);
  EXPECT_EQ(result.error().what, "no answer (tried 5 times)");
  EXPECT_EQ(inner->calls, 5U);
  EXPECT_LE(clock.uptime(), std::chrono::seconds{31});
  EXPECT_GE(clock.uptime(), std::chrono::seconds{15});
}

TEST_F(Retrying, DoesNotRepeatWhatWillNotPass) {
  for (const ErrorKind kind : {ErrorKind::kNotFound, ErrorKind::kCorrupt, ErrorKind::kDenied,
                               ErrorKind::kExhausted, ErrorKind::kConflict, ErrorKind::kInvalid}) {
    inner->kind = kind;
    inner->failures = 1;
    inner->calls = 0;
    EXPECT_EQ(kind_of(store.stat("a")), kind);
    EXPECT_EQ(inner->calls, 1U);
  }
  EXPECT_EQ(clock.uptime(), Duration{0});
}

TEST_F(Retrying, TakesTheFirstWordOfASync) {
  inner->failures = 1;
  EXPECT_EQ(kind_of(store.sync()), ErrorKind::kTransient);
  EXPECT_EQ(inner->calls, 1U);
}

TEST_F(Retrying, VisitsEachObjectOnceThoughTheListingBreaks) {
  for (const char* key : {"a", "b", "c", "d"})
    ASSERT_TRUE(store.put(key, {}));
  inner->failures = 2;
  EXPECT_EQ(keys_of(store), (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST_F(Retrying, DoesNotRepeatAListingForItsVisitor) {
  ASSERT_TRUE(store.put("a", {}));
  inner->calls = 0;
  const auto listed = store.list("", [](const ObjectInfo&) -> Result<> {
    return Error{ErrorKind::kTransient, "the visitor's own"};
  });
  EXPECT_EQ(kind_of(listed), ErrorKind::kTransient);
  EXPECT_EQ(listed.error().what, "the visitor's own");
  EXPECT_EQ(inner->calls, 1U);
}

TEST_F(Retrying, StopsWaitingWhenCancelled) {
  inner->failures = 100;
  cancel.request();
  EXPECT_EQ(kind_of(store.stat("a")), ErrorKind::kCancelled);
  EXPECT_EQ(inner->calls, 1U);
}

}  // namespace
}  // namespace reprieve
