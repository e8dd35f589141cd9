#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace reprieve {

struct SideInstanceOptions {
  std::string data_directory;  ///< Absolute; a restored cluster that nobody runs.
  /// Folder of the server's programs; empty: where Debian has those of the cluster's version.
  std::string programs;
  /// User and database that the look connects with; it may read, whatever pg_hba.conf says.
  std::string user;
  std::string database;
  Duration start_timeout = std::chrono::minutes{10};
};

/// The port of every side instance: the folder tells them apart.
inline constexpr std::uint16_t kSideInstancePort = 5432;

/// Starts a restored cluster privately, replays its WAL up to the point where it is consistent,
/// lets `look` ask it read-only questions through the socket folder and port that it is given, and
/// stops it again. The cluster is not promoted: its recovery goes on where it stood when it is
/// started for good, so what was looked at is what goes live. It listens on a socket in a private
/// folder only, archives nothing and waits for no standby.
///
/// Runs as the owner of the data directory, which only root can choose. Errors: kConflict if a
/// server runs in the directory; kNotFound without the programs of its version; kCorrupt, with the
/// last lines of the server's log, if it does not become consistent; kTransient if it takes longer
/// than the limit; those of `look`.
Result<> look_at_cluster(const SideInstanceOptions& options, Clock& clock,
                         const CancelToken& cancel,
                         const std::function<Result<>(const std::string& folder)>& look);

}  // namespace reprieve
