#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "repository/internal/index_unit.hpp"

/// Several indexes as one, for the local cache alone (docs/adr/0018-indexes-are-merged-locally.md).
/// Pure and thread-safe. Its bytes, every part aligned to 8:
///
///     "RPIM" | u32 1 | u32 members | u32 packs
///     members: ids of index objects, 32 bytes each, ascending
///     owners:  u32 for each pack: its member's number; then zeros to 8
///     an index of all these packs (docs/format.md section 7)
namespace reprieve::repository {

struct MergedIndex {
  std::vector<crypto::Digest> members;
  PackOwners owners;  ///< Into the bytes, as is the view.
  IndexView view;
  ByteView without_labels;  ///< All bytes before the labels.
};

/// Checks all of it as IndexView::parse() does. Errors: kCorrupt.
Result<MergedIndex> parse_merged_index(ByteView bytes);

/// The members' ids alone; nothing if they cannot be told. For whoever decides what to keep.
std::vector<crypto::Digest> members_of_merged_index(ByteView bytes);

/// One part of a merged index to be. What it points to must outlive the merge.
struct MergeSource {
  const IndexUnit* unit = nullptr;
  std::vector<bool> is_gone;  ///< By member: its packs are left out. Empty: none is gone.

  [[nodiscard]] bool has(std::uint32_t pack) const {
    return is_gone.empty() || !is_gone[unit->owners.of(pack)];
  }
};

/// The members that a merge of `sources` has: those that are not gone, ascending.
std::vector<crypto::Digest> members_of(std::span<const MergeSource> sources);

/// Numbers of the sources that share no pack with one before them: those may be merged, since each
/// pack is then of one member alone.
std::vector<std::size_t> sources_without_common_packs(std::span<const MergeSource> sources);

/// Writes the merged index of `sources`, which have no pack in common (asserted), piece by piece;
/// memory does not follow the number of chunks. Errors: those of `write`; kInvalid if the result
/// would be larger than an index can be.
enum class MergedPart : std::uint8_t { kChecked, kLabels };
using WritePiece = std::function<Result<>(MergedPart part, ByteView piece)>;
Result<> write_merged_index(std::span<const MergeSource> sources, const WritePiece& write);

/// What a merge costs and brings, of one unit.
struct UnitSize {
  std::uint64_t bytes = 0;
  std::uint64_t keys = 0;
  bool is_worn = false;  ///< Most of it is gone: worth being written anew by itself.
};
/// Groups of units to be merged, by number. Units of about one size are merged once there are
/// eight of them, so that a look-up asks a number of units that grows with the logarithm of the
/// repository's size until they have the largest size, and each byte is rewritten as seldom. Pure.
std::vector<std::vector<std::size_t>> plan_merges(std::span<const UnitSize> units);

}  // namespace reprieve::repository
