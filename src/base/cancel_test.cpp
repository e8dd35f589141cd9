#include "base/cancel.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace reprieve {
namespace {

TEST(CancelToken, LetsWorkGoOnUntilItIsAskedToStop) {
  CancelToken cancel;
  EXPECT_FALSE(cancel.is_requested());
  EXPECT_TRUE(cancel.check());

  cancel.request();

  EXPECT_TRUE(cancel.is_requested());
  EXPECT_EQ(cancel.check().error().kind, ErrorKind::kCancelled);
  cancel.request();
  EXPECT_FALSE(cancel.check()) << "asking twice is asking";
}

TEST(CancelToken, StopsAnotherThread) {
  CancelToken cancel;
  std::jthread worker{[&] {
    while (cancel.check())
      std::this_thread::yield();
  }};
  cancel.request();
  worker.join();
  EXPECT_FALSE(cancel.check());
}

TEST(CancelToken, MayBeAskedFromASignalHandler) {
  static_assert(std::atomic<bool>::is_always_lock_free);
}

}  // namespace
}  // namespace reprieve
