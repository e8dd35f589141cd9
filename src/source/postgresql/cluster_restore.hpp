#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "source/postgresql/wal_map.hpp"
#include "source/source.hpp"

namespace reprieve {

/// Where recovery stops. Without one it goes to the end of the log that there is.
struct RecoveryTarget {
  enum class Kind : std::uint8_t {
    kImmediate,    ///< As soon as the cluster is consistent; `value` is empty.
    kTime,         ///< RFC 3339, with a zone.
    kLsn,          ///< "0/3000060".
    kName,         ///< Of pg_create_restore_point().
    kTransaction,  ///< A transaction id.
  };
  Kind kind = Kind::kImmediate;
  std::string value;
  bool is_inclusive =
      true;  ///< Whether the target itself is still replayed: time, LSN, transaction.
};

/// What the server does once it has recovered.
enum class RecoveryEnd : std::uint8_t {
  kPromote,  ///< Accepts writes, on a new timeline.
  kPause,    ///< Read-only, waiting for a person; needs a target, else it promotes.
};

/// What the restored server is for.
enum class ClusterPurpose : std::uint8_t {
  kRecovery,  ///< Takes the old server's place.
  kDrill,     ///< A copy beside it: archives nothing, connects to nobody, waits for no standby.
};

/// More log than the recovery point holds itself, from elsewhere.
class WalSupply {
 public:
  virtual ~WalSupply() = default;
  /// What recovery needs of it: legs that begin where the point is consistent.
  [[nodiscard]] virtual const std::vector<WalReach::Leg>& legs() const = 0;
  /// The history file of a leg's timeline; empty for the first timeline.
  [[nodiscard]] virtual std::string history(std::uint32_t timeline) const = 0;
  /// Hands over the bytes of a segment from its start on; what does not come is zeros.
  using Take = std::function<Result<>(ByteView)>;
  virtual Result<> read_segment(const SegmentName& name, const Take& take) = 0;
  /// What is wrong with the records that were read so far, so that a server stops before the end;
  /// empty if all of them were proved.
  [[nodiscard]] virtual std::string doubt() const = 0;
};

struct ClusterRestoreOptions {
  std::string data_directory;  ///< Absolute. New, or an empty directory.
  /// A non-empty `data_directory` (and tablespace) that holds this same cluster, stopped, may be
  /// emptied first. One that is running, or is another cluster's, is refused all the same.
  bool is_replacing = false;
  /// A non-empty `data_directory` (and tablespace) that holds this same cluster, stopped, is not
  /// emptied: what differs is written in place, what the point does not have is removed, and the
  /// log in its pg_wal is kept in a folder there. Refused as with `is_replacing`, which is not
  /// heeded then. A directory that is new or empty is restored into as ever.
  bool is_delta = false;
  bool is_dry_run = false;  ///< Checks everything that can be checked, writes nothing.
  /// Tablespace OID to absolute path, where it is not to go to where it was.
  std::map<std::uint32_t, std::string> tablespaces;
  /// Absolute path of the program whose `wal fetch` and `wal finish` serve the staged WAL.
  std::string program;
  /// OS user that owns the files. Only root can choose; empty: `postgres` if root and there is one,
  /// else the current user.
  std::string owner;
  /// Null: recovery goes to the end of the log that the point holds itself.
  WalSupply* more_wal = nullptr;
  std::optional<RecoveryTarget> target;
  RecoveryEnd end = RecoveryEnd::kPromote;
  ClusterPurpose purpose = ClusterPurpose::kRecovery;
};

/// The log of the cluster that lay in the data directory before a delta restore.
struct OldWalPlace {
  std::string folder;  ///< Absolute. Empty if there was no log, or none was kept.
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

struct ClusterRestoreSummary {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0;
  // Of those; in a dry run what would be.
  std::uint64_t files_written = 0;
  std::uint64_t bytes_written = 0;    ///< Brought from the repository.
  std::uint64_t bytes_kept = 0;       ///< Of the files written: what was there already.
  std::uint64_t files_unchanged = 0;  ///< Had their content; owner, mode and time were put right.
  std::uint64_t deleted = 0;          ///< By a delta restore: names that the point does not have.
  OldWalPlace old_wal;
  std::uint64_t wal_segments = 0;
  std::string system_identifier;
  std::string server_version;  ///< "15.20": the major version that can start it.
  std::uint32_t timeline = 0;
  std::string start_lsn;
  std::string end_lsn;      ///< Earliest moment to which the cluster can recover.
  bool is_suspect = false;  ///< The server found bad page checksums while the backup was taken.
  /// Full sentences for the operator, in order: what was done beyond copying, what to look at.
  std::vector<std::string> notes;
};

/// Writes a recovery point of PostgresSource as a data directory that only has to be started with
/// the same major version (`pg_ctl -D DIR start`). `roots` is the snapshot's root tree.
///
/// Durability: when it returns, everything is on disk. `global/pg_control` comes last, so a restore
/// that was interrupted leaves a directory that no server starts; doing it again resumes from
/// nothing and needs no `is_replacing`. A delta takes the old pg_control away first; interrupted,
/// it is gone on with by doing the same again, and only a delta or `is_replacing` may. Thread
/// safety: none of its own; one restore per data directory at a time. Errors: kConflict (a
/// non-empty, running or foreign target; nothing was changed), kCorrupt (the recovery point is no
/// cluster, has hostile names or lost chunks; pg_control was not written), kInvalid (options),
/// kDenied, kExhausted, kCancelled.
Result<ClusterRestoreSummary> restore_cluster(RestoreReader& reader,
                                              const std::vector<Entry>& roots,
                                              const ClusterRestoreOptions& options);

}  // namespace reprieve
