#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/strong.hpp"
#include "repository/credentials.hpp"
#include "tree/entry.hpp"

namespace reprieve::repository {

/// Counts of a finished capture: stored with the snapshot, readable without reading data.
struct Statistics {
  std::uint64_t files = 0;  ///< Of any type but directories.
  std::uint64_t directories = 0;
  std::uint64_t others = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_new = 0;     ///< Plaintext that the repository did not hold.
  std::uint64_t bytes_stored = 0;  ///< What the store received.
  /// Against the source's last capture; what a source cannot tell is in none of the three.
  std::uint64_t files_new = 0;
  std::uint64_t files_changed = 0;
  std::uint64_t files_unchanged = 0;
  std::uint64_t problems = 0;
  std::uint64_t duration_ms = 0;
  /// Part of bytes_new in frames that would not compress: encrypted or packed already. With the
  /// counts below it tells ordinary work from somebody encrypting everything.
  std::uint64_t bytes_dense = 0;
  /// Names that the last capture knew in folders that are still there, and that are gone.
  std::uint64_t files_removed = 0;
  /// Of those, whose inode came back under another name of the same folder.
  std::uint64_t files_renamed = 0;
};

/// The point whose place a rewritten one takes. Believed of an admin only.
struct Replaced {
  SnapshotId id;      ///< What it was rewritten from.
  WriterId writer{};  ///< Of the first one that was rewritten, as all below.
  std::uint64_t seq = 0;
  Instant time;
  Instant rewritten;  ///< When that was. Not stored: the record's own time.
};

/// What a person knows a recovery point by. Kept as JSON under the session key.
struct Description {
  std::string source;  ///< Name in the plan, or the path or URL as given (no password).
  std::string kind;    ///< "files", "postgres".
  std::string host;
  std::vector<std::string> paths;  ///< Raw bytes.
  std::string name;                ///< Given with --name; may be empty.
  std::vector<std::string> tags;
  Instant started;
  Instant data_time;  ///< The data is at least as new as this: start of a file walk, end of a base
                      ///< backup.
  std::string program;  ///< "reprieve 0.1.0".
  Json facts;           ///< Of the source: system identifier, LSNs, ...
  std::optional<Replaced> replaces = {};
};

/// A writer's newest snapshot: what the next one chains to, and what other writers say they saw.
struct SnapshotHead {
  WriterId writer{};
  std::uint64_t seq = 0;  ///< 0: none yet.
  SnapshotId id;          ///< Zeros if none, or if the newest record is damaged.
  friend bool operator==(const SnapshotHead&, const SnapshotHead&) = default;
};

/// A committed recovery point.
struct Snapshot {
  SnapshotId id;  ///< SHA-256 of its record.
  WriterId writer{};
  std::uint64_t seq = 0;
  std::array<std::byte, 32> session{};
  bool is_final = true;
  SnapshotId previous;
  Instant time;  ///< When it was committed; of a rewritten one, when the first of them was.
  std::uint64_t gc_seen = 0;
  ListRef root;
  Statistics statistics;
  Description description;  ///< Empty if the key at hand cannot read it.
};

/// Whose series of points one stands in, and where: its own writer's, or that of what it replaces.
struct SeriesPlace {
  WriterId writer{};
  std::uint64_t seq = 0;
};
inline SeriesPlace series_place(const Snapshot& point) {
  const std::optional<Replaced>& replaces = point.description.replaces;
  if (replaces) return {replaces->writer, replaces->seq};
  return {point.writer, point.seq};
}

}  // namespace reprieve::repository
