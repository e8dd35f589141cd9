#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "storage/object_store.hpp"

/// The contract of ObjectStore, once. A back end registers with a fixture and adds no tests of it:
///
///   struct MyFixture {
///     ObjectStore& store();  // Empty at first.
///     void reopen();         // What a new process does; the objects stay.
///   };
///   INSTANTIATE_TYPED_TEST_SUITE_P(My, ObjectStoreSuite, MyFixture);
namespace reprieve {

inline constexpr ByteCount kNoLimit{std::numeric_limits<std::uint64_t>::max()};

inline ByteRange range_of(std::uint64_t offset, std::uint64_t length) {
  return {ByteOffset{offset}, ByteCount{length}};
}

/// The keys below `prefix` as list() visits them; one "error" if it fails.
inline std::vector<std::string> keys_of(ObjectStore& store, std::string_view prefix = "") {
  std::vector<std::string> keys;
  const auto listed = store.list(prefix, [&](const ObjectInfo& object) -> Result<> {
    keys.push_back(object.key);
    return kOk;
  });
  if (!listed) return {"error"};
  return keys;
}

inline std::string text_of(ObjectStore& store, const ObjectKey& key) {
  const auto bytes = store.get(key, kNoLimit);
  return bytes ? std::string{as_text(*bytes)} : "error: " + bytes.error().what;
}

/// The kind of the error of a result that must be one; fails the test if it is none.
template <class T>
ErrorKind kind_of(const Result<T>& result) {
  EXPECT_FALSE(result) << "succeeded, but must not";
  return result ? ErrorKind{255} : result.error().kind;
}

template <class Fixture>
class ObjectStoreSuite : public ::testing::Test {
 protected:
  ObjectStore& store() { return fixture_.store(); }
  Fixture fixture_;
};
TYPED_TEST_SUITE_P(ObjectStoreSuite);

TYPED_TEST_P(ObjectStoreSuite, GivesBackWhatWasPut) {
  const std::string all{"a\0b\n\xff\x80", 6};
  ASSERT_TRUE(this->store().put("index/b", as_bytes(all)));
  EXPECT_EQ(text_of(this->store(), "index/b"), all);
}

TYPED_TEST_P(ObjectStoreSuite, KeepsEmptyAndLargeObjects) {
  const std::string large(3'000'001, 'x');
  ASSERT_TRUE(this->store().put("empty", {}));
  ASSERT_TRUE(this->store().put("large", as_bytes(large)));
  EXPECT_EQ(text_of(this->store(), "empty"), "");
  EXPECT_EQ(text_of(this->store(), "large"), large);
}

TYPED_TEST_P(ObjectStoreSuite, AcceptsTheSameBytesAgain) {
  ASSERT_TRUE(this->store().put("a", as_bytes("one")));
  EXPECT_TRUE(this->store().put("a", as_bytes("one")));
  EXPECT_EQ(text_of(this->store(), "a"), "one");
}

TYPED_TEST_P(ObjectStoreSuite, RefusesToReplaceOtherBytes) {
  ASSERT_TRUE(this->store().put("a", as_bytes("one")));

  for (const std::string_view other : {"two", "one more", "on", ""})
    EXPECT_EQ(kind_of(this->store().put("a", as_bytes(other))), ErrorKind::kConflict) << other;

  EXPECT_EQ(text_of(this->store(), "a"), "one");
}

TYPED_TEST_P(ObjectStoreSuite, LetsExactlyOneOfManyWritersWin) {
  constexpr std::size_t kWriters = 8;
  std::vector<char> has_won(kWriters, 0);
  std::vector<char> had_conflict(kWriters, 0);
  std::vector<std::thread> writers;
  for (std::size_t i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      const std::string body(10'000, static_cast<char>('a' + i));
      const auto put = this->store().put("contested", as_bytes(body));
      has_won[i] = put ? 1 : 0;
      had_conflict[i] = !put && put.error().kind == ErrorKind::kConflict ? 1 : 0;
    });
  }
  for (std::thread& writer : writers)
    writer.join();

