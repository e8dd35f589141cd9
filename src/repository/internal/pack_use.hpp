#pragma once

#include <set>
#include <unordered_set>
#include <vector>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/live_chunks.hpp"
#include "repository/internal/store_look.hpp"

/// How much of each pack is needed, and what follows from it (docs/adr/0010-garbage-collection.md).
namespace reprieve::repository {

struct PackUse {
  enum class Verdict : std::uint8_t { kStays, kCondemned, kCompacted };
  PackId id;
  std::uint64_t object_bytes = 0;
  std::uint8_t pack_type = 1;
  SessionId session{};
  Verdict verdict = Verdict::kStays;
  bool is_judged = false;          ///< May be condemned.
  bool is_lost = false;            ///< Damaged beyond healing: what is left of it cannot be copied.
  std::uint64_t condemned_by = 0;  ///< First plan that did; 0: none.
  /// Condemned, and holds a live chunk that no pack which stays has: to be copied out.
  bool is_needed = false;
  std::uint64_t chunks = 0;
  std::uint64_t live_chunks = 0;  ///< For which this pack is the place that counts.
  std::uint64_t frame_bytes = 0;
  std::uint64_t live_bytes = 0;   ///< Of frames that hold a live chunk.
  std::vector<bool> live_frames;  ///< By number.
  /// A frame that holds a live chunk also holds bytes of none; false unless it was asked for.
  bool has_dead_bytes_in_live_frames = false;
  std::set<PackId> in_favour_of;  ///< Packs that keep live chunks which are not counted here,
  std::unordered_set<ChunkId> kept_elsewhere;  ///< and these chunks: prefix_of() each.
};

/// An id cut to what an index knows of it.
ChunkId prefix_of(const ChunkId& id);

/// For every pack that the look found and the index knows, by id. A live chunk counts in one place
/// only: among packs that stay and whose index was stored, one that is whole before one that is
/// lost, then a finished session's before a running one's, then the lowest id; where no such pack
/// has it, in whichever packs have it. To measure inside of frames takes four bytes of memory for
/// each.
enum class Measuring : std::uint8_t { kFrames, kInsideFrames };
std::vector<PackUse> measure_use(const Repository& repository, const StoreLook& look,
                                 const LiveChunks& live, const GcState& gc, Measuring measuring);

struct JudgeOptions {
  double unused_max = 0;      ///< Share of dead bytes from which on a data pack is copied.
  bool opens_frames = false;  ///< Then packs are copied for dead bytes inside of frames, too.
};
/// Sets the verdicts. A tree pack is copied as soon as one of its trees is dead: whoever finds a
/// tree relies on all that is below it, so dead ones must not be found.
void judge(std::vector<PackUse>& packs, const JudgeOptions& options);

}  // namespace reprieve::repository
