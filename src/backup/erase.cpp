#include "backup/erase.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <unordered_set>

#include "backup/repository_reader.hpp"
#include "backup/repository_sink.hpp"
#include "repository/prune.hpp"
#include "repository/write_session.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::backup {
namespace {

using repository::Snapshot;
using repository::WriteSession;
using Outcome = EraseReport::Outcome;

/// Where a path stands in a point: the entries of every folder on the way, the root's first, and
/// in each the one that leads on. The last one is what goes.
struct Trail {
  struct Step {
    std::vector<Entry> entries;
    std::size_t at = 0;
  };
  std::vector<Step> steps;

  [[nodiscard]] const Entry& last() const { return steps.back().entries[steps.back().at]; }
};

/// What is left of `path` below `root`: nothing if it does not lie there, "" if it is the root.
std::optional<std::string_view> below(std::string_view path, std::string_view root) {
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (path.empty() || root == "/") return path;
  if (path.front() != '/') return std::nullopt;
  return path.substr(1);
}

/// Follows a path of names with slashes between them. Nothing if it leads nowhere.
Result<std::optional<Trail>> follow(RepositoryReader& reader, Trail trail, std::string_view rest) {
  while (!rest.empty()) {
    const Entry& folder = trail.last();
    if (folder.type != EntryType::kDirectory || !folder.directory) return std::optional<Trail>{};
    Trail::Step step;
    REPRIEVE_TRY(step.entries, reader.read_directory(*folder.directory));
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const Entry* found = find_name(step.entries, rest.substr(0, end));
    if (found == nullptr) return std::optional<Trail>{};
    step.at = static_cast<std::size_t>(found - step.entries.data());
    trail.steps.push_back(std::move(step));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::optional{std::move(trail)};
}

/// The captured path that holds it is the longest that fits: one may lie inside of another.
Result<std::optional<Trail>> find_in(RepositoryReader& reader, const Snapshot& point,
                                     std::string_view path) {
  REPRIEVE_TRY(const std::vector<Entry> roots, reader.roots_of(point));
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < roots.size(); ++i)
    if (below(path, roots[i].name) && (!best || roots[i].name.size() > roots[*best].name.size()))
      best = i;
  if (!best) return std::optional<Trail>{};
  const std::string_view rest = *below(path, roots[*best].name);
  return follow(reader, Trail{{Trail::Step{roots, *best}}}, rest);
}

/// Counts what an entry is and holds, and gathers its chunks.
class Inventory {
 public:
  Inventory(RepositoryReader& reader, std::unordered_set<ChunkId>& chunks)
      : reader_{reader}, chunks_{chunks} {}

  Result<> add(const Entry& top, EraseReport::Point& told) {
    std::vector<Entry> waiting = {top};
    while (!waiting.empty()) {
      REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
      const Entry entry = std::move(waiting.back());
      waiting.pop_back();
      if (entry.type != EntryType::kDirectory) {
        REPRIEVE_RETURN_IF_ERROR(add_file(entry, told));
        continue;
      }
      ++told.directories;
      if (!entry.directory) continue;
      REPRIEVE_TRY(std::vector<Entry> below, reader_.read_directory(*entry.directory));
      std::ranges::move(below, std::back_inserter(waiting));
    }
    return kOk;
  }

 private:
  Result<> add_file(const Entry& entry, EraseReport::Point& told) {
    ++told.files;
    told.bytes += entry.content.size;
    if (entry.link_group != 0) ++told.linked_files;
    REPRIEVE_TRY(const std::vector<ChunkRef> chunks, reader_.chunks_of(entry.content));
    for (const ChunkRef& chunk : chunks)
      chunks_.insert(chunk.id);
    return kOk;
  }

  RepositoryReader& reader_;
  std::unordered_set<ChunkId>& chunks_;
};

class Erasure {
 public:
  Erasure(repository::Repository& repository, const EraseOptions& options, Progress& progress,
          const CancelToken& cancel)
      : repository_{repository},
        options_{options},
        progress_{progress},
        cancel_{cancel},
        reader_{repository, progress, cancel} {}