  ASSERT_EQ(std::count(has_won.begin(), has_won.end(), 1), 1);
  EXPECT_EQ(std::count(had_conflict.begin(), had_conflict.end(), 1), kWriters - 1);
  const auto winner = std::find(has_won.begin(), has_won.end(), 1) - has_won.begin();
  EXPECT_EQ(text_of(this->store(), "contested"),
            std::string(10'000, static_cast<char>('a' + winner)));
}

TYPED_TEST_P(ObjectStoreSuite, LetsManyWritersOfTheSameBytesSucceed) {
  std::atomic<int> failure_count{0};
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([&] {
      if (!this->store().put("shared", as_bytes("the same"))) ++failure_count;
    });
  }
  for (std::thread& writer : writers)
    writer.join();
  EXPECT_EQ(failure_count, 0);
  EXPECT_EQ(text_of(this->store(), "shared"), "the same");
}

TYPED_TEST_P(ObjectStoreSuite, TakesManyCallsAtOnce) {
  std::atomic<int> failure_count{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string key = "pack/" + std::to_string(1000 + 100 * t + i);
        const std::string body = "body " + key;
        if (!this->store().put(key, as_bytes(body))) ++failure_count;
        if (text_of(this->store(), key) != body) ++failure_count;
        if (i % 7 == 0 && !this->store().sync()) ++failure_count;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(failure_count, 0);
  EXPECT_EQ(keys_of(this->store(), "pack/").size(), 80U);
}

TYPED_TEST_P(ObjectStoreSuite, ReadsExactlyTheRangeAskedFor) {
  ASSERT_TRUE(this->store().put("pack/aa11", as_bytes("0123456789")));
  const auto read = [&](std::uint64_t offset, std::uint64_t length) {
    const auto bytes = this->store().get("pack/aa11", range_of(offset, length));
    return bytes ? std::string{as_text(*bytes)} : "error: " + bytes.error().what;
  };
  EXPECT_EQ(read(0, 10), "0123456789");
  EXPECT_EQ(read(3, 4), "3456");
  EXPECT_EQ(read(9, 1), "9");
  EXPECT_EQ(read(0, 0), "");
  EXPECT_EQ(read(10, 0), "");
}

TYPED_TEST_P(ObjectStoreSuite, RefusesARangePastTheEnd) {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  ASSERT_TRUE(this->store().put("a", as_bytes("0123456789")));
  for (const ByteRange range :
       {range_of(0, 11), range_of(9, 2), range_of(11, 0), range_of(10, 1), range_of(0, kHuge),
        range_of(kHuge, 0), range_of(kHuge, kHuge), range_of(5, kHuge - 4)})
    EXPECT_EQ(kind_of(this->store().get("a", range)), ErrorKind::kInvalid)
        << range.offset.value << " " << range.length.value;
}

TYPED_TEST_P(ObjectStoreSuite, RefusesAWholeObjectAboveTheLimit) {
  ASSERT_TRUE(this->store().put("a", as_bytes("0123456789")));
  EXPECT_TRUE(this->store().get("a", ByteCount{10}));
  EXPECT_EQ(kind_of(this->store().get("a", ByteCount{9})), ErrorKind::kExhausted);
  EXPECT_EQ(kind_of(this->store().get("a", ByteCount{0})), ErrorKind::kExhausted);
}

TYPED_TEST_P(ObjectStoreSuite, SaysNotFoundForAnAbsentObject) {
  ASSERT_TRUE(this->store().put("pack/aa11", as_bytes("x")));
  for (const std::string key : {"pack/aa12", "pack/bb11", "a", "pack", "index/aa11"}) {
    EXPECT_EQ(kind_of(this->store().get(key, kNoLimit)), ErrorKind::kNotFound) << key;
    EXPECT_EQ(kind_of(this->store().get(key, range_of(0, 0))), ErrorKind::kNotFound) << key;
    EXPECT_EQ(kind_of(this->store().stat(key)), ErrorKind::kNotFound) << key;
  }
}

TYPED_TEST_P(ObjectStoreSuite, TellsTheSizeOfAnObject) {
  ASSERT_TRUE(this->store().put("snapshot/x.y-1", as_bytes("12345")));
  const auto object = this->store().stat("snapshot/x.y-1");
  ASSERT_TRUE(object);
  EXPECT_EQ(*object, (ObjectInfo{"snapshot/x.y-1", ByteCount{5}}));
}

TYPED_TEST_P(ObjectStoreSuite, ListsInKeyOrderWithSizes) {
  // '-' and '.' sort before '/', digits after: a folder's name alone does not give the order.
  const std::vector<std::string> keys = {"a-b",       "a.b",       "a/b",       "a/b-c",
                                         "a/c/d",     "a0",        "index/0",   "pack/0000",
                                         "pack/00ff", "pack/a-1",  "pack/abcd", "pack/abce",
                                         "pack/b",    "pack/f00d", "pack/zz1"};
  for (auto key = keys.rbegin(); key != keys.rend(); ++key)
    ASSERT_TRUE(this->store().put(*key, as_bytes(*key))) << *key;

  EXPECT_EQ(keys_of(this->store()), keys);

  const auto sizes = this->store().list("", [](const ObjectInfo& object) -> Result<> {
    EXPECT_EQ(object.size.value, object.key.size());
    return kOk;
  });
  EXPECT_TRUE(sizes);
}

TYPED_TEST_P(ObjectStoreSuite, ListsOnlyWhatIsBelowThePrefix) {
  for (const std::string key :
       {"config", "index/a", "index/b", "index2/c", "pack/aa11", "pack/bb22"})
    ASSERT_TRUE(this->store().put(key, as_bytes("x")));
  EXPECT_EQ(keys_of(this->store(), "index/"), (std::vector<std::string>{"index/a", "index/b"}));
  EXPECT_EQ(keys_of(this->store(), "pack/"), (std::vector<std::string>{"pack/aa11", "pack/bb22"}));
  EXPECT_EQ(keys_of(this->store(), "pack/aa/"), std::vector<std::string>{});
  EXPECT_EQ(keys_of(this->store(), "config/"), std::vector<std::string>{});
  EXPECT_EQ(keys_of(this->store(), "nothing/"), std::vector<std::string>{});
}

TYPED_TEST_P(ObjectStoreSuite, ListsNothingWhenEmpty) {
  EXPECT_EQ(keys_of(this->store()), std::vector<std::string>{});
}

TYPED_TEST_P(ObjectStoreSuite, RefusesAPrefixThatIsNoFolder) {
  for (const std::string prefix : {"pack", "/", "pack//", "../", "Pack/"}) {
    EXPECT_EQ(
        kind_of(this->store().list(prefix, [](const ObjectInfo&) -> Result<> { return kOk; })),
        ErrorKind::kInvalid)
        << prefix;
  }
}

TYPED_TEST_P(ObjectStoreSuite, StopsListingAtTheVisitorsFirstError) {
  for (const std::string key : {"a", "b", "c"})
    ASSERT_TRUE(this->store().put(key, as_bytes("x")));
  std::vector<std::string> seen;
  const auto listed = this->store().list("", [&](const ObjectInfo& object) -> Result<> {
    seen.push_back(object.key);
    if (object.key == "b") return Error{ErrorKind::kCancelled, "enough"};
    return kOk;
  });
  EXPECT_EQ(kind_of(listed), ErrorKind::kCancelled);
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b"}));
}

TYPED_TEST_P(ObjectStoreSuite, MayBeUsedFromWithinAListing) {
  for (const std::string key : {"a", "b", "c"})
    ASSERT_TRUE(this->store().put(key, as_bytes(key)));
  const auto listed = this->store().list("", [&](const ObjectInfo& object) -> Result<> {
    EXPECT_EQ(text_of(this->store(), object.key), object.key);
    return this->store().remove(object.key);
  });
  EXPECT_TRUE(listed);
  EXPECT_EQ(keys_of(this->store()), std::vector<std::string>{});
}

TYPED_TEST_P(ObjectStoreSuite, RefusesKeysThatAreNone) {
  const std::vector<std::string> keys = {"",
                                         "/",
                                         "/a",
                                         "a/",
                                         "a//b",
                                         ".",
                                         "..",
                                         "../a",
                                         "a/../b",
                                         "a/.",
                                         "A",
                                         "a b",
                                         "a\\b",
                                         "a\xc3\xa4",
                                         "a_b",
                                         "a:b",
                                         "a\n",
                                         std::string("a\0b", 3),
                                         std::string(257, 'a')};
  for (const std::string& key : keys) {
    EXPECT_EQ(kind_of(this->store().put(key, as_bytes("x"))), ErrorKind::kInvalid) << key;
    EXPECT_EQ(kind_of(this->store().get(key, kNoLimit)), ErrorKind::kInvalid) << key;
    EXPECT_EQ(kind_of(this->store().get(key, range_of(0, 0))), ErrorKind::kInvalid) << key;
    EXPECT_EQ(kind_of(this->store().stat(key)), ErrorKind::kInvalid) << key;
    EXPECT_EQ(kind_of(this->store().remove(key)), ErrorKind::kInvalid) << key;
    EXPECT_EQ(kind_of(this->store().replace_damaged(key, as_bytes("x"))), ErrorKind::kInvalid)
        << key;
  }
  EXPECT_EQ(keys_of(this->store()), std::vector<std::string>{});
}

TYPED_TEST_P(ObjectStoreSuite, RemovesAnObjectOnceAndForAll) {
  ASSERT_TRUE(this->store().put("pack/aa11", as_bytes("x")));
  ASSERT_TRUE(this->store().put("pack/aa12", as_bytes("y")));
  EXPECT_TRUE(this->store().remove("pack/aa11"));
  EXPECT_TRUE(this->store().remove("pack/aa11")) << "an absent key is success";
  EXPECT_TRUE(this->store().remove("never/was"));
  EXPECT_TRUE(this->store().sync());
  EXPECT_EQ(keys_of(this->store()), std::vector<std::string>{"pack/aa12"});
  EXPECT_EQ(kind_of(this->store().get("pack/aa11", kNoLimit)), ErrorKind::kNotFound);
}

TYPED_TEST_P(ObjectStoreSuite, TakesOtherBytesAfterARemoval) {
  ASSERT_TRUE(this->store().put("a", as_bytes("one")));
  ASSERT_TRUE(this->store().remove("a"));
  EXPECT_TRUE(this->store().put("a", as_bytes("two")));
  EXPECT_EQ(text_of(this->store(), "a"), "two");
}

TYPED_TEST_P(ObjectStoreSuite, ReplacesADamagedObject) {
  ASSERT_TRUE(this->store().put("pack/aa11", as_bytes("damaged")));
  EXPECT_TRUE(this->store().replace_damaged("pack/aa11", as_bytes("whole again")));
  EXPECT_EQ(text_of(this->store(), "pack/aa11"), "whole again");
  EXPECT_EQ(keys_of(this->store()), std::vector<std::string>{"pack/aa11"});
}

TYPED_TEST_P(ObjectStoreSuite, ReplacesAnObjectThatVanished) {
  EXPECT_TRUE(this->store().replace_damaged("pack/aa11", as_bytes("whole again")));
  EXPECT_EQ(text_of(this->store(), "pack/aa11"), "whole again");
}

TYPED_TEST_P(ObjectStoreSuite, KeepsObjectsOverAReopen) {
  ASSERT_TRUE(this->store().put("config", as_bytes("c")));
  ASSERT_TRUE(this->store().put("pack/aa11", as_bytes("p")));
  ASSERT_TRUE(this->store().sync());

  this->fixture_.reopen();

  EXPECT_EQ(keys_of(this->store()), (std::vector<std::string>{"config", "pack/aa11"}));
  EXPECT_EQ(text_of(this->store(), "pack/aa11"), "p");
  EXPECT_EQ(kind_of(this->store().put("config", as_bytes("other"))), ErrorKind::kConflict);
}

TYPED_TEST_P(ObjectStoreSuite, SyncsAsOftenAsAsked) {
  EXPECT_TRUE(this->store().sync());
  ASSERT_TRUE(this->store().put("a", as_bytes("x")));
  EXPECT_TRUE(this->store().sync());
  EXPECT_TRUE(this->store().sync());
}

TYPED_TEST_P(ObjectStoreSuite, DescribesItself) {
  EXPECT_NE(this->store().describe(), "");
}

REGISTER_TYPED_TEST_SUITE_P(
    ObjectStoreSuite, GivesBackWhatWasPut, KeepsEmptyAndLargeObjects, AcceptsTheSameBytesAgain,
    RefusesToReplaceOtherBytes, LetsExactlyOneOfManyWritersWin,
    LetsManyWritersOfTheSameBytesSucceed, TakesManyCallsAtOnce, ReadsExactlyTheRangeAskedFor,
    RefusesARangePastTheEnd, RefusesAWholeObjectAboveTheLimit, SaysNotFoundForAnAbsentObject,
    TellsTheSizeOfAnObject, ListsInKeyOrderWithSizes, ListsOnlyWhatIsBelowThePrefix,
    ListsNothingWhenEmpty, RefusesAPrefixThatIsNoFolder, StopsListingAtTheVisitorsFirstError,
    MayBeUsedFromWithinAListing, RefusesKeysThatAreNone, RemovesAnObjectOnceAndForAll,
    TakesOtherBytesAfterARemoval, ReplacesADamagedObject, ReplacesAnObjectThatVanished,
    KeepsObjectsOverAReopen, SyncsAsOftenAsAsked, DescribesItself);

}  // namespace reprieve
