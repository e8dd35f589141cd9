#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace reprieve::io {

/// A process as one can recognise it again: numbers are reused, but not with the same start time in
/// the same boot. Journals keep this, so that a restarted program knows its children.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< Since boot (proc(5), field 22 of stat).
  std::string boot_id;

  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;

  /// "PID START BOOT", and back.
  [[nodiscard]] std::string text() const;
  static std::optional<ProcessIdentity> parse(std::string_view text);

  /// Whether exactly this process still runs. One that ended but was not waited for does not.
  [[nodiscard]] bool is_alive() const;
  /// Sends a signal to exactly this process. Errors: kNotFound if it is gone; kDenied.
  [[nodiscard]] Result<> signal(int number) const;
};

/// Errors: kNotFound if there is no such process.
Result<ProcessIdentity> identity_of(pid_t pid);
ProcessIdentity own_identity();

/// What /proc/PID/stat says, for identity_of(). `text` is not trusted.
struct ProcessStat {
  char state = '?';
  std::uint64_t start_ticks = 0;
};
Result<ProcessStat> parse_process_stat(std::string_view text);

}  // namespace reprieve::io