  Result<EraseReport> run() {
    REPRIEVE_RETURN_IF_ERROR(look());
    if (report_.points.empty() && half_done_.empty())
      return Error{ErrorKind::kNotFound, "no recovery point holds " + options_.path,
                   "Give the whole path, as it was backed up."};
    if (options_.is_dry_run) return sum_up();
    REPRIEVE_RETURN_IF_ERROR(rewrite());
    REPRIEVE_RETURN_IF_ERROR(bury());
    return sum_up();
  }

 private:
  Result<std::vector<Snapshot>> readable_points() const {
    REPRIEVE_TRY(auto list, repository_.snapshots());
    if (list.damaged.empty() && list.sealed_off.empty()) return std::move(list.snapshots);
    return Error{ErrorKind::kCorrupt,
                 std::to_string(list.damaged.size() + list.sealed_off.size()) +
                     " recovery points cannot be read, so that it is not known what they hold",
                 "Run `reprieve verify`, then `reprieve repo repair`; nothing was changed."};
  }

  Result<> look() {
    REPRIEVE_TRY(const std::vector<Snapshot> points, readable_points());
    REPRIEVE_TRY(const auto holds, repository::list_holds(repository_));
    std::set<SnapshotId> held;
    for (const repository::Hold& hold : holds)
      held.insert(hold.snapshot);
    std::map<SnapshotId, const Snapshot*> replaced;
    for (const Snapshot& point : points)
      if (point.description.replaces) replaced.emplace(point.description.replaces->id, &point);
    Inventory inventory{reader_, chunks_};
    for (const Snapshot& point : points) {
      if (!options_.source.empty() && point.description.source != options_.source) continue;
      if (const auto by = replaced.find(point.id); by != replaced.end()) {
        half_done_.emplace_back(point, by->second->id);
        continue;
      }
      if (point.description.kind != "files") {
        report_.other.push_back(point.id.hex());
        continue;
      }
      REPRIEVE_TRY(auto trail, find_in(reader_, point, options_.path));
      if (!trail) continue;
      EraseReport::Point found;
      found.original = point;
      found.outcome = options_.is_dry_run ? Outcome::kWouldBeErased : Outcome::kErased;
      if (held.contains(point.id)) found.outcome = Outcome::kHeld;
      REPRIEVE_RETURN_IF_ERROR(inventory.add(trail->last(), found));
      report_.points.push_back(std::move(found));
    }
    return kOk;
  }

  /// A session that was announced before the points were listed again keeps what they stand on,
  /// whoever removes them meanwhile, until the last one is committed with it.
  Result<> rewrite() {
    std::vector<EraseReport::Point*> todo;
    for (EraseReport::Point& point : report_.points)
      if (point.outcome == Outcome::kErased) todo.push_back(&point);
    if (todo.empty()) return kOk;
    REPRIEVE_TRY(auto guard, WriteSession::begin(repository_, {}, progress_));
    REPRIEVE_TRY(const std::vector<Snapshot> points, readable_points());
    for (const EraseReport::Point* point : todo)
      if (std::ranges::find(points, point->original.id, &Snapshot::id) == points.end())
        return Error{ErrorKind::kConflict, "recovery points were removed at the same time",
                     "Run this again."};
    while (todo.size() > 1) {
      REPRIEVE_RETURN_IF_ERROR(cancel_.check());
      REPRIEVE_TRY(const auto session, WriteSession::begin(repository_, {}, progress_));
      REPRIEVE_RETURN_IF_ERROR(rewrite_point(*session, *todo.back()));
      todo.pop_back();
    }
    return rewrite_point(*guard, *todo.back());
  }

