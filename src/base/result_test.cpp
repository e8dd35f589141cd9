#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "base/json.hpp"

namespace reprieve {
namespace {

Result<int> half_of(int number) {
  if (number % 2 != 0) return Error{ErrorKind::kInvalid, "odd"};
  return number / 2;
}

Result<int> quarter_of(int number) {
  REPRIEVE_TRY(const int half, half_of(number));
  REPRIEVE_TRY(const int quarter, half_of(half));
  return quarter;
}

Result<> require_even(int number) {
  REPRIEVE_RETURN_IF_ERROR(half_of(number));
  return kOk;
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = half_of(4);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 2);

  const Result<int> bad = half_of(3);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().what, "odd");
}

TEST(Result, HandsTheErrorOfAnyStepToTheCaller) {
  EXPECT_EQ(*quarter_of(8), 2);
  EXPECT_EQ(quarter_of(6).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(quarter_of(7).error().kind, ErrorKind::kInvalid);
  EXPECT_TRUE(require_even(2));
  EXPECT_FALSE(require_even(1));
}

TEST(Result, MovesAValueThatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto use = [&]() -> Result<int> {
    REPRIEVE_TRY(const std::unique_ptr<int> owned, make());
    return *owned;
  };
  EXPECT_EQ(*use(), 7);
}

TEST(Result, TakesWhateverConvertsToItsValue) {
  const Result<std::string> text = "words";
  EXPECT_EQ(text->size(), 5U);
  const Result<std::optional<int>> absent = std::nullopt;
  ASSERT_TRUE(absent);
  EXPECT_FALSE(absent->has_value());
  const Result<Json> json = Json{{"a", 1}};
  EXPECT_TRUE(json->is_object());
  static_assert(!std::is_constructible_v<Result<std::unique_ptr<int>>, int*>,
                "an explicit constructor stays explicit");
}

TEST(Result, CopiesAsTheValueItHolds) {
  Result<std::string> first = std::string{"one"};
  Result<std::string> second = first;
  *second = "two";
  EXPECT_EQ(*first, "one");
  first = Error{ErrorKind::kConflict, "held"};
  EXPECT_FALSE(first);
  EXPECT_EQ(*second, "two");
}

TEST(ResultDeathTest, StopsWhoeverTakesWhatIsNotThere) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Result<int> bad = half_of(3);
  const Result<int> good = half_of(2);
  EXPECT_DEATH(static_cast<void>(*bad), "assertion failed");
  EXPECT_DEATH(static_cast<void>(good.error().kind), "assertion failed");
}

}  // namespace
}  // namespace reprieve
