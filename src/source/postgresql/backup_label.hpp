#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve {

/// What a restore reads out of `backup_label`; the file itself is kept byte for byte.
struct BackupLabel {
  Lsn start;                  ///< Where WAL replay begins.
  std::string first_segment;  ///< Name of the segment that `start` lies in.
  Lsn checkpoint;
  std::uint32_t timeline = 0;
  bool is_from_standby = false;
};
/// Errors: kCorrupt.
Result<BackupLabel> parse_backup_label(ByteView text);

/// One line of `tablespace_map`.
struct TablespaceLink {
  std::uint32_t oid = 0;
  std::string location;  ///< Absolute, raw bytes.
  friend bool operator==(const TablespaceLink&, const TablespaceLink&) = default;
};
/// Errors: kCorrupt, also for a repeated OID or a location that is not absolute.
Result<std::vector<TablespaceLink>> parse_tablespace_map(ByteView text);
std::string encode_tablespace_map(const std::vector<TablespaceLink>& links);

/// An OID in decimal, as it names a folder; nothing for 0, signs, leading zeros or more than 32
/// bits.
std::optional<std::uint32_t> parse_oid(std::string_view text);

}  // namespace reprieve
