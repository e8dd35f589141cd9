#include "repository/internal/verify_index.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>

#include "base/format.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/object_check.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/pack_contents.hpp"
#include "repository/internal/parallel.hpp"
#include "repository/internal/reindex.hpp"

namespace reprieve::repository {
namespace {

bool is_same(const FrameLocation& indexed, const PackContents::Frame& frame, const PackId& pack,
             std::size_t label_bytes) {
  return indexed.pack == pack && indexed.offset == label_bytes + frame.offset &&
         indexed.sealed_length == frame.sealed_length && indexed.raw_length == frame.raw_length &&
         indexed.salt == frame.salt && indexed.codec == frame.codec;
}

bool has_place(const Index& index, const PackContents::Chunk& chunk, std::uint64_t frame) {
  return std::ranges::any_of(index.find_all(chunk.id), [&](const ChunkLocation& place) {
    return place.frame == frame && place.offset == chunk.offset && place.length == chunk.length;
  });
}

/// In what the index and the pack's own trailer differ; nothing if in nothing.
std::optional<std::string> difference(const Index& index, Index::FrameRange range,
                                      const PackContents& pack) {
  if (range.count != pack.frames.size()) return "an index tells another number of its frames";
  for (std::uint32_t i = 0; i < range.count; ++i) {
    if (!is_same(index.frame(range.first + i), pack.frames[i], pack.id, pack.label.size()))
      return "an index places its frame " + std::to_string(i) + " elsewhere";
  }
  const auto missing = std::ranges::count_if(pack.chunks, [&](const PackContents::Chunk& chunk) {
    return !has_place(index, chunk, range.first + chunk.frame);
  });
  if (missing > 0) return std::to_string(missing) + " of its chunks are in no index";
  return std::nullopt;
}

class IndexCheck {
 public:
  IndexCheck(Repository& repository, VerifyReport& report)
      : repository_{repository}, report_{report} {}

  Result<> run(unsigned threads, const CancelToken& cancel) {
    REPRIEVE_TRY(const Repository::SnapshotList list, repository_.snapshots());
    for (const Snapshot& snapshot : list.snapshots)
      finished_.insert(snapshot.session);
    // Takes out of the index what trailers put there: what is stored is to be checked.
    REPRIEVE_TRY(const auto uncovered, list_uncovered_packs(repository_));
    REPRIEVE_TRY(const auto packs, list_all_objects(repository_.store(), kPackPrefix));
    auto done = for_each_parallel(packs.size(), threads, cancel,
                                  [&](std::size_t i) { return check_pack_object(packs[i]); });
    if (unfinished_ > 0) {
      report_.remarks.push_back(format_count(unfinished_, "pack") +
                                " of sessions that never finished");
    }
    if (done && !uncovered.empty()) done = index_from_trailers(repository_);
    return done;
  }

 private:
  Result<> check_pack_object(const ObjectInfo& object) {
    const auto id = pack_id_in_key(object.key);
    if (!id) return kOk;
    const auto row = repository_.index().find_pack(*id);
    auto reading = read_pack_contents(repository_.store(), repository_.keys(), *id,
                                      object.size.value, row ? row->label : ByteView{});
    if (!reading) {
      const ErrorKind kind = reading.error().kind;
      if (kind == ErrorKind::kNotFound) return kOk;  // Garbage collection was quicker.
      if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kDenied) return reading.error();
      report({object.key, "its trailer cannot be read: " + reading.error().what, false});
      return kOk;
    }
    const auto range = repository_.index().frames_of(*id);
    if (!range) {
      report_uncovered(object.key, reading->label.session);
      return kOk;
    }
    if (const auto what = difference(repository_.index(), *range, reading->contents))
      report({object.key, *what, false});
    return kOk;
  }

  void report_uncovered(const ObjectKey& key, const SessionId& session) {
    if (finished_.contains(session)) return report({key, "no index knows the pack", true});
    const std::lock_guard lock{mutex_};
    ++unfinished_;
  }

  void report(Damage damage) {
    const std::lock_guard lock{mutex_};
    report_.damages.push_back(std::move(damage));
  }

  Repository& repository_;
  std::set<SessionId> finished_;
  std::mutex mutex_;
  VerifyReport& report_;          // Guarded by mutex_.
  std::uint64_t unfinished_ = 0;  // Guarded by mutex_.
};

}  // namespace

Result<> verify_index(Repository& repository, unsigned threads, const CancelToken& cancel,
                      VerifyReport& report) {
  return IndexCheck{repository, report}.run(threads, cancel);
}

}  // namespace reprieve::repository
