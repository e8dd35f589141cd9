#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "tree/entry.hpp"

namespace reprieve {

/// Version byte of trees and of list chunks.
inline constexpr std::uint8_t kTreeVersion = 1;
inline constexpr std::uint8_t kListVersion = 1;

/// What a reader accepts of one entry, in bytes. Writers that go beyond make trees nobody reads.
inline constexpr std::size_t kNameMax = 4096;           ///< Linux: 255, FUSE and others: more.
inline constexpr std::size_t kRootNameMax = 64 * 1024;  ///< A whole path.
inline constexpr std::size_t kOwnerNameMax = 256;
inline constexpr std::size_t kTargetMax = 64 * 1024;        ///< Linux: 4095.
inline constexpr std::size_t kXattrNameMax = 1024;          ///< Linux: 255.
inline constexpr std::size_t kXattrValueMax = 1024 * 1024;  ///< Linux: 65,536.
inline constexpr std::uint8_t kListDepthMax = 8;            ///< 1000^8 chunks are enough.

/// Bounds of one tree chunk; a larger directory is stored in parts.
inline constexpr std::size_t kTreePartTarget = 256 * 1024;
inline constexpr std::size_t kTreePartMax = 1024 * 1024;
inline constexpr std::size_t kTreeBytesMax = 16 * 1024 * 1024;  ///< What a reader accepts.
inline constexpr std::size_t kTreeEntriesMax = 128 * 1024;      ///< The same; a part has far fewer.
/// Owners and xattr sets are stored once but every entry gets its own copy: what a reader copies,
/// so that a small hostile tree cannot fill the memory.
inline constexpr std::size_t kTreeSharedBytesMax = 32 * 1024 * 1024;

/// The bytes of a tree. Deterministic: equal entries give equal bytes on every machine.
/// The entries must be sorted by name and free of duplicates (asserted).
Bytes encode_tree(std::span<const Entry> entries);

/// Errors: kCorrupt, and nothing else. Accepts names with '/' only if `is_root`; never "", "." or
/// "..", never unsorted or repeated names: what comes out is safe to walk.
Result<Tree> parse_tree(ByteView bytes, bool is_root = false);

/// Where to cut a directory into parts: the number of entries in each, in order. Whether a cut may
/// follow an entry depends on that entry alone (content-defined), so that one new name changes one
/// part. One part if the directory is small; never an empty part, save for an empty directory's.
std::vector<std::size_t> split_tree(std::span<const Entry> entries);

/// A list chunk: what stands in for a content of many chunks or a directory of many parts.
/// For a directory part `length` is the number of its entries.
Bytes encode_list(std::span<const ChunkRef> children);
Result<std::vector<ChunkRef>> parse_list(ByteView bytes);
/// Children of one list chunk, at most.
inline constexpr std::size_t kListChildrenMax = 1000;

/// Ids of the chunks that a tree refers to, each once, in order: what garbage collection marks by.
std::vector<ChunkId> children_of(const Tree& tree);

/// How many of a content's bytes are stored: its size less its holes.
std::uint64_t stored_size(const Content& content);

/// What is cut at 4 MiB at most is never longer: a tree that says so is not believed, and nobody
/// makes room for it.
inline constexpr std::uint32_t kChunkBytesMax = 16 * 1024 * 1024;

/// Whether `chunks`, those of `content` with lists expanded, are of a length that chunks have and
/// add up to its stored size. Errors: kCorrupt.
Result<> check_chunks(const Content& content, const std::vector<ChunkRef>& chunks);

/// The entry of that name among `entries`, which are sorted by name; null if there is none.
const Entry* find_name(const std::vector<Entry>& entries, std::string_view name);

/// Whether `name` may stand in a directory: not empty, ".", ".."; no '/' and no NUL.
bool is_safe_name(std::string_view name);

}  // namespace reprieve
