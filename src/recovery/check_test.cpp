#include "recovery/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace reprieve::recovery {
namespace {

using ::testing::HasSubstr;
using Compare = plan::SqlCheck::Compare;
using Verdict = CheckResult::Verdict;

class CheckTest : public ::testing::Test {
 protected:
  CheckTest() {
    const char* const base = std::getenv("TMPDIR");
    dir_ = std::string{base == nullptr ? "/tmp" : base} + "/reprieve-check-XXXXXX";
    if (::mkdtemp(dir_.data()) == nullptr) std::abort();
  }
  ~CheckTest() override { std::filesystem::remove_all(dir_); }

  CheckResult try_it(decltype(plan::Check::kind) kind) {
    plan::Check check;
    check.name = "it";
    check.kind = std::move(kind);
    check.timeout = std::chrono::seconds{5};
    return try_check({.plan = plan_,
                      .plan_dir = dir_,
                      .secrets = [](const std::string&) -> Result<Secret> { return Secret{}; },
                      .clock = system_clock()},
                     check);
  }

  std::string dir_;
  plan::Plan plan_;
};

TEST_F(CheckTest, AFileIsLookedAtFromThePlansFolder) {
  std::ofstream{dir_ + "/page"} << "The Corner Shop";
  plan::FileCheck file;
  file.path = "page";
  file.contains = "Corner";
  EXPECT_EQ(try_it(file).verdict, Verdict::kOk);
  file.contains = "Mall";
  EXPECT_THAT(try_it(file).text, HasSubstr("does not contain \"Mall\""));
  file.path = "missing";
  EXPECT_EQ(try_it(file).verdict, Verdict::kFailed);
  file.exists = false;
  EXPECT_EQ(try_it(file).verdict, Verdict::kOk);
}

TEST_F(CheckTest, AFileMustHaveItsSizeAndItsHash) {
  std::ofstream{dir_ + "/abc"} << "abc";
  plan::FileCheck file;
  file.path = dir_ + "/abc";
  file.sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(try_it(file).verdict, Verdict::kOk);
  file.min_size = ByteCount{4};
  EXPECT_THAT(try_it(file).text, HasSubstr("less than"));
  file.min_size.reset();
  file.sha256.back() = '0';
  EXPECT_EQ(try_it(file).verdict, Verdict::kFailed);
}

TEST_F(CheckTest, ACommandIsJudgedByItsExitAndOutput) {
  plan::ArgvCheck argv;
  argv.argv = {"/bin/sh", "-c", "echo ready; exit 2"};
  EXPECT_EQ(try_it(argv).verdict, Verdict::kFailed);
  argv.exit = 2;
  argv.contains = "ready";
  EXPECT_EQ(try_it(argv).verdict, Verdict::kOk);
  argv.argv = {"/no/such/program"};
  EXPECT_EQ(try_it(argv).verdict, Verdict::kError);
}

TEST_F(CheckTest, AClosedPortFails) {
  plan::TcpCheck tcp;
  tcp.host = "127.0.0.1";
  tcp.port = 1;
  EXPECT_EQ(try_it(tcp).verdict, Verdict::kFailed);
}

TEST(SqlWant, ComparesByTheWantedType) {
  EXPECT_TRUE(is_as_wanted(Compare::kSucceeds, {}, std::nullopt));
  EXPECT_TRUE(is_as_wanted(Compare::kEquals, std::int64_t{1}, "1"));
  EXPECT_TRUE(is_as_wanted(Compare::kEquals, std::int64_t{1}, "1.0"));
  EXPECT_FALSE(is_as_wanted(Compare::kEquals, std::string{"1"}, "1.0"));
  EXPECT_TRUE(is_as_wanted(Compare::kEquals, true, "t"));
  EXPECT_TRUE(is_as_wanted(Compare::kEquals, std::monostate{}, std::nullopt));
  EXPECT_FALSE(is_as_wanted(Compare::kEquals, std::int64_t{0}, std::nullopt));
  EXPECT_TRUE(is_as_wanted(Compare::kNotEquals, std::string{"a"}, "b"));
  EXPECT_TRUE(is_as_wanted(Compare::kAtLeast, std::int64_t{100}, "100"));
  EXPECT_FALSE(is_as_wanted(Compare::kAtLeast, std::int64_t{100}, "99"));
  EXPECT_FALSE(is_as_wanted(Compare::kAtMost, std::int64_t{100}, "many"));
}

CheckResult result(const std::string& check, Verdict verdict, std::string_view at) {
  return {
      .check = check, .verdict = verdict, .measured = {}, .text = "x", .at = *parse_rfc3339(at)};
}

TEST_F(CheckTest, HistoryKeepsTheBeginningOfTheOldestOpenRowOfFailures) {
  const std::vector<CheckResult> first = {result("page", Verdict::kOk, "2026-11-20T10:00:00Z"),
                                          result("db", Verdict::kFailed, "2026-11-20T10:00:00Z")};
  const std::vector<CheckResult> second = {result("page", Verdict::kFailed, "2026-11-20T10:01:00Z"),
                                           result("db", Verdict::kOk, "2026-11-20T10:01:00Z")};
  const std::vector<CheckResult> third = {result("page", Verdict::kError, "2026-11-20T10:02:00Z")};
  for (const auto& results : {first, second, third})
    ASSERT_TRUE(record_checks(dir_, results));

  const auto failure = read_first_failure(dir_);

  ASSERT_TRUE(failure && *failure);
  EXPECT_EQ((*failure)->check, "page");
  EXPECT_EQ((*failure)->at, *parse_rfc3339("2026-11-20T10:01:00Z"));
}

TEST_F(CheckTest, WithoutFailuresThereIsNoHistory) {
  ASSERT_TRUE(
      record_checks(dir_, std::vector{result("page", Verdict::kOk, "2026-11-20T10:00:00Z")}));
  EXPECT_FALSE(std::filesystem::exists(check_history_path(dir_)));
  const auto failure = read_first_failure(dir_);
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->has_value());
}

}  // namespace
}  // namespace reprieve::recovery
