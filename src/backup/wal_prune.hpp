#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/result.hpp"
#include "repository/snapshot.hpp"
#include "repository/stream.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve::backup {

struct WalPruneOptions {
  bool is_dry_run = false;  ///< Only decides, by names and one header of each stream.
  /// These stay whatever is decided.
  std::set<repository::StreamPiece> spared = {};
};

/// What became of the log, stream by stream.
struct WalPruneReport {
  struct Sum {
    std::uint64_t pieces = 0;
    std::uint64_t bytes = 0;
    void add(std::uint64_t size) {
      ++pieces;
      bytes += size;
    }
  };
  struct Stream {
    repository::StreamId id{};
    std::string source;  ///< Empty, as all that follows, if no header could be read.
    std::string system_identifier;
    std::uint32_t timeline = 0;
    std::optional<Lsn> needed_from;  ///< What ends there or before goes.
    std::string reason;              ///< Of that, or of why nothing goes for its age.
    Sum all;                         ///< Before anything was removed.
    Sum before;                      ///< Removed: no kept recovery point needs it.
    Sum covered;                     ///< Removed: one longer piece holds the same bytes.
    Sum locked;                      ///< Stays, for the store does not let it go yet.
    Sum doubtful;                    ///< Stays, for it is not what it seemed to be.
    std::string doubt;               ///< Of the first of these.
  };
  std::vector<Stream> streams;  ///< By cluster, timeline and id.
  std::string left_alone;       ///< Why no log was looked at at all; empty if it was.
};

/// Removes from `store`, which holds the repository or a replica of it, the pieces of log that no
/// point of `kept` needs (plan_wal_retention()), and those that a longer piece covers, which is
/// read and compared first. `kept` are all recovery points that stay, of whatever kind. Each piece
/// that goes for its age says itself whose log it is: who can add pieces can push out no others'.
/// May be stopped at any time: what is left of a stream has no gap. Errors: the store's;
/// kCancelled.
Result<WalPruneReport> prune_wal(const repository::Repository& repository, ObjectStore& store,
                                 const std::vector<repository::Snapshot>& kept,
                                 const WalPruneOptions& options, const CancelToken& cancel);

/// What prune_wal() would leave there, damaged or not: what of it another store of the repository
/// lacks, nobody removed. Reads one header of each stream. Errors: kDenied if the key cannot read;
/// the store's.
Result<std::vector<repository::StreamPiece>> needed_wal(
    const repository::Repository& repository, ObjectStore& store,
    const std::vector<repository::Snapshot>& kept);

}  // namespace reprieve::backup
