#pragma once

#include <atomic>
#include <cstdint>

namespace reprieve {

/// Counters of a running job, written by its threads and read by whoever draws them. All only grow;
/// a total of 0 means that it is not known yet.
struct Progress {
  std::atomic<std::uint64_t> files_total{0};
  std::atomic<std::uint64_t> bytes_total{0};
  std::atomic<std::uint64_t> files{0};
  // Parts of `files`, where the job can tell: against the last capture, or what the target had.
  std::atomic<std::uint64_t> files_new{0};
  std::atomic<std::uint64_t> files_changed{0};
  std::atomic<std::uint64_t> files_unchanged{0};
  std::atomic<std::uint64_t> files_removed{0};  ///< Known to the last capture and gone.
  std::atomic<std::uint64_t> files_renamed{0};  ///< In both `files_new` and `files_removed`.
  std::atomic<std::uint64_t> directories{0};
  std::atomic<std::uint64_t> bytes{0};  ///< Of the source, as it was read or written.
  std::atomic<std::uint64_t> bytes_unchanged{
      0};                                   ///< Part of `bytes` that needed no reading or writing.
  std::atomic<std::uint64_t> bytes_new{0};  ///< Plaintext that the repository did not have.
  std::atomic<std::uint64_t> bytes_stored{0};  ///< What the store received for it.
};

}  // namespace reprieve
