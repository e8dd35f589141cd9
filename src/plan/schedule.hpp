#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "plan/model.hpp"

namespace reprieve::plan {

/// What is remembered of a policy's backups; times by the wall clock.
struct BackupMemory {
  std::optional<Instant> begun = {};  ///< When the last one that was taken began.
  std::optional<Instant> ended = {};  ///< When the last try ended, however it did.
  std::uint32_t failures = 0;         ///< Tries that failed since one was taken.
};

/// When the next backup is to begin; a time that has passed means at once. Pure. One that was
/// missed, because nobody ran then, is made up for, once. A first one is due at once. After a
/// failure it is tried again, more and more seldom, though never more seldom than every half hour.
/// Memories from after `now`, which a clock that was set back leaves behind, count as of now.
Instant next_backup(const Schedule& schedule, const BackupMemory& memory, Instant now);

}  // namespace reprieve::plan
