#include <algorithm>
#include <unordered_set>

#include "tree/tree_codec.hpp"

namespace reprieve {
namespace {

// A cut before this is not made, so that a run of lucky names does not leave crumbs.
constexpr std::size_t kPartMin = kTreePartTarget / 4;

/// About the bytes that an entry takes; what its tables share is counted in full.
std::size_t rough_size(const Entry& entry) {
  std::size_t size = 40 + entry.name.size() + entry.target.size() +
                     entry.content.inline_bytes.size() + 36 * entry.content.chunks.size() +
                     10 * entry.content.holes.size();
  for (const Xattr& xattr : entry.xattrs)
    size += xattr.name.size() + xattr.value.size() + 4;
  return size;
}

/// FNV-1a, then a finisher that spreads it over the high bits. Part of the format only in so far as
/// another function would cut elsewhere and store a large directory anew.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name)
    hash = (hash ^ static_cast<std::uint8_t>(c)) * std::uint64_t{0x100000001b3};
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return hash ^ (hash >> 32);
}

/// True with a probability of size / target, so that parts have the target's size whatever the
/// entries look like. The size is rounded, so that a file that grows a little keeps its answer.
bool may_cut_after(const Entry& entry, std::size_t size) {
  std::size_t rounded = 64;
  while (rounded * 2 <= size)
    rounded *= 2;
  // The 32 high bits suffice and keep the product in 64.
  return (hash_of(entry.name) >> 32) * kTreePartTarget < (std::uint64_t{rounded} << 32);
}

}  // namespace

std::vector<std::size_t> split_tree(std::span<const Entry> entries) {
  std::size_t total = 0;
  for (const Entry& entry : entries)
    total += rough_size(entry);
  if (total <= kTreePartTarget) return {entries.size()};

  std::vector<std::size_t> parts;
  std::size_t count = 0;
  std::size_t part_size = 0;
  for (const Entry& entry : entries) {
    const std::size_t size = rough_size(entry);
    if (count > 0 && part_size + size > kTreePartMax) {
      parts.push_back(count);
      count = 0;
      part_size = 0;
    }
    ++count;
    part_size += size;
    if (part_size >= kPartMin && may_cut_after(entry, size)) {
      parts.push_back(count);
      count = 0;
      part_size = 0;
    }
  }
  if (count > 0) parts.push_back(count);
  return parts;
}

std::vector<ChunkId> children_of(const Tree& tree) {
  std::vector<ChunkId> out;
  std::unordered_set<ChunkId> seen;
  const auto add = [&](const ChunkId& id) {
    if (seen.insert(id).second) out.push_back(id);
  };
  for (const Entry& entry : tree.entries) {
    for (const ChunkRef& chunk : entry.content.chunks)
      add(chunk.id);
    if (entry.content.list) add(entry.content.list->id);
    if (entry.directory) add(entry.directory->id);
  }
  return out;
}

std::uint64_t stored_size(const Content& content) {
  std::uint64_t size = content.size;
  for (const Hole& hole : content.holes)
    size -= hole.length;
  return size;
}

Result<> check_chunks(const Content& content, const std::vector<ChunkRef>& chunks) {
  std::uint64_t total = content.inline_bytes.size();
  for (const ChunkRef& chunk : chunks) {
    if (chunk.length > kChunkBytesMax)
      return Error{ErrorKind::kCorrupt, "a chunk is larger than any can be"};
    total += chunk.length;
  }
  if (total != stored_size(content))
    return Error{ErrorKind::kCorrupt, "its chunks do not add up to its size"};
  return kOk;
}

const Entry* find_name(const std::vector<Entry>& entries, std::string_view name) {
  const auto at = std::ranges::lower_bound(entries, name, {}, &Entry::name);
  return at == entries.end() || at->name != name ? nullptr : &*at;
}

}  // namespace reprieve
