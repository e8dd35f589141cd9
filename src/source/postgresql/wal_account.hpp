#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "source/postgresql/wal_header.hpp"
#include "source/postgresql/wal_scanner.hpp"

namespace reprieve {

/// What a stretch of the log has, as its header tells.
struct WalAccount {
  std::uint64_t commits = 0;
  std::optional<Instant> first_commit;
  std::optional<Instant> last_commit;
  std::vector<RestorePoint> restore_points;
  bool is_proved = true;
  std::string doubt;  ///< What was found damaged in the stretch; empty if nothing was.

  void add(const WalEvent& event);
  /// That of the stretch that follows.
  void add(const WalAccount& next);
};

/// Reads a timeline's log stretch by stretch. Records are found from a segment's start on; after a
/// stretch that does not follow, or damage, from the next segment on, and what lies before is not
/// proved. Pure but for its memory; not thread-safe.
class WalAccountant {
 public:
  WalAccountant(std::uint64_t segment_size, std::uint32_t page_size)
      : segment_size_{segment_size}, page_size_{page_size} {}
  // The scanner's events come back here.
  WalAccountant(const WalAccountant&) = delete;
  WalAccountant& operator=(const WalAccountant&) = delete;

  /// Of [from, from + bytes). Each byte is to be read once.
  WalAccount read(Lsn from, ByteView bytes);
  /// Behind the last stretch that was read.
  [[nodiscard]] Lsn position() const { return position_; }

 private:
  void read_in_segment(ByteView bytes);

  const std::uint64_t segment_size_;
  const std::uint32_t page_size_;
  Lsn position_;
  std::optional<WalScanner> scanner_;
  WalAccount account_;  ///< Of the stretch that is being read.
};

}  // namespace reprieve
