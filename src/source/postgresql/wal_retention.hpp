#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "source/postgresql/lsn.hpp"

/// Which of the log that is stored is still needed: decisions about pieces, without their bytes.
/// Pure.
namespace reprieve {

/// One stream of a cluster's log, as it is stored.
struct StoredWal {
  std::uint32_t timeline = 0;
  std::uint64_t segment_size = 0;
  std::string history;           ///< The timeline's history file; empty for the first.
  std::vector<LsnRange> pieces;  ///< In any order, none twice.
};

/// Where a kept recovery point is consistent: from there on a recovery needs log.
struct WalAnchor {
  std::uint32_t timeline = 0;
  Lsn end;
};

struct WalVerdict {
  enum class Kind : std::uint8_t {
    kKept,
    kBefore,   ///< It ends before the log that any kept recovery point needs.
    kCovered,  ///< Another piece of the stream, which is kept, holds all of it.
  };
  Kind kind = Kind::kKept;
  std::size_t by = 0;  ///< kCovered: the number of that piece.
};

/// What becomes of a stream.
struct WalStreamPlan {
  std::vector<WalVerdict> pieces;  ///< As they were given.
  /// What ends at or before it goes; nothing: none goes for its age.
  std::optional<Lsn> needed_from;
  std::string reason;  ///< Of `needed_from`: "no recovery point of this cluster is kept".
};

/// Of each of one cluster's `streams`, in their order. `anchors` are all the recovery points of the
/// cluster that are kept. A stream's newest piece is always kept: who goes on with the stream finds
/// its place by it. When in doubt a piece is kept.
std::vector<WalStreamPlan> plan_wal_retention(const std::vector<StoredWal>& streams,
                                              const std::vector<WalAnchor>& anchors);

}  // namespace reprieve
