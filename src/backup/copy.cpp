#include "backup/copy.hpp"

#include <algorithm>
#include <map>

#include "backup/repository_reader.hpp"
#include "backup/repository_sink.hpp"
#include "backup/tree_copy.hpp"

namespace reprieve::backup {
namespace {

using repository::Repository;
using repository::Snapshot;

/// Copies that are there, by the id of what they were copied from.
Result<std::map<SnapshotId, Snapshot>> earlier_copies(const Repository& to) {
  REPRIEVE_TRY(const auto list, to.snapshots());
  std::map<SnapshotId, Snapshot> copies;
  for (const Snapshot& snapshot : list.snapshots) {
    if (snapshot.description.replaces)
      copies.insert_or_assign(snapshot.description.replaces->id, snapshot);
  }
  return copies;
}

class PointCopier {
 public:
  PointCopier(Repository& from, Repository& to, const repository::SessionOptions& options,
              Progress& progress, const CancelToken& cancel)
      : to_{to},
        options_{options},
        progress_{progress},
        cancel_{cancel},
        from_reader_{from, progress, cancel},
        to_reader_{to, progress, cancel} {}

  /// `last`: the newest point of the same source that was copied already.
  Result<Snapshot> copy(const Snapshot& point, const CopiedPoint* last) {
    REPRIEVE_TRY(std::vector<Entry> roots, from_reader_.roots_of(point));
    std::optional<CopiedBefore> before;
    if (last != nullptr) {
      auto original = from_reader_.roots_of(last->original);
      auto copied = to_reader_.roots_of(last->copy);
      if (original && copied)
        before.emplace(CopiedBefore{*std::move(original), *std::move(copied), to_reader_});
    }
    REPRIEVE_TRY(const auto session, repository::WriteSession::begin(to_, options_, progress_));
    RepositorySink sink{*session, progress_, cancel_};
    auto root = copy_tree(from_reader_, std::move(roots), before, sink);
    if (!root) {
      ignore_error(session->abandon(), "what failed first is told");
      return std::move(root).error();
    }
    repository::Description description = point.description;
    const repository::SeriesPlace place = series_place(point);
    description.replaces = repository::Replaced{.id = point.id,
                                                .writer = place.writer,
                                                .seq = place.seq,
                                                .time = point.time,
                                                .rewritten = {}};
    return session->commit(*root, point.statistics, description);
  }

 private:
  Repository& to_;
  const repository::SessionOptions& options_;
  Progress& progress_;
  const CancelToken& cancel_;
  RepositoryReader from_reader_;
  RepositoryReader to_reader_;
};

Result<> check(const Repository& from, const Repository& to) {
  if (from.id() == to.id())
    return Error{ErrorKind::kInvalid, "both are the same repository",
                 "A second store of one repository is filled by `reprieve repo sync`."};
  if (to.role() == repository::Role::kAdmin) return kOk;
  return Error{ErrorKind::kDenied, "this key may not copy points into the other repository",
               "Use an administrator's key of it: nobody else is believed about a point's time."};
}

}  // namespace

Result<> copy_points(Repository& from, Repository& to, std::vector<Snapshot> points,
                     const repository::SessionOptions& options, const TellCopied& tell,
                     Progress& progress, const CancelToken& cancel) {
  REPRIEVE_RETURN_IF_ERROR(check(from, to));
  std::ranges::stable_sort(points, {}, &Snapshot::time);
  REPRIEVE_TRY(const auto copies, earlier_copies(to));
  std::map<std::string, CopiedPoint> last;  // By source.
  PointCopier copier{from, to, options, progress, cancel};
  for (const Snapshot& point : points) {
    REPRIEVE_RETURN_IF_ERROR(cancel.check());
    const std::string& source = point.description.source;
    CopiedPoint done{point, {}, false};
    if (const auto there = copies.find(point.id); there != copies.end()) {
      done.copy = there->second;
      done.was_there = true;
    } else {
      const auto before = last.find(source);
      auto copied = copier.copy(point, before == last.end() ? nullptr : &before->second);
      if (!copied)
        return std::move(copied).error().at("copy point " + point.id.hex().substr(0, 10));
      done.copy = *std::move(copied);
      // The next point shares chunks with this one.
      REPRIEVE_RETURN_IF_ERROR(to.refresh());
    }
    tell(done);
    last.insert_or_assign(source, std::move(done));
  }
  return kOk;
}

}  // namespace reprieve::backup
