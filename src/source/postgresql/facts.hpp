#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "source/postgresql/backup_label.hpp"
#include "source/postgresql/connection.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve {

/// What a restore has to know and the server's own files do not say: `reprieve.json` of a recovery
/// point.
struct ClusterFacts {
  /// A configuration file that lies outside PGDATA, as Debian's do: base backups leave it out.
  struct ConfigurationFile {
    std::string setting;  ///< "config_file", "hba_file", "ident_file", or "include".
    std::string path;
    std::optional<std::string> content;  ///< Raw bytes; nothing if it could not be read.
  };
  struct Database {
    std::string name;
    std::string encoding;
    std::string collate;
    std::string ctype;
    std::string collation_version;  ///< Empty if the server records none.
  };

  std::string system_identifier;  ///< Decimal.
  std::string server_version;     ///< "15.20 (Debian 15.20-0+deb12u1)".
  int server_version_num = 0;
  std::uint32_t timeline = 0;
  Lsn start;
  Lsn end;  ///< Recovery must get here before the cluster is consistent.
  Instant started;
  Instant finished;
  std::uint64_t wal_segment_size = 0;
  std::uint32_t block_size = 0;
  std::string label;
  std::string data_directory;  ///< Empty if the role may not see it.
  bool has_checksums = false;
  bool is_from_standby = false;
  bool is_suspect = false;
  std::vector<std::string> suspects;  ///< The server's warnings about bad pages.
  std::vector<TablespaceLink> tablespaces;
  /// Settings that a server replaying this WAL needs at least as large, by name.
  std::map<std::string, std::string> recovery_settings;
  std::vector<ConfigurationFile> configuration;
  std::vector<Database> databases;
  std::vector<std::string> notes;  ///< What could not be found out, as sentences.
};

std::string encode_facts(const ClusterFacts& facts);
/// Errors: kCorrupt; kInvalid if a newer program wrote it.
Result<ClusterFacts> parse_facts(ByteView text);

/// Asks a replication connection for identity and settings.
/// Errors: kInvalid, with a hint, if the server is not set up for replication; else the
/// connection's.
Result<ClusterFacts> read_server_facts(Connection& replication);

/// Adds what only an ordinary session can tell: databases, and configuration files outside PGDATA.
/// What the role may not see becomes a note, so this cannot fail.
void read_session_facts(const PostgresAddress& address, Clock& clock, const CancelToken& cancel,
                        ClusterFacts& facts);

/// "16MB" as SHOW prints it, in bytes; nothing if it is no size.
std::optional<std::uint64_t> parse_size_setting(std::string_view text);

}  // namespace reprieve
