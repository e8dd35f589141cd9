#include "repository/internal/verify_reach.hpp"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "repository/chunk_reader.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/lost_packs.hpp"
#include "repository/internal/object_names.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::repository {
namespace {

/// Trees and lists remembered as walked: about 100 MiB. Beyond, shared parts are walked again.
constexpr std::size_t kRememberedMax = 1'500'000;

/// A tree or list that is still to be read.
struct Node {
  ListRef at;
  bool is_directory = false;  ///< Leads to trees; else to the chunks of a content.
  bool is_root = false;       ///< Names may be whole paths.
};

class ReachCheck {
 public:
  ReachCheck(Repository& repository, const Loss& loss, const CancelToken& cancel,
             VerifyReport& report, std::set<PackId> lost)
      : index_{repository.index()},
        loss_{loss},
        reader_{repository, 1},
        cancel_{cancel},
        report_{report},
        lost_{std::move(lost)} {}

  Result<> walk(const Snapshot& snapshot) {
    missing_ = 0;
    first_problem_.clear();
    open_.assign(1, {.at = snapshot.root, .is_directory = true, .is_root = true});
    // Only what was found whole is remembered: each snapshot tells of its own damage.
    walked_here_.clear();
    while (!open_.empty()) {
      REPRIEVE_RETURN_IF_ERROR(cancel_.check());
      const Node node = open_.back();
      open_.pop_back();
      REPRIEVE_RETURN_IF_ERROR(visit(node));
    }
    const ObjectKey key = snapshot_key(snapshot.writer, snapshot.seq);
    if (missing_ > 0) {
      report_.damages.push_back(
          {key, std::to_string(missing_) + " of the chunks that it needs: " + first_problem_,
           false});
    } else if (walked_.size() + walked_here_.size() <= kRememberedMax) {
      walked_.merge(walked_here_);
    }
    return kOk;
  }

 private:
  void problem(const ChunkId& id, const std::string& what) {
    if (missing_++ == 0) first_problem_ = "chunk " + id.hex().substr(0, 16) + " " + what;
  }

  /// Whether a chunk can be found; `length` is checked if it is not zero.
  bool check_chunk(const ChunkId& id, std::uint32_t length) {
    ++report_.chunks;
    const auto place = index_.find(id);
    if (!place) {
      problem(id, "is in no index");
      return false;
    }
    if (length != 0 && place->length != length) {
      problem(id, "has another length");
      return false;
    }
    if (loss_.has(id)) {
      problem(id, "was lost with its pack");
      return false;
    }
    if (lost_.empty()) return true;
    const auto places = index_.find_all(id);
    const bool is_there = std::ranges::any_of(places, [&](const ChunkLocation& p) {
      return !lost_.contains(index_.frame(p.frame).pack);
    });
    if (!is_there) problem(id, "was in a pack that is gone");
    return is_there;
  }

  Result<> visit(const Node& node) {
    // A list at some depth and a tree never share an id; data at depth 0 is only looked up.
    if (!node.is_directory && node.at.depth == 0) {
      check_chunk(node.at.id, 0);
      return kOk;
    }
    if (walked_.contains(node.at.id) || !check_chunk(node.at.id, 0)) return kOk;
    if (walked_here_.size() >= kRememberedMax) walked_here_.clear();
    if (!walked_here_.insert(node.at.id).second) return kOk;
    const ChunkType type = node.at.depth > 0 ? ChunkType::kList : ChunkType::kTree;
    auto bytes = reader_.read(type, node.at.id, kTreeBytesMax);
    if (!bytes) {
      const ErrorKind kind = bytes.error().kind;
      if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kNotFound &&
          kind != ErrorKind::kExhausted)
        return std::move(bytes).error();
      problem(node.at.id, "cannot be read: " + bytes.error().what);
      return kOk;
    }
    const auto parsed =
        type == ChunkType::kList ? visit_list(node, *bytes) : visit_tree(node, *bytes);
    if (!parsed) problem(node.at.id, "cannot be read: " + parsed.error().what);
    return kOk;
  }

  Result<> visit_list(const Node& node, ByteView bytes) {
    REPRIEVE_TRY(const auto children, parse_list(bytes));
    const auto depth = static_cast<std::uint8_t>(node.at.depth - 1);
    for (const ChunkRef& child : children) {
      if (!node.is_directory && depth == 0) {
        check_chunk(child.id, child.length);
      } else {
        open_.push_back({.at = {.id = child.id, .depth = depth},
                         .is_directory = node.is_directory,
                         .is_root = node.is_root});
      }
    }
    return kOk;
  }

  Result<> visit_tree(const Node& node, ByteView bytes) {
    REPRIEVE_TRY(const Tree tree, parse_tree(bytes, node.is_root));
    for (const Entry& entry : tree.entries) {
      if (entry.directory) open_.push_back({.at = *entry.directory, .is_directory = true});
      for (const ChunkRef& chunk : entry.content.chunks)
        check_chunk(chunk.id, chunk.length);
      if (entry.content.list) open_.push_back({.at = *entry.content.list});
    }
    return kOk;
  }

  const Index& index_;
  const Loss& loss_;
  ChunkReader reader_;
  const CancelToken& cancel_;
  VerifyReport& report_;
  const std::set<PackId> lost_;
  std::unordered_set<ChunkId> walked_;       ///< By snapshots that are whole.
  std::unordered_set<ChunkId> walked_here_;  ///< By the snapshot at hand.
  std::vector<Node> open_;
  std::uint64_t missing_ = 0;
  std::string first_problem_;
};

}  // namespace

Result<> verify_reach(Repository& repository, const Loss& loss, const CancelToken& cancel,
                      VerifyReport& report) {
  if (!repository.keys().can_read()) {
    return Error{ErrorKind::kDenied, "this key cannot read trees",
                 "Use a reader's or an admin's key, or a lower level."};
  }
  REPRIEVE_TRY(const Repository::SnapshotList list, repository.snapshots());
  REPRIEVE_TRY(std::set<PackId> lost, find_lost_packs(repository.store(), repository.index()));
  // A pack of another length is damaged, not gone: kShards tells what of it is left.
  std::erase_if(lost,
                [&](const PackId& id) { return bool{repository.store().stat(pack_key(id))}; });
  ReachCheck check{repository, loss, cancel, report, std::move(lost)};
  for (const Snapshot& snapshot : list.snapshots)
    REPRIEVE_RETURN_IF_ERROR(check.walk(snapshot));
  return kOk;
}

}  // namespace reprieve::repository
