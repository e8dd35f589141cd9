#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "recovery/kept_copy.hpp"

namespace reprieve::app {

/// What became of a copy that a switch kept.
struct CleanedCopy {
  enum class Fate : std::uint8_t {
    kRemoved,  ///< Or would be, in a dry run.
    kKept,     ///< Its time is not over.
    kForeign,  ///< Something else lies there now: it is left alone.
  };
  std::string run;
  recovery::KeptCopy copy;
  Fate fate = Fate::kKept;
};

/// Removes what the switches of ended runs kept, once the time that the plan of each run gave is
/// over. What is gone already is passed over, as are runs whose journal cannot be read. May be run
/// again after an interruption. Errors: those of removing; kCancelled.
Result<std::vector<CleanedCopy>> clean_kept_copies(const std::string& state_dir, bool dry_run,
                                                   Instant now, const CancelToken& cancel);

}  // namespace reprieve::app
