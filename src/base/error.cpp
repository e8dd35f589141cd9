#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

#include "base/assert.hpp"

namespace reprieve {
namespace {

struct KindRow {
  std::string_view name;
  int exit_code;
  bool is_retryable;
};

// Indexed by ErrorKind: the one place that says what each kind means outside the program.
constexpr std::array<KindRow, 8> kKinds = {{
    {"not-found", 5, false},
    {"conflict", 8, false},
    {"corrupt", 7, false},
    {"transient", 1, true},
    {"denied", 6, false},
    {"invalid", 2, false},
    {"exhausted", 9, false},
    {"cancelled", 130, false},
}};

const KindRow& row(ErrorKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  REPRIEVE_ASSERT(index < kKinds.size());
  return kKinds[index];
}

ErrorKind kind_of_errno(int number) {
  switch (number) {
    case ENOENT:
    case ESRCH:
      return ErrorKind::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
      return ErrorKind::kExhausted;
    case EEXIST:
    case ENOTEMPTY:
    case EBUSY:
    case ETXTBSY:
      return ErrorKind::kConflict;
    case EIO:
    case EBADMSG:
      return ErrorKind::kCorrupt;
    case EINVAL:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EXDEV:
      return ErrorKind::kInvalid;
    case ECANCELED:
      return ErrorKind::kCancelled;
    default:
      return ErrorKind::kTransient;
  }
}

std::string_view hint_of_errno(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return "Free some space there, then run the same command again: it goes on where it stopped.";
    case EACCES:
    case EPERM:
      return "Run as a user who may do this, or grant the permission.";
    case EROFS:
      return "The file system is mounted read-only; remount it writable or choose another place.";
    default:
      return "";
  }
}

}  // namespace

Error&& Error::at(std::string_view context) && {
  what.insert(0, std::string{context} + ": ");
  return std::move(*this);
}

Error&& Error::with_hint(std::string_view sentence) && {
  if (hint.empty()) hint = sentence;
  return std::move(*this);
}

std::string_view name_of(ErrorKind kind) {
  return row(kind).name;
}
int exit_code_of(ErrorKind kind) {
  return row(kind).exit_code;
}
bool is_retryable(ErrorKind kind) {
  return row(kind).is_retryable;
}

Error error_from_errno(int number, std::string_view what) {
  return Error{kind_of_errno(number),
               std::string{what} + ": " + std::generic_category().message(number),
               std::string{hint_of_errno(number)}};
}

}  // namespace reprieve
