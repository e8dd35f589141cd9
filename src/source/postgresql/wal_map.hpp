#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "source/postgresql/lsn.hpp"
#include "source/postgresql/wal_header.hpp"

/// Which part of a cluster's log is held, and where: decisions about pieces, without their bytes.
/// Pure.
namespace reprieve {

/// A piece by its number in some list of the caller's.
struct WalPiece {
  std::size_t number = 0;
  LsnRange range;
};

/// What is held of one timeline.
struct WalTimeline {
  std::string history;           ///< The history file; empty for the first timeline.
  std::vector<WalPiece> pieces;  ///< By from, the longer first.

  /// Stretches without a gap, ascending and apart from each other.
  [[nodiscard]] std::vector<LsnRange> stretches() const;
};

/// What is held of one cluster.
struct WalMap {
  std::uint64_t segment_size = 0;
  std::map<std::uint32_t, WalTimeline> timelines;
};

/// One line of a history file: this timeline was left at that position.
struct TimelineStep {
  std::uint32_t timeline = 0;
  Lsn left_at;
};
/// The steps that a history file lists, oldest first. Errors: kCorrupt.
Result<std::vector<TimelineStep>> parse_timeline_history(std::string_view text);

/// How a file that a server asks for in recovery is to be answered.
struct WalAnswer {
  enum class Kind : std::uint8_t {
    kServe,    ///< From `parts`, the rest of a segment being zeros; or a history file's text.
    kAbsent,   ///< Proven not to exist: recovery ends before it.
    kMissing,  ///< It did exist, or may have: to say that it does not would end recovery too early.
  };
  Kind kind = Kind::kMissing;
  /// Which bytes of which piece, in order and without a gap from the segment's start on.
  struct Part {
    std::size_t number = 0;
    LsnRange range;
  };
  std::vector<Part> parts;
  std::string history;
  std::string why;  ///< kMissing: a sentence.
};
/// `file` as PostgreSQL's %f names it. A segment that is held in part is served, the rest zeros,
/// only as the newest of its timeline. For a standby (`is_standby`), which goes on by streaming,
/// not even then.
WalAnswer answer_wal_request(const WalMap& map, std::string_view file, bool is_standby);

/// The parts that hold a segment from its start on, as far as they go without a gap.
std::vector<WalAnswer::Part> cover_segment(const WalMap& map, const SegmentName& segment);

/// How far recovery can go on from a base backup, without asking what is missing behind.
struct WalReach {
  /// One timeline of the way, and what is replayed of it.
  struct Leg {
    std::uint32_t timeline = 0;
    LsnRange range;
  };
  std::vector<Leg> legs;  ///< At least one, maybe empty; each begins where the one before ends.
  /// Why it does not go farther though the log once did; empty if it goes to the end of what was
  /// received.
  std::string gap;
  [[nodiscard]] std::uint32_t timeline() const { return legs.back().timeline; }
  [[nodiscard]] Lsn end() const { return legs.back().range.to; }
};
/// From a backup that is consistent at `from` on `timeline`, towards timeline `wanted`, or, if that
/// is 0, towards the newest that descends from it. Errors: kNotFound if no log of `wanted` is held
/// or it does not descend from that place.
Result<WalReach> reach_of(const WalMap& map, std::uint32_t timeline, Lsn from,
                          std::uint32_t wanted);

/// The next stretch to put into the repository: at most a piece, never across a segment's end;
/// nothing if it should wait. `waited`: whether a piece is due whatever its length.
std::optional<LsnRange> next_wal_piece(Lsn stored, Lsn durable, std::uint64_t segment_size,
                                       bool waited);

}  // namespace reprieve
