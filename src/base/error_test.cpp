#include "base/error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <set>
#include <utility>

namespace reprieve {
namespace {

constexpr std::array kAllKinds = {ErrorKind::kNotFound,  ErrorKind::kConflict, ErrorKind::kCorrupt,
                                  ErrorKind::kTransient, ErrorKind::kDenied,   ErrorKind::kInvalid,
                                  ErrorKind::kExhausted, ErrorKind::kCancelled};

TEST(Error, GivesEachKindItsNameAndExitCode) {
  const std::array<std::pair<const char*, int>, kAllKinds.size()> expected = {{
      {"not-found", 5},
      {"conflict", 8},
      {"corrupt", 7},
      {"transient", 1},
      {"denied", 6},
      {"invalid", 2},
      {"exhausted", 9},
      {"cancelled", 130},
  }};
  for (std::size_t i = 0; i < kAllKinds.size(); ++i) {
    EXPECT_EQ(name_of(kAllKinds[i]), expected[i].first);
    EXPECT_EQ(exit_code_of(kAllKinds[i]), expected[i].second) << expected[i].first;
  }
}

TEST(Error, NeverEndsInTheExitCodesOfSuccessOrPartialSuccess) {
  // 0 is done, 3 done with marks, 4 waiting for a person: none of them is a failure.
  for (const ErrorKind kind : kAllKinds)
    EXPECT_FALSE((std::set{0, 3, 4}.contains(exit_code_of(kind)))) << name_of(kind);
}

TEST(Error, IsRetriedOnlyIfTransient) {
  for (const ErrorKind kind : kAllKinds)
    EXPECT_EQ(is_retryable(kind), kind == ErrorKind::kTransient) << name_of(kind);
}

TEST(Error, ReadsOutermostContextFirst) {
  const Error error =
      Error{ErrorKind::kNotFound, "no such object"}.at("read pack/3f").at("restore db1");
  EXPECT_EQ(error.what, "restore db1: read pack/3f: no such object");
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_EQ(error.hint, "");
}

TEST(Error, KeepsTheInnermostHint) {
  const Error error =
      Error{ErrorKind::kDenied, "refused"}.with_hint("Ask Ann.").with_hint("Ask Bob.");
  EXPECT_EQ(error.hint, "Ask Ann.");
}

TEST(Error, TranslatesErrnoToWhatTheCallerShouldDo) {
  const std::array<std::pair<int, ErrorKind>, 14> expected = {{
      {ENOENT, ErrorKind::kNotFound},
      {EACCES, ErrorKind::kDenied},
      {EPERM, ErrorKind::kDenied},
      {EROFS, ErrorKind::kDenied},
      {ENOSPC, ErrorKind::kExhausted},
      {EMFILE, ErrorKind::kExhausted},
      {EEXIST, ErrorKind::kConflict},
      {ENOTEMPTY, ErrorKind::kConflict},
      {EIO, ErrorKind::kCorrupt},
      {EINVAL, ErrorKind::kInvalid},
      {ENAMETOOLONG, ErrorKind::kInvalid},
      {ECANCELED, ErrorKind::kCancelled},
      {ECONNRESET, ErrorKind::kTransient},
      {ETIMEDOUT, ErrorKind::kTransient},
  }};
  for (const auto& [number, kind] : expected)
    EXPECT_EQ(error_from_errno(number, "open /a").kind, kind) << number;
}

TEST(Error, NamesTheThingAndTheReasonOfAnErrno) {
  EXPECT_EQ(error_from_errno(ENOENT, "open /a").what, "open /a: No such file or directory");
  EXPECT_EQ(error_from_errno(ENOENT, "open /a").hint, "");
  EXPECT_NE(error_from_errno(ENOSPC, "write /a").hint, "");
}

}  // namespace
}  // namespace reprieve
