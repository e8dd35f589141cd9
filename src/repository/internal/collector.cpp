#include "repository/internal/collector.hpp"

#include <algorithm>

#include "repository/internal/burial.hpp"
#include "repository/internal/compaction.hpp"
#include "repository/internal/index_store.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

/// A new index is stored when it has so many packs.
constexpr std::size_t kPacksPerIndex = 4'000;

/// How often to look before deletion is left to the next run.
constexpr int kLooks = 5;

}  // namespace

Result<> fence(Repository& repository, const SessionId& session) {
  REPRIEVE_TRY([[maybe_unused]] const ObjectKey tomb, put_tomb(repository, tomb_of(session)));
  return kOk;
}

Result<> check_may_prune(const KeyRing& keys) {
  if (keys.can_sign()) {
    REPRIEVE_RETURN_IF_ERROR(keys.check_is_current());
    const auto own = keys.signer(keys.writer_id());
    if (own && own->may_prune && !own->is_revoked) return kOk;
  }
  return Error{ErrorKind::kDenied, "this key may not prune the repository",
               "Use an administrator's or a pruner's key."};
}

Collector::Collector(Repository& repository, const PruneOptions& options, const CancelToken& cancel,
                     PruneReport& report)
    : repository_{repository},
      options_{options},
      cancel_{cancel},
      report_{report},
      live_{repository, cancel} {}

Result<bool> Collector::run() {
  auto done = try_run();
  // A collector that is killed leaves its session; it harms nothing and is fenced off in time.
  auto ended = end_session();
  if (done && !ended) return std::move(ended).error();
  return done;
}

/// From here on no plan is removed, and packs that we write are not condemned.
Result<bool> Collector::announce() {
  const KeyRing& keys = repository_.keys();
  if (!options_.is_dry_run) {
    SessionRecord record;
    record.repository = repository_.id();
    record.writer = keys.writer_id();
    record.random = crypto::random_array<16>(repository_.random());
    record.gc_seen = kCollectorSession;
    record.started = repository_.clock().now();
    const Bytes encoded = encode_session(record, keys.signing_key());
    session_ = session_id_of(encoded);
    REPRIEVE_RETURN_IF_ERROR(
        repository_.store().put(id_key(kSessionPrefix, session_), encode_twin(encoded)));
    is_announced_ = true;
    REPRIEVE_RETURN_IF_ERROR(repository_.store().sync());
  }
  REPRIEVE_TRY(gc_, read_gc_state(repository_.store(), keys));
  return true;
}

/// What an unfinished try copied must not be taken for good: a fenced session's trees are not.
Result<> Collector::end_session() {
  if (!is_announced_) return kOk;
  is_announced_ = false;
  if (has_written_) {
    REPRIEVE_RETURN_IF_ERROR(fence(repository_, session_));
    REPRIEVE_RETURN_IF_ERROR(repository_.store().sync());
  }
  return repository_.store().remove(id_key(kSessionPrefix, session_));
}

Result<bool> Collector::try_run() {
  REPRIEVE_TRY([[maybe_unused]] const bool announced, announce());
  REPRIEVE_TRY(look_, look_at_store(repository_, session_));
  REPRIEVE_RETURN_IF_ERROR(retain());
  REPRIEVE_TRY(const bool is_marked, mark());
  if (!is_marked) return false;
  std::vector<PackUse> packs =
      measure_use(repository_, look_, live_, gc_,
                  opens_frames() ? Measuring::kInsideFrames : Measuring::kFrames);
  judge(packs, {.unused_max = options_.unused_max, .opens_frames = opens_frames()});
  if (options_.is_dry_run) {
    measure_dry_run(packs);
    return true;
  }
  REPRIEVE_TRY(const bool has_keepers, check_keepers(packs));
  if (!has_keepers) return false;
  REPRIEVE_TRY(const bool is_copied, compact(packs));
  if (!is_copied) return false;
  REPRIEVE_TRY(const bool is_condemned, condemn(packs));
  if (!is_condemned) return false;
  REPRIEVE_RETURN_IF_ERROR(end_session());
  REPRIEVE_RETURN_IF_ERROR(delete_condemned());
  return true;
}

/// Not a byte of what is dead is to stay: then frames are opened and made anew without it.
bool Collector::opens_frames() const {
  return options_.unused_max == 0 && repository_.keys().can_read();
}

