#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "source/postgresql/connection.hpp"
#include "source/postgresql/facts.hpp"
#include "source/source.hpp"

namespace reprieve {

/// How much the server may hurry with the checkpoint that a backup begins with.
enum class CheckpointPace : std::uint8_t {
  kFast,    ///< At once: the backup starts in seconds, at the price of a burst of writes.
  kSpread,  ///< As checkpoint_completion_target says: may take minutes.
};

struct PostgresSourceOptions {
  PostgresAddress address;
  std::string label = "reprieve";  ///< Ends up in backup_label; printable, at most 512 bytes.
  CheckpointPace checkpoint = CheckpointPace::kFast;
  std::uint32_t max_rate_kib = 0;      ///< Per second, 32 to 1,048,576; 0: unlimited.
  bool is_verifying_checksums = true;  ///< Page checksums, on the server, if the cluster has them.
};

/// A whole PostgreSQL cluster (13 and later), taken over its replication protocol while it runs: a
/// base backup, and with it every WAL byte that bringing it to a consistent state needs. Nothing is
/// staged on disk and memory is bounded, whatever the size of the cluster.
///
/// The root tree that capture() returns (all names are fixed, so that equal data is stored once):
///
///     data/              PGDATA as the server sent it, modes and owners included
///     tablespaces/OID/   what lies in each tablespace (one empty directory if there is none)
///     wal/               whole WAL segments, and the timeline's history if it has one
///     backup_manifest    the server's own list of files with SHA-256, checked against every file
///     reprieve.json      facts.hpp: what a restore has to know
///
/// Needs a role with REPLICATION, a `replication` line in pg_hba.conf, two free WAL senders and one
/// replication slot. Leaves nothing behind on the server: its slot is a temporary one.
class PostgresSource : public Source {
 public:
  PostgresSource(PostgresSourceOptions options, Clock& clock, RandomSource& random);

  /// Errors: those of Connection::open(); kInvalid if the server is not set up for replication
  /// (`hint` says which setting); kExhausted if its slots or senders are all taken; kCorrupt if
  /// what arrived is not what the server's manifest says; kTransient if the connection broke. A
  /// page that fails the server's checksum verification is no error: the backup is kept, marked as
  /// suspect in reprieve.json, and every such file is a Problem.
  Result<std::vector<Entry>> capture(CaptureSink& sink) override;

  /// What the last successful capture() learned of the cluster; nothing before it.
  [[nodiscard]] const std::optional<ClusterFacts>& facts() const { return facts_; }

 private:
  std::optional<ClusterFacts> facts_;
  PostgresSourceOptions options_;
  Clock& clock_;
  RandomSource& random_;
};

}  // namespace reprieve
