#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "tree/entry.hpp"

namespace reprieve {

/// Bounds of one tree chunk; a larger directory is stored in parts.
inline constexpr std::size_t kTreePartTarget = 256 * 1024;
inline constexpr std::size_t kTreePartMax = 1024 * 1024;
inline constexpr std::size_t kTreeBytesMax = 16 * 1024 * 1024;  ///< What a reader accepts.

/// The bytes of a tree. Deterministic: equal entries give equal bytes on every machine.
/// The entries must be sorted by name and free of duplicates (asserted).
Bytes encode_tree(std::span<const Entry> entries);

/// Errors: kCorrupt, and nothing else. Accepts names with '/' only if `is_root`; never "", "." or
/// "..", never unsorted or repeated names: what comes out is safe to walk.
Result<Tree> parse_tree(ByteView bytes, bool is_root = false);

/// Where to cut a directory into parts: the number of entries in each, in order. Cuts depend on the
/// names alone (content-defined), so that one new name changes one part. One part if small.
std::vector<std::size_t> split_tree(std::span<const Entry> entries);

/// A list chunk: what stands in for a content of many chunks or a directory of many parts.
/// For a directory part `length` is the number of its entries.
Bytes encode_list(std::span<const ChunkRef> children);
Result<std::vector<ChunkRef>> parse_list(ByteView bytes);
/// Children of one list chunk, at most.
inline constexpr std::size_t kListChildrenMax = 1000;

/// Ids of the chunks that a tree refers to, each once, in order: what garbage collection marks by.
std::vector<ChunkId> children_of(const Tree& tree);

}  // namespace reprieve