/// Decides which points go, and puts their tombs.
Result<> Collector::retain() {
  const Instant now = repository_.clock().now();
  std::map<std::string, std::vector<Snapshot>> by_source;
  for (const Snapshot& snapshot : look_.live)
    by_source[snapshot.description.source].push_back(snapshot);
  // What an earlier try removed stays told.
  std::erase_if(report_.points, [](const auto& point) { return point.verdict.is_kept; });
  std::map<SnapshotId, RetentionVerdict> verdicts;
  for (const auto& [source, points] : by_source) {
    const auto rules = options_.rules.find(source);
    if (rules == options_.rules.end() || !repository_.keys().can_read()) continue;
    for (const RetentionRule& rule : rules->second) {
      const auto each = plan_retention(points, rule, look_.held, now);
      for (std::size_t i = 0; i < points.size(); ++i) {
        const auto [at, is_first] = verdicts.try_emplace(points[i].id, each[i]);
        if (!is_first && !at->second.is_kept) at->second = each[i];
      }
    }
  }
  const char* const no_rule = repository_.keys().can_read()
                                  ? "no rule names its source"
                                  : "this key cannot read of which source it is";
  std::vector<const Snapshot*> leaving;
  for (const Snapshot& snapshot : look_.live) {
    const auto found = verdicts.find(snapshot.id);
    RetentionVerdict verdict =
        found == verdicts.end() ? RetentionVerdict{true, no_rule} : found->second;
    if (!verdict.is_kept && !is_settled(snapshot, gc_)) verdict = {true, "the next prune decides"};
    if (!verdict.is_kept) leaving.push_back(&snapshot);
    report_.points.push_back({snapshot, std::move(verdict)});
  }
  std::ranges::stable_sort(report_.points, {},
                           [](const auto& point) { return point.snapshot.time; });
  return bury(leaving);
}

Result<> Collector::bury(const std::vector<const Snapshot*>& points) {
  if (points.empty()) return kOk;
  std::map<SnapshotId, ObjectKey> buried;
  for (const Snapshot* point : points) {
    ObjectKey tomb;
    if (!options_.is_dry_run) {
      REPRIEVE_TRY(tomb, put_tomb(repository_, tomb_of(*point)));
    }
    buried.emplace(point->id, std::move(tomb));
  }
  report_.points_removed += buried.size();
  if (options_.is_dry_run) {
    std::erase_if(look_.live, [&](const Snapshot& point) { return buried.contains(point.id); });
    return kOk;
  }
  REPRIEVE_RETURN_IF_ERROR(repository_.store().sync());
  // A hold that came between our look for holds and our tombs is found by this look, and wins.
  REPRIEVE_TRY(look_, look_at_store(repository_, session_));
  for (const Snapshot& point : look_.live) {
    const auto tomb = buried.find(point.id);
    if (tomb == buried.end()) continue;
    REPRIEVE_RETURN_IF_ERROR(repository_.store().remove(tomb->second));
    --report_.points_removed;
  }
  return kOk;
}

/// False: what was seen is not the truth any more, look again.
Result<bool> Collector::mark() {
  live_.forget();
  std::vector<ChunkId> roots;
  std::vector<const Snapshot*> doubtful;
  for (const Snapshot& snapshot : look_.live) {
    if (look_.fenced.contains(snapshot.session) && !gc_.marked.contains(snapshot.id))
      doubtful.push_back(&snapshot);
    else
      roots.push_back(snapshot.root.id);
  }
  auto marked = live_.mark(roots, look_.packs);
  if (!marked) return is_outdated(std::move(marked).error());
  for (const Snapshot* snapshot : doubtful) {
    auto found = live_.mark({&snapshot->root.id, 1}, look_.packs);
    if (found) continue;
    REPRIEVE_TRY(const bool is_old, is_outdated_look(found.error()));
    if (is_old) return false;
    if (found.error().kind != ErrorKind::kCorrupt || options_.is_dry_run) return found.error();
    // It came after its session's tomb, so its writer has reported failure.
    REPRIEVE_TRY([[maybe_unused]] const ObjectKey tomb, put_tomb(repository_, tomb_of(*snapshot)));
    REPRIEVE_RETURN_IF_ERROR(repository_.store().sync());
    return false;
  }
  return true;
}

