#include "repository/internal/live_chunks.hpp"

#include <algorithm>
#include <unordered_map>

namespace reprieve::repository {
namespace {

Error missing(const ChunkId& id, const std::string& why) {
  return Error{ErrorKind::kCorrupt,
               "chunk " + id.hex().substr(0, 16) + ", which a recovery point needs, " + why,
               "Nothing was condemned. Run `reprieve verify --level reach` to see what is damaged, "
               "and `reprieve repo repair`."};
}

}  // namespace

bool LiveChunks::set(const Index::Row& row) {
  if (marks_.size() <= row.run) marks_.resize(row.run + 1U);
  std::vector<bool>& bits = marks_[row.run];
  if (bits.size() <= row.number) bits.resize(row.number + 1U);
  const bool was_set = bits[row.number];
  bits[row.number] = true;
  return !was_set;
}

bool LiveChunks::test(const Index::Row& row) const {
  return row.run < marks_.size() && row.number < marks_[row.run].size() &&
         marks_[row.run][row.number];
}

bool LiveChunks::is_marked(const ChunkId& id, const Index::Row& row) const {
  // An index that came after the marking has entries of its own.
  return test(row) || has(id);
}

bool LiveChunks::has(const ChunkId& id) const {
  bool found = false;
  repository_.index().visit_rows_of(id, [&](const Index::Row& other) {
    found = test(other);
    return !found;
  });
  return found;
}

void LiveChunks::forget() {
  marks_.clear();
  waiting_.clear();
  unreadable_.clear();
}

Result<> LiveChunks::reach(const ChunkId& id) {
  bool is_there = false;
  bool was_marked = false;
  std::optional<PackId> tree;
  repository_.index().visit_rows_of(id, [&](const Index::Row& row) {
    was_marked = !set(row) || was_marked;
    if (!packs_->contains(row.pack)) return true;
    is_there = true;
    const bool is_tree = row.pack_type == kTreePack;
    if (is_tree && !tree && !unreadable_.contains(row.pack)) tree = row.pack;
    return true;
  });
  if (!is_there) return missing(id, "is in no pack that is there");
  if (!was_marked && tree) waiting_[*tree].push_back(id);
  return kOk;
}

/// The ids' trees stand in other packs, too, or all is lost.
Result<> LiveChunks::look_elsewhere(const std::vector<ChunkId>& ids, const Error& why) {
  for (const ChunkId& id : ids) {
    std::optional<PackId> tree;
    repository_.index().visit_rows_of(id, [&](const Index::Row& row) {
      if (packs_->contains(row.pack) && !unreadable_.contains(row.pack)) tree = row.pack;
      return !tree;
    });
    if (!tree) return missing(id, "cannot be read: " + why.what);
    waiting_[*tree].push_back(id);
  }
  return kOk;
}

Result<> LiveChunks::visit(const PackId& pack, std::vector<ChunkId> ids) {
  const auto row = repository_.index().find_pack(pack);
  auto reading = read_pack_contents(repository_.store(), repository_.keys(), pack, packs_->at(pack),
                                    row ? row->label : ByteView{});
  if (!reading) {
    const ErrorKind kind = reading.error().kind;
    if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kNotFound) return reading.error();
    unreadable_.insert(pack);
    return look_elsewhere(ids, reading.error());
  }
  std::unordered_map<ChunkId, const PackContents::Chunk*> chunks;
  for (const PackContents::Chunk& chunk : reading->contents.chunks)
    chunks.emplace(chunk.id, &chunk);
  // Children in the same pack are visited at once: most are.
  while (!ids.empty()) {
    const ChunkId id = ids.back();
    ids.pop_back();
    const auto chunk = chunks.find(id);
    if (chunk == chunks.end()) return missing(id, "is not in the pack that an index names");
    for (const ChunkId& child : chunk->second->children)
      REPRIEVE_RETURN_IF_ERROR(reach(child));
    const auto same = waiting_.find(pack);
    if (same == waiting_.end()) continue;
    ids.insert(ids.end(), same->second.begin(), same->second.end());
    waiting_.erase(same);
  }
  return kOk;
}

Result<> LiveChunks::mark(std::span<const ChunkId> roots, const PackSizes& packs) {
  packs_ = &packs;
  for (const ChunkId& root : roots)
    REPRIEVE_RETURN_IF_ERROR(reach(root));
  PackId last;
  while (!waiting_.empty()) {
    REPRIEVE_RETURN_IF_ERROR(cancel_.check());
    // In turn, so that many trees gather for each pack before it is read.
    auto next = waiting_.upper_bound(last);
    if (next == waiting_.end()) next = waiting_.begin();
    last = next->first;
    std::vector<ChunkId> ids = std::move(next->second);
    waiting_.erase(next);
    REPRIEVE_RETURN_IF_ERROR(visit(last, std::move(ids)));
  }
  return kOk;
}

}  // namespace reprieve::repository
