#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "io/directory.hpp"

/// What a delta restore does with the log that lies in a cluster's pg_wal: it may be all that is
/// left of the last commits, so it is kept, in a folder inside pg_wal. There it is moved by renames
/// alone, wherever pg_wal is a link or a mount to; servers pass over folders in it, and no base
/// backup takes it along.
namespace reprieve {

/// Name of such a folder: the first; later ones are "before-restore.2" and so on.
inline constexpr std::string_view kOldWalFolder = "before-restore";
bool is_old_wal_folder(std::string_view name);
/// The first free one, given what is there. Pure.
std::string next_old_wal_folder(const std::vector<io::DirectoryEntry>& present);

/// Whether pg_wal may hold a file of this name: a segment (whole or partial), a history file, the
/// note of a backup. Pure.
bool is_wal_file(std::string_view name);

/// A cluster's pg_wal as it lies there.
struct WalFolder {
  io::Directory directory;
  bool is_linked =
      false;  ///< It is a link in the data directory; what else lies there is not ours.
};
/// Nothing if there is none, or if it is a link to what is not the owner's of the data directory:
/// such a link is not followed. Errors: kDenied.
Result<std::optional<WalFolder>> open_wal_folder(const io::Directory& root);

struct OldWal {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};
/// Counts the log in `wal`.
Result<OldWal> measure_old_wal(const io::Directory& wal);
/// Moves it to `wal`/`folder`, with the archiver's notes on it; durable. May be repeated after an
/// interruption with the same `folder`. Errors: kConflict if a file is in both places.
Result<> set_old_wal_aside(const io::Directory& wal, const std::string& folder);

}  // namespace reprieve
