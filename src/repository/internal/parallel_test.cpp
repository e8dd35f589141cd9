#include "repository/internal/parallel.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <vector>

namespace reprieve::repository {
namespace {

TEST(ForEachParallel, CallsEachNumberOnce) {
  for (const unsigned threads : {1U, 3U, 200U}) {
    std::vector<std::atomic<int>> calls(100);
    const auto done = for_each_parallel(calls.size(), threads, {}, [&](std::size_t i) -> Result<> {
      ++calls[i];
      return kOk;
    });
    EXPECT_TRUE(done);
    for (const auto& count : calls)
      EXPECT_EQ(count, 1);
  }
}

TEST(ForEachParallel, StopsAtTheFirstErrorAndReturnsIt) {
  std::atomic<int> calls{0};
  const auto done = for_each_parallel(1000, 1, {}, [&](std::size_t i) -> Result<> {
    ++calls;
    if (i == 10) return Error{ErrorKind::kInvalid, "ten"};
    return kOk;
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().what, "ten");
  EXPECT_EQ(calls, 11);
}

TEST(ForEachParallel, StopsWhenCancelled) {
  CancelToken cancel;
  const auto done = for_each_parallel(1000, 1, cancel, [&](std::size_t i) -> Result<> {
    if (i == 5) cancel.request();
    EXPECT_LE(i, 5U);
    return kOk;
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace reprieve::repository