/// A chunk that is not found was perhaps a snapshot's that another collector removed after we had
/// listed it, or was copied after we had read the indexes: whether the store has changed since.
Result<bool> Collector::is_outdated_look(const Error& error) {
  if (error.kind != ErrorKind::kCorrupt) return false;
  REPRIEVE_TRY(const StoreLook now, look_at_store(repository_, session_));
  return now.packs != look_.packs || now.roots() != look_.roots() || now.indexes != look_.indexes;
}

Result<bool> Collector::is_outdated(Error error) {
  REPRIEVE_TRY(const bool is_old, is_outdated_look(error));
  if (!is_old) return error;
  return false;
}

/// Packs that keep what another one loses have to be whole, now, all of them. False: one is gone,
/// for another collector condemned it after our look.
Result<bool> Collector::check_keepers(const std::vector<PackUse>& packs) const {
  std::set<PackId> keepers;
  for (const PackUse& use : packs)
    if (use.verdict != PackUse::Verdict::kStays && use.condemned_by == 0)
      keepers.insert(use.in_favour_of.begin(), use.in_favour_of.end());
  for (const PackId& id : keepers) {
    REPRIEVE_RETURN_IF_ERROR(cancel_.check());
    const auto proved = read_proved_pack(repository_, id);
    if (proved) continue;
    if (proved.error().kind == ErrorKind::kNotFound) return false;
    Error error = proved.error();
    if (error.kind == ErrorKind::kCorrupt)
      error.hint = "Nothing was condemned. Run `reprieve repo repair`, then prune again.";
    return error;
  }
  return true;
}

/// False: a pack that was to be copied is gone: another collector had no need of it.
Result<bool> Collector::compact(const std::vector<PackUse>& packs) {
  Compaction compaction{repository_, session_, live_, opens_frames()};
  for (const PackUse& use : packs) {
    if (use.verdict != PackUse::Verdict::kCompacted) continue;
    REPRIEVE_RETURN_IF_ERROR(cancel_.check());
    has_written_ = true;
    auto copied = compaction.copy(use);
    if (!copied && copied.error().kind == ErrorKind::kNotFound) return false;
    REPRIEVE_RETURN_IF_ERROR(copied);
    ++report_.packs_copied;
  }
  REPRIEVE_RETURN_IF_ERROR(compaction.finish());
  report_.bytes_written += compaction.bytes_written();
  return true;
}

/// False: another collector's plan has the number.
Result<bool> Collector::condemn(const std::vector<PackUse>& packs) {
  GcPlan plan;
  plan.repository = repository_.id();
  plan.n = gc_.newest + 1;
  plan.pruner = repository_.keys().writer_id();
  for (const Snapshot& snapshot : look_.live)
    plan.marked.push_back(snapshot.id);
  for (const PackUse& use : packs)
    if (use.verdict != PackUse::Verdict::kStays && use.condemned_by == 0)
      plan.condemned.push_back(use.id);
  const bool has_news = std::ranges::any_of(
      look_.live, [&](const Snapshot& s) { return !gc_.marked.contains(s.id); });
  if (plan.condemned.empty() && !has_written_ && (gc_.condemned.empty() || !has_news)) return true;
  ObjectStore& store = repository_.store();
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  // Fenced while it worked: plans may have been removed whose numbers would look free.
  REPRIEVE_TRY(const bool is_fenced_off, is_fenced(store, repository_.keys(), session_));
  if (is_fenced_off) return false;
  const Bytes record = encode_gc_plan(plan, repository_.keys().signing_key());
  auto stored = store.put(gc_key(plan.n), encode_twin(record));
  if (!stored && stored.error().kind == ErrorKind::kConflict) return false;
  REPRIEVE_RETURN_IF_ERROR(stored);
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  has_written_ = false;  // The plan vouches for it.
  return true;
}

/// Before the look that deletion rests on: a snapshot that was there first wins.
Result<> Collector::fence_off() {
  const Instant now = repository_.clock().now();
  bool has_fenced = false;
  for (const StoredSession& session : look_.sessions) {
    if (!look_.open.contains(session.id)) continue;
    const bool is_old = now - session.record.started > options_.fence_after;
    if (!is_old && !(options_.is_fencing_now && !session.is_collector())) continue;
    REPRIEVE_RETURN_IF_ERROR(fence(repository_, session.id));
    ++report_.sessions_fenced;
    has_fenced = true;
  }
  if (!has_fenced) return kOk;
  REPRIEVE_RETURN_IF_ERROR(repository_.store().sync());
  REPRIEVE_TRY(look_, look_at_store(repository_, session_));
  return kOk;
}

