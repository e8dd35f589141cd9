#include "app/head_check.hpp"

#include "app/known_heads.hpp"

namespace reprieve::app {
namespace {

using repository::HeadAlarm;

constexpr std::string_view kWhatItMeans =
    "The store was set back to an older state, or objects were taken from it, or it is a copy that "
    "lags behind or went its own way.";
constexpr std::string_view kWhatToDo =
    "Bring back what is missing (from a replica, or the store's own older versions), then look "
    "again with `reprieve repo head`. If the state as it is shall count, accept it with `reprieve "
    "repo head --accept-rollback`. Until then nothing is written; restores work.";

/// So many are told one by one.
constexpr std::size_t kToldMax = 5;

std::string repository_hex(const OpenRepository& opened) {
  return to_hex(opened.repository->id());
}

void tell(const Workspace& workspace, const std::vector<HeadAlarm>& alarms) {
  workspace.warn("ALARM: the repository is not what was seen before:");
  for (std::size_t i = 0; i < std::min(alarms.size(), kToldMax); ++i)
    workspace.warn("  " + alarms[i].object + ": " + alarms[i].what);
  if (alarms.size() > kToldMax)
    workspace.warn("  and " + std::to_string(alarms.size() - kToldMax) + " more");
}

Error refusal(const std::vector<HeadAlarm>& alarms) {
  std::string what = "the repository is not what was seen before: " + alarms.front().object + ": " +
                     alarms.front().what;
  if (alarms.size() > 1) what += ", and " + std::to_string(alarms.size() - 1) + " more";
  return Error{ErrorKind::kCorrupt, std::move(what),
               std::string{kWhatItMeans} + " " + std::string{kWhatToDo}};
}

}  // namespace

Result<> check_heads(const Workspace& workspace, OpenRepository& opened, Purpose purpose) {
  // What is remembered is read before the store is looked at: what another process adds meanwhile
  // is then no reason for an alarm.
  auto known = KnownHeads::load(workspace.state_dir(), repository_hex(opened));
  const repository::Heads heads = known ? known->heads() : repository::Heads{};
  // Writers go on while we list: what is gone is gone at a second look, too.
  for (int looks = 0; looks < 2; ++looks) {
    REPRIEVE_TRY(opened.listed, opened.repository->snapshots());
    REPRIEVE_TRY(opened.heads, repository::look_at_heads(*opened.repository, heads,
                                                         std::move(opened.listed.chains)));
    opened.alarms = repository::judge_heads(heads, opened.heads);
    if (known) opened.alarms = known->unaccepted(std::move(opened.alarms));
    if (opened.alarms.empty()) break;
  }
  if (!known) opened.alarms.push_back({"this host", known.error().what});
  if (opened.alarms.empty()) {
    if (const auto kept = known->advance(opened.heads.newest); !kept)
      workspace.warn("note: what was seen of the repository cannot be remembered: " +
                     kept.error().what);
    return kOk;
  }
  if (purpose == Purpose::kWrite) return refusal(opened.alarms);
  tell(workspace, opened.alarms);
  workspace.warn(std::string{kWhatItMeans});
  workspace.warn(std::string{kWhatToDo});
  return kOk;
}

void remember_point(const Workspace& workspace, const OpenRepository& open,
                    const repository::Snapshot& point) {
  const auto remember = [&]() -> Result<> {
    REPRIEVE_TRY(KnownHeads known, KnownHeads::load(workspace.state_dir(), repository_hex(open)));
    repository::Heads heads;
    heads.writers[point.writer] = {point.seq, point.id.bytes};
    return known.advance(heads);
  };
  if (const auto kept = remember(); !kept)
    workspace.warn("note: the recovery point cannot be remembered on this host: " +
                   kept.error().what);
}

Result<> accept_heads(const Workspace& workspace, const OpenRepository& open) {
  auto known = KnownHeads::load(workspace.state_dir(), repository_hex(open));
  KnownHeads memory =
      known ? *std::move(known) : KnownHeads::empty(workspace.state_dir(), repository_hex(open));
  return memory.accept(open.heads.newest, open.alarms);
}

}  // namespace reprieve::app
