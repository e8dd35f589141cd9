#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reprieve {

/// What the caller should do about a failure. Callers branch on this and never on the text.
/// A ninth kind needs an ADR.
enum class ErrorKind : std::uint8_t {
  kNotFound,   ///< The thing named does not exist; asking again will not help.
  kConflict,   ///< Someone else holds or changed it; re-read, then decide.
  kCorrupt,    ///< Bytes failed a check. Never retried, always reported, triggers repair.
  kTransient,  ///< Timeout, throttle, reset; retry with backoff.
  kDenied,     ///< Credentials or permissions; a person has to act.
  kInvalid,    ///< The request or the configuration is wrong; a person has to act.
  kExhausted,  ///< No space, no memory, a limit was reached.
  kCancelled,  ///< We were asked to stop.
};

/// A failure as a value: `kind` is for the program, the rest is for the operator.
struct [[nodiscard]] Error {
  ErrorKind kind;
  /// Lower case, outermost context first: "restore db1: read pack/3fa9: no such object".
  std::string what;
  /// What to do about it, as a full sentence; empty if we do not know.
  std::string hint = {};

  /// Prepends where it happened. Called once per layer, on the way up.
  Error&& at(std::string_view context) &&;
  /// Sets the hint unless a lower layer already gave one.
  Error&& with_hint(std::string_view sentence) &&;
};

/// The stable lower-case name of a kind ("not-found"), as printed in JSON.
std::string_view name_of(ErrorKind kind);

/// The process exit code that a failure of this kind ends in (docs/exit-codes.md).
int exit_code_of(ErrorKind kind);

/// Whether trying the same call again may succeed without anybody acting.
bool is_retryable(ErrorKind kind);

/// Translates errno. ENOENT/ESRCH is kNotFound, EACCES/EPERM/EROFS kDenied, ENOSPC/EDQUOT/EMFILE/
/// ENFILE/ENOMEM/EFBIG kExhausted, EEXIST/ENOTEMPTY/EBUSY/ETXTBSY kConflict, EIO/EBADMSG kCorrupt,
/// EINVAL/ENOTDIR/EISDIR/ELOOP/ENAMETOOLONG/EXDEV kInvalid, ECANCELED kCancelled, all others
/// kTransient.
Error error_from_errno(int number, std::string_view what);

}  // namespace reprieve
