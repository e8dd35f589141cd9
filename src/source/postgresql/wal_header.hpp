#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve {

/// Whose log a stream is. All of it holds for the whole stream.
struct WalOrigin {
  std::string source;             ///< As recovery points name it.
  std::string system_identifier;  ///< Decimal.
  std::uint32_t timeline = 0;
  std::uint64_t segment_size = 0;
  std::uint32_t page_size = 0;
  int server_version_num = 0;
  std::string history;  ///< The timeline's history file; empty for the first.
  friend bool operator==(const WalOrigin&, const WalOrigin&) = default;
};

/// A named place in the log (pg_create_restore_point).
struct RestorePoint {
  std::string name;  ///< Raw bytes.
  Lsn end;
  Instant time;
  friend bool operator==(const RestorePoint&, const RestorePoint&) = default;
};

/// What a piece of a log says of itself: the text of a stream piece's header.
struct WalHeader {
  WalOrigin origin;
  Instant heard;   ///< When the server last said, by its clock, how far its log went,
  Lsn server_end;  ///< which was up to here.
  std::uint64_t commits = 0;
  std::optional<Instant> first_commit;  ///< The earliest and the latest time of those that end in
  std::optional<Instant> last_commit;   ///< the piece; commits need not be in order of their time.
  std::vector<RestorePoint> restore_points;
  /// Whether every record that ends in the piece was proved by its checksum.
  bool is_proved = true;
  friend bool operator==(const WalHeader&, const WalHeader&) = default;
};

/// Restore points beyond the thousandth of one piece are left out.
std::string encode_wal_header(const WalHeader& header);
/// Errors: kCorrupt; kInvalid if a newer program wrote it.
Result<WalHeader> parse_wal_header(std::string_view text);

}  // namespace reprieve
