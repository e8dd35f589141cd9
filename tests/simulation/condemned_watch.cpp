#include "simulation/condemned_watch.hpp"

#include "base/format.hpp"
#include "repository/internal/gc_record.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/session_list.hpp"
#include "repository/internal/session_record.hpp"

namespace reprieve::simulation {

using namespace repository;

void CondemnedWatch::note_put(const std::string& key) {
  ++puts_;
  if (key.starts_with(kSessionPrefix) && !sessions_.contains(key)) note_session(key);
  if (key.starts_with(kGcPrefix)) note_plan(key);
}

void CondemnedWatch::note_session(const std::string& key) {
  SessionRecord record;
  const auto accept = [&](ByteView bytes) -> Result<> {
    REPRIEVE_TRY(record, parse_session(bytes));
    return kOk;
  };
  if (!read_twin_object(disk_, key, kSessionBytesMax, accept)) return;
  if (record.gc_seen != kCollectorSession)
    sessions_[key] = {.announced = puts_, .gc_seen = record.gc_seen};
}

void CondemnedWatch::note_plan(const std::string& key) {
  GcPlan plan;
  const auto accept = [&](ByteView bytes) -> Result<> {
    REPRIEVE_TRY(plan, parse_gc_plan(bytes));
    return kOk;
  };
  if (!read_twin_object(disk_, key, kGcBytesMax, accept)) return;
  for (const PackId& pack : plan.condemned)
    condemned_.try_emplace(pack_key(pack), Plan{.n = plan.n, .made = puts_});
}

void CondemnedWatch::note_power_cut() {
  std::erase_if(sessions_, [&](const auto& entry) { return !disk_.stat(entry.first); });
  const auto plans = read_gc_state(disk_, keys_);
  if (!plans) return;
  std::erase_if(condemned_, [&](const auto& entry) {
    const auto id = pack_id_in_key(entry.first);
    return id && !plans->condemned.contains(*id) && bool{disk_.stat(entry.first)};
  });
}

/// Its announcement is gone, or a final snapshot or a tomb names it.
bool CondemnedWatch::has_ended(const std::string& session) {
  const auto id = id_in_key(kSessionPrefix, session);
  if (!id || !disk_.stat(session)) return true;
  const auto fenced = is_fenced(disk_, keys_, *id);
  if (fenced && *fenced) return true;
  const auto unfinished = unfinished_sessions(disk_, keys_);
  return unfinished && !unfinished->contains(*id);
}

std::optional<std::string> CondemnedWatch::objection(const std::string& key) {
  if (!key.starts_with(kPackPrefix) || !disk_.stat(key)) return std::nullopt;
  const auto plan = condemned_.find(key);
  if (plan == condemned_.end()) return key + " is removed, and no plan condemned it";
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const auto& [session, seen] = *at;
    if (seen.announced > plan->second.made || seen.gc_seen >= plan->second.n) {
      ++at;
    } else if (has_ended(session)) {
      at = sessions_.erase(at);
    } else {
      return fmt::format("{} is removed while {} may rely on it: it saw plan {} and not {}", key,
                         session, seen.gc_seen, plan->second.n);
    }
  }
  return std::nullopt;
}

}  // namespace reprieve::simulation
