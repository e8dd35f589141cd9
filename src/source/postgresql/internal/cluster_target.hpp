#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

/// Whether a directory may be restored into: looking only, and the two functions that claim it.
namespace reprieve {

/// Name of the file that marks a data directory which a restore has begun to write and not ended.
inline constexpr std::string_view kUnfinishedMarker = "reprieve.restoring";

enum class TargetState : std::uint8_t {
  kAbsent,
  kEmpty,
  kUnfinished,   ///< An earlier restore was interrupted there: no server can have used it.
  kReplaceable,  ///< Holds this same cluster, stopped.
};

/// What a restore does with this same cluster where it finds it.
enum class PresentCluster : std::uint8_t {
  kRefuse,   ///< Leaves it alone.
  kReplace,  ///< Empties its directories first.
  kDelta,    ///< Writes what differs and removes what is too much.
};

struct RestoreTarget {
  TargetState state = TargetState::kAbsent;
  /// Where tablespaces of the cluster that lies there are: these may be emptied with it.
  std::vector<std::string> own_tablespaces;
  /// Folder in pg_wal to which an interrupted delta restore began to move the old log, else empty.
  std::string old_wal;
};

/// Looks at the directory `path` for the cluster `system_identifier`.
/// Errors: kConflict if it is in use, another cluster's, no cluster's, or not empty and `present`
/// forbids what would have to be done; nothing was changed.
Result<RestoreTarget> inspect_target(const std::string& path, const std::string& system_identifier,
                                     PresentCluster present);

/// Looks at a tablespace's directory. `folder` is the one name that the restore will make in it.
/// Errors: kConflict if it is not empty, unless it is one of `own` and only `folder` is in the way.
Result<> inspect_tablespace(const std::string& path, const std::string& folder,
                            const std::vector<std::string>& own);

/// What the marker says, so that a repeated restore knows what is its own.
struct RestoreMarker {
  std::string system_identifier;
  std::vector<std::string> tablespaces;  ///< Those that it may empty, or trim.
  bool is_delta = false;  ///< There is an old cluster's data, which only a delta can bring back.
  std::string old_wal;    ///< As in RestoreTarget.
};
std::string encode_marker(const RestoreMarker& marker);
/// Of anything else an empty one. Pure.
RestoreMarker parse_marker(std::string_view text);

/// Makes `path` a directory with nothing but a marker in it; durable. What lay there is removed,
/// global/pg_control first, so that at no moment a server could start on half of it.
Result<> claim_target(const std::string& path, TargetState state, const RestoreMarker& marker);

/// Puts the marker into the directory of a stopped cluster and takes its global/pg_control away, so
/// that no server starts on what a delta restore has not ended; durable, and all else stays. From
/// then on the marker is the proof of which cluster it is.
Result<> claim_for_delta(const std::string& path, const RestoreMarker& marker);

/// postmaster.pid, as far as it matters here.
struct PostmasterLock {
  std::int64_t pid = 0;
  std::string data_directory;
  std::string port;
  std::string socket_directory;
};
/// Nothing if it names no process. Pure.
std::optional<PostmasterLock> parse_postmaster_lock(std::string_view text);

/// The system identifier in the bytes of a pg_control, in decimal; nothing if they are too few.
std::optional<std::string> control_identifier(ByteView control);

}  // namespace reprieve
