#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "source/postgresql/lsn.hpp"

/// WAL that a restore put beside the cluster, and the two commands by which the server takes it:
/// `reprieve wal fetch --from DIR FILE DESTINATION` (restore_command) and
/// `reprieve wal finish --from DIR` (recovery_end_command).
namespace reprieve {

/// Name of the staging folder inside the data directory, and of the list in it.
inline constexpr std::string_view kStagedWalFolder = "reprieve_wal";
inline constexpr std::string_view kStagedWalList = "list.json";

struct StagedFile {
  std::uint64_t size = 0;
  std::string sha256;  ///< Lower-case hexadecimal.
  friend bool operator==(const StagedFile&, const StagedFile&) = default;
};

/// What the staging folder holds: all the WAL there is, so what is not listed does not exist.
struct StagedWal {
  std::uint32_t timeline = 0;  ///< The one that recovery is to end on.
  std::uint64_t segment_size = 0;
  std::map<std::string, StagedFile> files;  ///< Segments and history files by name.
  friend bool operator==(const StagedWal&, const StagedWal&) = default;
};

std::string encode_staged_wal(const StagedWal& staged);
/// Errors: kCorrupt. Refuses a set with a gap between its segments.
Result<StagedWal> parse_staged_wal(std::string_view text);

/// Exit statuses that mean something to the server: 0 the file is there; 1 it does not exist, which
/// ENDS recovery and promotes; above 125 the server stops. So 1 only where the list proves it.
inline constexpr int kWalServed = 0;
inline constexpr int kWalAbsent = 1;
inline constexpr int kWalDoubt = 200;

struct WalCommandOutcome {
  int exit_status = kWalDoubt;
  std::string message;  ///< For standard error; empty if there is nothing to say.
};

/// Whether `file` is in the set: kWalServed, kWalAbsent or kWalDoubt. Pure.
WalCommandOutcome decide_staged(const StagedWal& staged, std::string_view file);

/// Copies `file` from the folder `from` to `destination` (relative to the working directory, which
/// is the data directory), synced and checked against the list's SHA-256 before it gets its name.
WalCommandOutcome fetch_staged(const std::string& from, std::string_view file,
                               const std::string& destination);

/// Removes the folder: its listed files, the list and the folder itself, nothing else. A folder
/// that is gone already is success.
WalCommandOutcome finish_staged(const std::string& from);

}  // namespace reprieve
