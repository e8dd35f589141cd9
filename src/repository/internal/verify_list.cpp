#include "repository/internal/verify_list.hpp"

#include <algorithm>
#include <set>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/index_store.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/lost_packs.hpp"
#include "repository/internal/object_check.hpp"
#include "repository/internal/unlock.hpp"

namespace reprieve::repository {
namespace {

/// Of a long gap in the configs no more are told.
constexpr std::uint64_t kGapMax = 100;

bool is_reported(const VerifyReport& report, const std::string& object) {
  return std::ranges::any_of(report.damages,
                             [&](const Damage& damage) { return damage.object == object; });
}

void add_once(VerifyReport& report, Damage damage) {
  if (!is_reported(report, damage.object)) report.damages.push_back(std::move(damage));
}

Result<> check_chains(Repository& repository, VerifyReport& report) {
  REPRIEVE_TRY(const Repository::SnapshotList list, repository.snapshots());
  for (const std::string& name : list.damaged)
    if (name.starts_with(kTombPrefix)) add_once(report, {name, "the tomb does not verify", false});
  for (const auto& [writer, chain] : list.chains) {
    for (const auto& [seq, link] : chain) {
      if (!link.problem.empty())
        add_once(report, {snapshot_key(writer, seq), link.problem, false});
      else if (link.is_stored)
        ++report.snapshots;
    }
  }
  if (judge_chains(list.chains).empty()) return kOk;
  // Writers may have gone on while we listed: what is gone is gone at a second look, too.
  REPRIEVE_TRY(const Repository::SnapshotList again, repository.snapshots());
  for (const HeadAlarm& alarm : judge_chains(again.chains))
    add_once(report, {alarm.object, alarm.what, false});
  return kOk;
}

Result<> check_packs_are_there(Repository& repository, VerifyReport& report) {
  REPRIEVE_TRY(const std::set<PackId> lost,
               find_lost_packs(repository.store(), repository.index()));
  if (lost.empty()) return kOk;
  REPRIEVE_TRY(const GcState gc, read_whole_plans(repository.store(), repository.keys()));
  REPRIEVE_TRY(const ObjectChecker checker, ObjectChecker::make(repository.store(), &repository));
  for (const PackId& id : lost) {
    const ObjectKey key = pack_key(id);
    auto object = repository.store().stat(key);
    if (object) {
      REPRIEVE_TRY(ObjectFinding finding, checker.check(*object, ObjectChecker::Want::kFinding));
      if (finding.damage) add_once(report, *std::move(finding.damage));
    } else if (object.error().kind != ErrorKind::kNotFound) {
      return std::move(object).error();
    } else if (!gc.condemned.contains(id)) {
      add_once(report, {key, "the pack is gone", false});
    }
  }
  return kOk;
}

Result<> check_configs(Repository& repository, VerifyReport& report) {
  REPRIEVE_TRY(const auto numbers, list_configs(repository.store()));
  std::uint64_t expected = 1;
  for (const std::uint64_t n : numbers) {
    for (; expected < n && expected < kGapMax; ++expected)
      add_once(report, {config_key(expected), "the config is gone", false});
    expected = n + 1;
  }
  return kOk;
}

}  // namespace

Result<> verify_list(Repository& repository, VerifyReport& report) {
  REPRIEVE_RETURN_IF_ERROR(check_configs(repository, report));
  REPRIEVE_RETURN_IF_ERROR(check_chains(repository, report));
  for (const std::string& name : repository.index_store().damaged())
    add_once(report,
             {name, "the index is not to be believed; its packs can be indexed anew", true});
  return check_packs_are_there(repository, report);
}

}  // namespace reprieve::repository