  Result<> rewrite_point(WriteSession& session, EraseReport::Point& told) {
    const Snapshot& old = told.original;
    RepositorySink sink{session, progress_, cancel_};
    REPRIEVE_TRY(auto trail, find_in(reader_, old, options_.path));
    REPRIEVE_ASSERT(trail.has_value());  // Points do not change.
    std::vector<Trail::Step>& steps = trail->steps;
    std::vector<Entry>& last = steps.back().entries;
    last.erase(last.begin() + static_cast<std::ptrdiff_t>(steps.back().at));
    for (std::size_t i = steps.size() - 1; i > 0; --i) {
      Trail::Step& above = steps[i - 1];
      REPRIEVE_TRY(above.entries[above.at].directory,
                   sink.put_directory(std::move(steps[i].entries)));
    }
    REPRIEVE_TRY(const ListRef root, sink.put_directory(std::move(steps.front().entries)));
    repository::Statistics statistics = old.statistics;
    statistics.files -= std::min(statistics.files, told.files);
    statistics.directories -= std::min(statistics.directories, told.directories);
    statistics.bytes -= std::min(statistics.bytes, told.bytes);
    repository::Description description = old.description;
    // Nothing that tells what was erased: a path says a lot.
    std::erase(description.paths, options_.path);
    const repository::SeriesPlace place = series_place(old);
    description.replaces = repository::Replaced{
        .id = old.id, .writer = place.writer, .seq = place.seq, .time = old.time, .rewritten = {}};
    REPRIEVE_TRY(const Snapshot made, session.commit(root, statistics, description));
    told.replacement = made.id.hex();
    return kOk;
  }

  Result<> bury() {
    for (const auto& [point, replacement] : half_done_) {
      EraseReport::Point again;
      again.original = point;
      again.replacement = replacement.hex();
      report_.points.push_back(std::move(again));
    }
    std::vector<Snapshot> originals;
    std::vector<EraseReport::Point*> told;
    for (EraseReport::Point& point : report_.points) {
      if (point.outcome != Outcome::kErased) continue;
      told.push_back(&point);
      originals.push_back(point.original);
    }
    REPRIEVE_TRY(const auto burials, repository::bury_points(repository_, originals));
    for (std::size_t i = 0; i < burials.size(); ++i) {
      if (burials[i] == repository::Burial::kHeld) told[i]->outcome = Outcome::kHeld;
      if (burials[i] == repository::Burial::kTooNew) told[i]->outcome = Outcome::kTooNew;
    }
    return kOk;
  }

  Result<EraseReport> sum_up() {
    std::ranges::stable_sort(report_.points, {},
                             [](const EraseReport::Point& point) { return point.original.time; });
    report_.chunks = chunks_.size();
    if (options_.is_dry_run || chunks_.empty()) return std::move(report_);
    REPRIEVE_TRY(const auto needed,
                 repository::needed_chunks(repository_, {chunks_.begin(), chunks_.end()}, cancel_));
    report_.chunks_needed = needed.size();
    return std::move(report_);
  }

  repository::Repository& repository_;
  const EraseOptions& options_;
  Progress& progress_;
  const CancelToken& cancel_;
  RepositoryReader reader_;
  /// Points that were rewritten by a call that was stopped before it removed them.
  std::vector<std::pair<Snapshot, SnapshotId>> half_done_;
  std::unordered_set<ChunkId> chunks_;
  EraseReport report_;
};

Result<> check_path(std::string_view path) {
  if (path.starts_with('/') && path.size() > 1 && !path.ends_with('/')) return kOk;
  return Error{ErrorKind::kInvalid, "the path to erase is not whole",
               "Give it from the root, as /srv/data/file, without a slash at its end."};
}

}  // namespace

Result<EraseReport> erase(repository::Repository& repository, const EraseOptions& options,
                          Progress& progress, const CancelToken& cancel) {
  REPRIEVE_RETURN_IF_ERROR(check_path(options.path));
  if (repository.role() != repository::Role::kAdmin)
    return Error{ErrorKind::kDenied, "this key may not rewrite recovery points",
                 "Use an administrator's key."};
  return Erasure{repository, options, progress, cancel}.run();
}

}  // namespace reprieve::backup