const StoredSession* Collector::blocker(std::uint64_t condemned_by) const {
  const auto found = std::ranges::find_if(look_.sessions, [&](const StoredSession& session) {
    return look_.open.contains(session.id) && !session.is_collector() &&
           session.record.gc_seen < condemned_by;
  });
  return found == look_.sessions.end() ? nullptr : &*found;
}

void Collector::add_waiting(const PackUse& use, const StoredSession* session) {
  const std::string id = session == nullptr ? "" : to_hex(session->id);
  auto at = std::ranges::find(report_.waiting, id, &PruneReport::Waiting::session);
  if (at == report_.waiting.end()) {
    PruneReport::Waiting waiting;
    waiting.session = id;
    if (session != nullptr) {
      waiting.writer = session->record.writer;
      waiting.began = session->record.started;
    }
    at = report_.waiting.insert(at, std::move(waiting));
  }
  ++at->packs;
  at->bytes += use.object_bytes;
}

/// False: the store does not allow it, as it does not before a lock has ended. Then the object
/// stays and harms nothing; a later prune tries again.
Result<bool> Collector::try_remove(const ObjectKey& key) {
  auto removed = repository_.store().remove(key);
  if (removed) return true;
  if (removed.error().kind != ErrorKind::kDenied) return std::move(removed).error();
  if (report_.refusal.empty()) report_.refusal = removed.error().what;
  return false;
}

/// Deletes what is condemned, by whichever plan, if no open session can rely on it and no snapshot
/// that is there now needs it.
Result<> Collector::delete_condemned() {
  ObjectStore& store = repository_.store();
  bool is_marked = false;
  for (int tries = 0; tries < kLooks && !is_marked; ++tries) {
    REPRIEVE_TRY(gc_, read_gc_state(store, repository_.keys()));
    REPRIEVE_TRY(look_, look_at_store(repository_, session_));
    REPRIEVE_RETURN_IF_ERROR(fence_off());
    REPRIEVE_TRY(is_marked, mark());
  }
  if (!is_marked) return kOk;  // Others are at work; the next run deletes.
  const std::vector<PackUse> packs =
      measure_use(repository_, look_, live_, gc_, Measuring::kFrames);
  report_.waiting.clear();
  report_.bytes_kept = 0;
  for (const PackUse& use : packs) {
    if (use.condemned_by == 0) {
      report_.bytes_kept += use.object_bytes;
      continue;
    }
    const StoredSession* session = blocker(use.condemned_by);
    if (session != nullptr || use.is_needed) {
      add_waiting(use, session);
      continue;
    }
    REPRIEVE_RETURN_IF_ERROR(cancel_.check());
    REPRIEVE_TRY(const bool is_removed, try_remove(pack_key(use.id)));
    if (!is_removed) {
      ++report_.packs_refused;
      report_.bytes_refused += use.object_bytes;
      continue;
    }
    ++report_.packs_deleted;
    report_.bytes_freed += use.object_bytes;
    look_.packs.erase(use.id);
  }
  // Condemned packs that no index knows are in nobody's way, and needed by nobody.
  std::set<PackId> gone;
  for (const auto& [pack, n] : gc_.condemned)
    if (!look_.packs.contains(pack)) gone.insert(pack);
  // A writer that was fenced off may go on, and index packs that were deleted since.
  for (const Index::PackRow& row : repository_.index().packs()) {
    const auto label = parse_label(row.label);
    if (label && look_.fenced.contains(label->session) && !look_.packs.contains(row.id))
      gone.insert(row.id);
  }
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  REPRIEVE_RETURN_IF_ERROR(replace_indexes(gone));
  REPRIEVE_RETURN_IF_ERROR(remove_traces());
  return remove_plans();
}

