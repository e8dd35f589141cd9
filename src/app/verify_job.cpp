#include <algorithm>
#include <array>

#include "app/jobs.hpp"
#include "backup/repository_reader.hpp"
#include "base/codec.hpp"
#include "base/random.hpp"
#include "io/temporary_folder.hpp"

namespace reprieve::app {

namespace {

using repository::Snapshot;
using repository::VerifyLevel;

std::uint64_t random_seed() {
  std::array<std::byte, 8> bytes{};
  system_random().fill(bytes);
  return Decoder{bytes}.u64();
}

/// What a look at the repository says about its points. `proved_since`: every byte was read then or
/// later, and was right.
Result<> remember(const Workspace& workspace, const OpenRepository& open,
                  const repository::VerifyReport& report, std::string_view level,
                  const std::optional<Instant>& proved_since) {
  auto verifications = Verifications::load(workspace.state_dir(), to_hex(open.repository->id()));
  const Instant now = open.repository->clock().now();
  for (const Snapshot& point : open.listed.snapshots) {
    const bool is_damaged =
        std::ranges::any_of(report.damages, [&](const repository::Damage& damage) {
          return !damage.is_healable && damage.object == repository::object_of(point);
        });
    if (is_damaged) {
      REPRIEVE_RETURN_IF_ERROR(verifications.record(point.id, {now, std::string{level}, false}));
    } else if (proved_since && report.damages.empty()) {
      // What was read before the point was taken was read before it was all there.
      const Instant at = std::max(*proved_since, point.time);
      const auto known = verifications.verdict_on(point.id);
      if (!known || !known->is_good || known->at < at)
        REPRIEVE_RETURN_IF_ERROR(verifications.record(point.id, {at, "data", true}));
    }
  }
  return kOk;
}

std::string_view name_of(VerifyLevel level) {
  switch (level) {
    case VerifyLevel::kList:
      return "list";
    case VerifyLevel::kIndex:
      return "index";
    case VerifyLevel::kReach:
      return "reach";
    case VerifyLevel::kShards:
      return "shards";
    case VerifyLevel::kData:
      return "data";
  }
  return "";
}

}  // namespace

std::string_view name_of(PointLevel level) {
  switch (level) {
    case PointLevel::kReach:
      return "reach";
    case PointLevel::kData:
      return "data";
    case PointLevel::kRestore:
      return "restore";
  }
  return "";
}

Result<PointVerdict> verify_point(const Workspace& workspace, OpenRepository& open,
                                  const Snapshot& point, PointLevel level, Progress& progress,
                                  const CancelToken& cancel) {
  progress.bytes_total = level == PointLevel::kReach ? 0 : point.statistics.bytes;
  backup::RepositoryReader reader{*open.repository, progress, cancel};
  REPRIEVE_TRY(const std::vector<Entry> roots, reader.roots_of(point));
  PointVerdict verdict;
  if (level == PointLevel::kReach) {
    REPRIEVE_TRY(const repository::Loss loss, repository::measure_marked_loss(*open.repository));
    REPRIEVE_TRY(verdict.check, backup::find_losses(reader, roots, [&](const ChunkId& id) {
                   return loss.has(id) || !repository::is_indexed(*open.repository, id);
                 }));
  } else {
    REPRIEVE_TRY(verdict.check, backup::check_point(reader, roots, true));
  }
  if (level == PointLevel::kRestore && verdict.check.damages.empty()) {
    REPRIEVE_TRY(const io::TemporaryFolder folder, io::TemporaryFolder::create());
    SeededRandom random{random_seed()};
    REPRIEVE_TRY(verdict.restored,
                 backup::check_restore(reader, roots, {}, folder.path("restored"), random));
  }
  if (level == PointLevel::kReach && verdict.is_good()) return verdict;
  auto verifications = Verifications::load(workspace.state_dir(), to_hex(open.repository->id()));
  REPRIEVE_RETURN_IF_ERROR(verifications.record(
      point.id,
      {open.repository->clock().now(), std::string{app::name_of(level)}, verdict.is_good()}));
  return verdict;
}

Result<RepositoryVerdict> verify_repository(const Workspace& workspace, OpenRepository& open,
                                            VerifyLevel level,
                                            const std::optional<RotaChoice>& choice,
                                            Progress& progress, const CancelToken& cancel) {
  repository::Repository& repository = *open.repository;
  const Instant now = repository.clock().now();
  PackProofs proofs = PackProofs::load(workspace.state_dir(), to_hex(repository.id()));
  RepositoryVerdict verdict;
  verdict.is_in_turn = choice.has_value();
  std::vector<ObjectInfo> all;
  repository::PackRota rota;
  rota.choose = [&](std::vector<ObjectInfo> packs) {
    all = packs;
    return choose_packs(std::move(packs), proofs, choice.value_or(RotaChoice{}), now);
  };
  rota.done = [&](const ObjectInfo& pack, bool is_whole) {
    ++verdict.packs_read;
    is_whole ? proofs.record(pack.key, now) : proofs.forget(pack.key);
  };
  REPRIEVE_TRY(verdict.report, repository::verify(repository, level, 0, progress, cancel, &rota));
  if (level == VerifyLevel::kData) {
    std::erase_if(
        all, [&](const ObjectInfo& pack) { return verdict.report.marked_lost.contains(pack.key); });
    REPRIEVE_RETURN_IF_ERROR(proofs.save(all));
    verdict.proved_since = all.empty() ? std::optional{now} : proofs.oldest(all);
  }
  REPRIEVE_RETURN_IF_ERROR(
      remember(workspace, open, verdict.report, name_of(level), verdict.proved_since));
  return verdict;
}

Result<repository::Snapshot> find_point(const Workspace& workspace, OpenRepository& open,
                                        const std::string& source, const std::string& wanted,
                                        Progress& progress, const CancelToken& cancel) {
  REPRIEVE_RETURN_IF_ERROR(check_newest_is_known(open.listed, wanted));
  REPRIEVE_TRY(const auto points, some_points_of(open.listed.snapshots, source));
  const auto verifications =
      Verifications::load(workspace.state_dir(), to_hex(open.repository->id()));
  const auto chosen = choose_point(points, verifications, wanted);
  if (chosen) return **chosen;
  if (wanted != "latest-verified" || points.empty())
    return Error{chosen.error()}.at(source.empty() ? "find the point" : source);
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    const auto known = verifications.verdict_on(point->id);
    if (known && !known->is_good) continue;
    REPRIEVE_TRY(const auto verdict,
                 verify_point(workspace, open, *point, PointLevel::kData, progress, cancel));
    if (verdict.is_good()) return *point;
  }
  return Error{ErrorKind::kCorrupt, source + ": every recovery point is damaged",
               "Heal the repository with `reprieve repo repair`, then try again."};
}

}  // namespace reprieve::app
