#include "repository/internal/verify_list.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/index_store.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/lost_packs.hpp"
#include "repository/internal/object_check.hpp"
#include "repository/internal/snapshot_store.hpp"
#include "repository/internal/unlock.hpp"

namespace reprieve::repository {
namespace {

/// Gaps longer than this are told as one.
constexpr std::uint64_t kGapMax = 100;

bool is_reported(const VerifyReport& report, const std::string& object) {
  return std::ranges::any_of(report.damages,
                             [&](const Damage& damage) { return damage.object == object; });
}

void add_once(VerifyReport& report, Damage damage) {
  if (!is_reported(report, damage.object)) report.damages.push_back(std::move(damage));
}

/// One snapshot's place in its writer's chain, from its record or from its tomb.
struct Link {
  std::optional<SnapshotId> id;  ///< Nothing: the record is damaged.
  std::optional<SnapshotId> previous;
};
using Chain = std::map<std::uint64_t, Link>;

class ChainCheck {
 public:
  explicit ChainCheck(VerifyReport& report) : report_{report} {}

  Result<> run(Repository& repository) {
    REPRIEVE_TRY(const TombList tombs, read_tombs(repository.store(), repository.keys()));
    for (const Tomb& tomb : tombs.tombs) {
      if (tomb.what != Tomb::What::kSnapshot) continue;
      chains_[tomb.writer][tomb.seq] = {.id = tomb.snapshot, .previous = tomb.previous};
    }
    for (const std::string& name : tombs.damaged)
      add_once(report_, {name, "the tomb does not verify", false});
    REPRIEVE_RETURN_IF_ERROR(add_snapshots(repository));
    for (const auto& [writer, chain] : chains_)
      check_chain(writer, chain);
    for (const SnapshotHead& head : seen_)
      check_seen(head);
    return kOk;
  }

 private:
  Result<> add_snapshots(Repository& repository) {
    REPRIEVE_TRY(const auto names, list_snapshots(repository.store()));
    for (const SnapshotName& name : names) {
      auto stored = read_snapshot(repository.store(), repository.keys(), name);
      Link& link = chains_[name.writer][name.seq];
      if (stored) {
        ++report_.snapshots;
        link = {.id = stored->snapshot.id, .previous = stored->snapshot.previous};
        seen_.insert(seen_.end(), stored->seen.begin(), stored->seen.end());
      } else if (stored.error().kind == ErrorKind::kCorrupt) {
        add_once(report_, {snapshot_key(name.writer, name.seq), stored.error().what, false});
      } else if (stored.error().kind != ErrorKind::kNotFound) {
        return std::move(stored).error();
      }
    }
    return kOk;
  }

  void check_chain(const WriterId& writer, const Chain& chain) {
    std::uint64_t expected = 1;
    const Link first{.id = SnapshotId{}, .previous = {}};  // What the first one names: zeros.
    const Link* before = &first;
    for (const auto& [seq, link] : chain) {
      if (seq != expected) {
        report_gap(writer, expected, seq);
      } else if (link.previous && before->id && *link.previous != *before->id) {
        add_once(report_, {snapshot_key(writer, seq),
                           "does not follow on the snapshot that stands before it", false});
      }
      before = &link;
      expected = seq + 1;
    }
  }

  void report_gap(const WriterId& writer, std::uint64_t first, std::uint64_t end) {
    const std::uint64_t told = std::min(end, first + kGapMax);
    for (std::uint64_t seq = first; seq < told; ++seq)
      add_once(report_, {snapshot_key(writer, seq), "gone, and no tomb says so", false});
    if (told < end) {
      add_once(report_, {snapshot_key(writer, told),
                         "gone, as are " + std::to_string(end - told - 1) + " after it", false});
    }
  }

  /// What another writer saw must still be there, or have its tomb: else the store was set back.
  void check_seen(const SnapshotHead& head) {
    if (head.seq == 0) return;
    const ObjectKey key = snapshot_key(head.writer, head.seq);
    const auto chain = chains_.find(head.writer);
    if (chain == chains_.end() || !chain->second.contains(head.seq)) {
      add_once(report_, {key, "gone, though another writer saw it, and no tomb says so", false});
      return;
    }
    const auto& id = chain->second.at(head.seq).id;
    if (id && head.id != SnapshotId{} && *id != head.id)
      add_once(report_, {key, "is not what another writer saw under its name", false});
  }

  VerifyReport& report_;
  std::map<WriterId, Chain> chains_;
  std::vector<SnapshotHead> seen_;
};

Result<> check_packs_are_there(Repository& repository, VerifyReport& report) {
  REPRIEVE_TRY(const std::set<PackId> lost,
               find_lost_packs(repository.store(), repository.index()));
  if (lost.empty()) return kOk;
  REPRIEVE_TRY(const GcState gc, read_gc_state(repository.store(), repository.keys()));
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
  REPRIEVE_RETURN_IF_ERROR(ChainCheck{report}.run(repository));
  for (const std::string& name : repository.index_store().damaged())
    add_once(report,
             {name, "the index is not to be believed; its packs can be indexed anew", true});
  return check_packs_are_there(repository, report);
}

}  // namespace reprieve::repository
