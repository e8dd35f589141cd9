#include "io/line_reader.hpp"

#include <gtest/gtest.h>

#include "io/process.hpp"

namespace reprieve::io {
namespace {

constexpr Duration kLong = std::chrono::seconds{30};

class Lines : public testing::Test {
 protected:
  void start(const std::string& script) {
    process_.emplace(
        *Process::start({.argv = {"/bin/sh", "-c", script}}, {ToPipe{}, ToPipe{}, ToNull{}}));
    lines_.emplace(process_->out());
  }
  std::string next() { return lines_->next(kLong)->value_or("nothing"); }
  void TearDown() override { EXPECT_TRUE(process_->wait()); }

  std::optional<Process> process_;
  std::optional<LineReader> lines_;
};

TEST_F(Lines, ComeOneByOneAndTheLastMayLackItsEnd) {
  start("printf 'one\\n\\nthree\\nfour'");
  EXPECT_EQ(next(), "one");
  EXPECT_EQ(next(), "");
  EXPECT_EQ(next(), "three");
  std::optional<std::string> last;
  while (!last)
    last = *lines_->next(kLong);
  EXPECT_EQ(last, "four");
  EXPECT_TRUE(lines_->is_at_end());
  EXPECT_EQ(*lines_->next(kLong), std::nullopt);
}

TEST_F(Lines, AreWaitedForNoLongerThanAllowed) {
  start("read answer; echo $answer");
  EXPECT_EQ(*lines_->next(Duration{0}), std::nullopt);
  EXPECT_FALSE(lines_->is_at_end());
  ASSERT_TRUE(write_all(process_->in(), as_bytes("now\n")));
  EXPECT_EQ(next(), "now");
}

TEST_F(Lines, ThatAreEndlessAreCut) {
  start("head -c 1500000 /dev/zero | tr '\\0' x");
  std::string first;
  while (first.empty())
    first = lines_->next(kLong)->value_or("");
  EXPECT_EQ(first.size(), 1024U * 1024U);
  std::size_t rest = 0;
  while (!lines_->is_at_end())
    rest += lines_->next(kLong)->value_or("").size();
  EXPECT_EQ(first.size() + rest, 1'500'000U);
}

}  // namespace
}  // namespace reprieve::io