/// Indexes that name packs which are gone: new ones of what is left, then the old ones go. Only
/// root may speak for all writers' packs; without its key, an index goes when all its packs have.
Result<> Collector::replace_indexes(const std::set<PackId>& gone) {
  const bool is_root = repository_.keys().root_key() != nullptr;
  std::vector<std::string> old;
  std::vector<std::string> batch;  // Of the old ones: what new indexes are made of next.
  std::size_t left = 0;            // Their packs that are still there.
  const auto flush = [&]() -> Result<> {
    std::vector<PackContents> packs = repository_.index().contents_of(batch);
    std::erase_if(packs, [&](const PackContents& pack) { return gone.contains(pack.id); });
    batch.clear();
    left = 0;
    if (packs.empty()) return kOk;
    auto stored = repository_.index_store().put_rebuilt(encode_index(packs));
    if (!stored) return std::move(stored).error();
    return kOk;
  };
  for (const std::string& name : repository_.index().objects()) {
    if (!id_in_key(kIndexPrefix, name)) continue;
    const auto packs = repository_.index().packs_of(name);
    const auto lost = static_cast<std::size_t>(std::ranges::count_if(
        packs, [&](const Index::PackRow& row) { return gone.contains(row.id); }));
    if (lost == 0 || (lost < packs.size() && !is_root)) continue;
    old.push_back(name);
    batch.push_back(name);
    left += packs.size() - lost;
    if (left >= kPacksPerIndex) REPRIEVE_RETURN_IF_ERROR(flush());
  }
  if (old.empty()) return kOk;
  REPRIEVE_RETURN_IF_ERROR(flush());
  ObjectStore& store = repository_.store();
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  for (const std::string& name : old)
    REPRIEVE_RETURN_IF_ERROR(try_remove(name));
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  return repository_.refresh();
}

/// Announcements of sessions that ended, then snapshots under a tomb: in this order, since a
/// session without its snapshot would look as if it still ran.
Result<> Collector::remove_traces() {
  ObjectStore& store = repository_.store();
  for (const StoredSession& session : look_.sessions)
    if (!look_.open.contains(session.id))
      REPRIEVE_RETURN_IF_ERROR(store.remove(id_key(kSessionPrefix, session.id)));
  REPRIEVE_RETURN_IF_ERROR(store.sync());
  std::map<WriterId, std::uint64_t> newest;
  for (const std::vector<Snapshot>* list : {&look_.live, &look_.removed})
    for (const Snapshot& snapshot : *list)
      newest[snapshot.writer] = std::max(newest[snapshot.writer], snapshot.seq);
  for (const Snapshot& snapshot : look_.removed) {
    // The newest one's number must not be given to another.
    if (snapshot.seq != newest[snapshot.writer])
      REPRIEVE_RETURN_IF_ERROR(try_remove(snapshot_key(snapshot.writer, snapshot.seq)));
  }
  return store.sync();
}

/// Plans of whose packs nothing is left, the oldest first; the newest one stays. Not while another
/// collector is at work: it may think that a removed one's number is free.
Result<> Collector::remove_plans() {
  REPRIEVE_TRY(const auto sessions, read_sessions(repository_.store(), repository_.keys()));
  if (std::ranges::any_of(sessions, &StoredSession::is_collector)) return kOk;
  std::set<std::uint64_t> needed;
  for (const auto& [pack, n] : gc_.condemned)
    if (look_.packs.contains(pack)) needed.insert(n);
  const bool is_root = repository_.keys().root_key() != nullptr;
  if (!is_root) return kOk;  // Indexes may still name the packs.
  for (const std::uint64_t n : gc_.numbers) {
    if (n == gc_.newest || needed.contains(n)) break;
    REPRIEVE_TRY(const bool is_removed, try_remove(gc_key(n)));
    if (!is_removed) break;  // Only the oldest may go.
  }
  return repository_.store().sync();
}

void Collector::measure_dry_run(const std::vector<PackUse>& packs) {
  for (const PackUse& use : packs) {
    switch (use.verdict) {
      case PackUse::Verdict::kStays:
        report_.bytes_kept += use.object_bytes;
        break;
      case PackUse::Verdict::kCondemned:
        report_.bytes_reclaimable += use.object_bytes;
        break;
      case PackUse::Verdict::kCompacted:
        report_.bytes_kept += std::min(use.live_bytes, use.object_bytes);
        report_.bytes_reclaimable += use.object_bytes - std::min(use.live_bytes, use.object_bytes);
        break;
    }
  }
}

}  // namespace reprieve::repository
