#include <gtest/gtest.h>

#include "conformance/object_store_suite.hpp"
#include "s3/gateway.hpp"
#include "storage/s3/version_view.hpp"

/// S3Store against a real store: the contract of every ObjectStore, and what is S3's own.
namespace reprieve {
namespace {

using test::Gateway;

struct ManyWriters {
  static void set(s3::ClientOptions&) {}
};

/// A prefix of its own in one bucket, beside which others lie.
template <class Setting>
struct GatewayFixture {
  GatewayFixture() {
    static const std::string bucket = Gateway::instance()->new_bucket();
    static int count = 0;
    bucket_ = bucket;
    prefix_ = "some/prefix-" + std::to_string(++count);
    reopen();
  }
  ObjectStore& store() { return *store_; }
  void reopen() {
    auto options = Gateway::instance()->options(bucket_, prefix_);
    Setting::set(options);
    store_ = std::make_unique<S3Store>(std::move(options));
  }
  std::string bucket_;
  std::string prefix_;
  std::unique_ptr<S3Store> store_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(S3, ObjectStoreSuite, GatewayFixture<ManyWriters>);

class S3StoreTest : public ::testing::Test {
 protected:
  s3::ClientOptions options() const { return Gateway::instance()->options(bucket_, "p"); }
  const std::string bucket_ = Gateway::instance()->new_bucket();
};

TEST_F(S3StoreTest, ProvesThatTheStoreCreatesConditionally) {
  for (int i = 0; i < 2; ++i) {  // Makes the object of the proof, then finds it.
    S3Store store{options()};
    const auto proved = store.creates_conditionally();
    ASSERT_TRUE(proved) << proved.error().what;
    EXPECT_TRUE(*proved);
    EXPECT_EQ(keys_of(store), std::vector<std::string>{});
  }
}

TEST_F(S3StoreTest, LooksFirstWhenThereIsOneWriter) {
  auto single = options();
  single.location.has_one_writer = true;
  S3Store store{std::move(single)};
  ASSERT_TRUE(store.put("a", as_bytes("one")));
  EXPECT_TRUE(store.put("a", as_bytes("one")));
  EXPECT_EQ(kind_of(store.put("a", as_bytes("two"))), ErrorKind::kConflict);
  EXPECT_EQ(text_of(store, "a"), "one");
}

TEST_F(S3StoreTest, ListsOverPages) {
  S3Store store{options()};
  std::vector<std::string> keys;
  for (int i = 0; i < 1003; ++i)
    keys.push_back("index/" + std::to_string(10'000 + i));
  std::vector<std::thread> writers;
  std::atomic<int> failure_count{0};
  for (std::size_t t = 0; t < 4; ++t)
    writers.emplace_back([&, t] {
      for (std::size_t i = t; i < keys.size(); i += 4)
        if (!store.put(keys[i], as_bytes("x"))) ++failure_count;
    });
  for (std::thread& writer : writers)
    writer.join();
  ASSERT_EQ(failure_count, 0);
  EXPECT_EQ(keys_of(store, "index/"), keys);
}

TEST_F(S3StoreTest, PassesForeignNamesOver) {
  S3Store store{options()};
  ASSERT_TRUE(store.put("a", as_bytes("x")));
  for (const std::string name : {"p/UPPER", "p/with space", "p/a&b<c>", "p/\xc3\xa4", "other/a"})
    ASSERT_EQ(s3::Client{options()}.send({.method = "PUT", .key = name})->status, 200) << name;
  EXPECT_EQ(keys_of(store), std::vector<std::string>{"a"});
}

TEST_F(S3StoreTest, SaysThatTheBucketIsMissing) {
  auto missing = options();
  missing.location.bucket = "never-made";
  S3Store store{std::move(missing)};
  EXPECT_EQ(kind_of(store.put("a", as_bytes("x"))), ErrorKind::kNotFound);
  const auto got = store.get("a", ByteCount{10});
  EXPECT_EQ(kind_of(got), ErrorKind::kNotFound);
  EXPECT_NE(got.error().what.find("NoSuchBucket"), std::string::npos) << got.error().what;
  EXPECT_NE(got.error().hint, "");
  EXPECT_EQ(kind_of(store.remove("a")), ErrorKind::kNotFound);
  EXPECT_EQ(keys_of(store), std::vector<std::string>{"error"});
}

TEST_F(S3StoreTest, SaysThatTheSecretIsWrongAndKeepsIt) {
  auto wrong = options();
  wrong.credentials.secret_key = Secret::copy_of(as_bytes("geheim"));
  S3Store store{std::move(wrong)};
  const auto put = store.put("a", as_bytes("x"));
  EXPECT_EQ(kind_of(put), ErrorKind::kDenied);
  EXPECT_NE(put.error().what.find("SignatureDoesNotMatch"), std::string::npos) << put.error().what;
  EXPECT_EQ((put.error().what + put.error().hint).find("geheim"), std::string::npos);
}

TEST_F(S3StoreTest, SaysThatTheClockIsWrong) {
  ManualClock clock{system_clock().now() + std::chrono::hours{-24}};
  auto late = options();
  late.clock = &clock;
  S3Store store{std::move(late)};
  const auto put = store.put("a", as_bytes("x"));
  EXPECT_EQ(kind_of(put), ErrorKind::kDenied);
  EXPECT_NE(put.error().what.find("ahead of ours"), std::string::npos) << put.error().what;
  EXPECT_NE(put.error().hint.find("clock"), std::string::npos) << put.error().hint;
}

TEST_F(S3StoreTest, TellsTheFactsOfABucket) {
  const auto plain = S3Store{options()}.facts();
  ASSERT_TRUE(plain) << plain.error().what;
  EXPECT_EQ(plain->is_versioned, false);
  EXPECT_EQ(plain->has_object_lock, false);
  ASSERT_TRUE(plain->clock_skew);
  EXPECT_LT(std::chrono::abs(*plain->clock_skew), std::chrono::seconds{5});

  auto locked = options();
  locked.location.bucket = bucket_ + "-locked";
  s3::Call make{.method = "PUT"};
  make.headers = {{"x-amz-bucket-object-lock-enabled", "true"}};
  auto again = options();
  again.location.bucket = locked.location.bucket;
  ASSERT_EQ(s3::Client{std::move(again)}.send(make)->status, 200);
  const auto facts = S3Store{std::move(locked)}.facts();
  ASSERT_TRUE(facts) << facts.error().what;
  EXPECT_EQ(facts->is_versioned, true);
  EXPECT_EQ(facts->has_object_lock, true);
}

/// A bucket whose objects may be locked.
class LockedStoreTest : public S3StoreTest {
 protected:
  LockedStoreTest() {
    s3::Call make{.method = "PUT"};
    make.headers = {{"x-amz-bucket-object-lock-enabled", "true"}};
    EXPECT_EQ(s3::Client{Gateway::instance()->options(locked_)}.send(make)->status, 200);
  }
  s3::ClientOptions locked(s3::LockMode mode) const {
    auto options = Gateway::instance()->options(locked_, "p");
    options.location.lock = s3::LockRule{mode, std::chrono::hours{1}};
    // Ceph 16 honours If-None-Match in buckets without versions only.
    options.location.has_one_writer = true;
    return options;
  }
  const std::string locked_ = bucket_ + "-locked";
};

TEST_F(LockedStoreTest, LocksWhatItPutsButWhatItIsToldNotTo) {
  S3Store store{locked(s3::LockMode::kCompliance),
                [](std::string_view key) { return key != "free"; }};
  const auto put = store.put("a", as_bytes("one"));
  ASSERT_TRUE(put) << put.error().what;
  ASSERT_TRUE(store.put("free", as_bytes("two")));

  const auto lock = store.lock_of("a");
  ASSERT_TRUE(lock) << lock.error().what;
  ASSERT_TRUE(*lock);
  EXPECT_EQ((*lock)->mode, s3::LockMode::kCompliance);
  EXPECT_GT((*lock)->until, system_clock().now() + std::chrono::minutes{59});
  const auto refused = store.remove("a");
  EXPECT_EQ(kind_of(refused), ErrorKind::kDenied);
  EXPECT_NE(refused.error().what.find("locked until 2"), std::string::npos) << refused.error().what;
  EXPECT_EQ(text_of(store, "a"), "one");

  EXPECT_FALSE(*store.lock_of("free"));
  EXPECT_TRUE(store.remove("free"));
  std::size_t versions = 0;
  ASSERT_TRUE(store.list_versions("", [&](const S3Store::Version& version) -> Result<> {
    if (version.key == "free") ++versions;
    return kOk;
  }));
  EXPECT_EQ(versions, 0U) << "its version is gone, not only its name";
}

TEST_F(LockedStoreTest, LengthensALockAndNeverShortensOne) {
  S3Store store{locked(s3::LockMode::kCompliance)};
  ASSERT_TRUE(store.put("a", as_bytes("one")));
  const Instant now = system_clock().now();
  const ObjectLock longer{s3::LockMode::kCompliance, now + std::chrono::hours{5}};
  const auto set = store.set_lock("a", longer);
  ASSERT_TRUE(set) << set.error().what;
  EXPECT_GE((*store.lock_of("a"))->until, longer.until);
  EXPECT_EQ(kind_of(store.set_lock("a", {s3::LockMode::kCompliance, now + std::chrono::hours{1}})),
            ErrorKind::kDenied);
}

TEST_F(LockedStoreTest, ShowsWhatAThiefHidAndOverwrote) {
  S3Store store{locked(s3::LockMode::kGovernance)};
  ASSERT_TRUE(store.put("hidden", as_bytes("one")));
  ASSERT_TRUE(store.put("pack/aa11", as_bytes("two")));
  s3::Client thief{Gateway::instance()->options(locked_)};
  ASSERT_EQ(thief.send({.method = "DELETE", .key = "p/hidden"})->status, 204);
  ASSERT_EQ(thief.send({.method = "PUT", .key = "p/pack/aa11", .body = as_bytes("bad")})->status,
            200);
  EXPECT_EQ(keys_of(store), std::vector<std::string>{"pack/aa11"});
  EXPECT_EQ(text_of(store, "pack/aa11"), "bad");

  const auto oldest = S3VersionView::open(
      std::make_unique<S3Store>(locked(s3::LockMode::kGovernance)), S3VersionView::Pick::kOldest);
  ASSERT_TRUE(oldest) << oldest.error().what;
  EXPECT_EQ(keys_of(**oldest), (std::vector<std::string>{"hidden", "pack/aa11"}));
  EXPECT_EQ(text_of(**oldest, "hidden"), "one");
  EXPECT_EQ(text_of(**oldest, "pack/aa11"), "two");
  EXPECT_EQ(as_text(*(*oldest)->get("pack/aa11", range_of(1, 2))), "wo");
  const auto newest = S3VersionView::open(
      std::make_unique<S3Store>(locked(s3::LockMode::kGovernance)), S3VersionView::Pick::kNewest);
  ASSERT_TRUE(newest);
  EXPECT_EQ(text_of(**newest, "pack/aa11"), "bad");
  EXPECT_EQ(kind_of((*newest)->put("a", as_bytes("x"))), ErrorKind::kDenied);
}

}  // namespace
}  // namespace reprieve

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (reprieve::test::Gateway::instance() == nullptr) {
    std::puts("Ceph RGW is not available here");
    return 0;
  }
  return RUN_ALL_TESTS();
}
