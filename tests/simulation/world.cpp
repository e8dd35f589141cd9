#include "simulation/world.hpp"

#include <algorithm>
#include <array>

#include "repository/members.hpp"
#include "repository/repository.hpp"
#include "simulation/keys.hpp"

namespace reprieve::simulation {
namespace {

using namespace repository;

/// Of the outermost level.
constexpr int kActs = 12;
/// Calls inside of calls; deeper ones would only make the same interleavings again.
constexpr int kDepthMax = 3;

std::string_view name_of(StoreCall call) {
  constexpr std::array<std::string_view, 7> kNames = {"put",  "sync",    "get",   "stat",
                                                      "list", "replace", "remove"};
  return kNames.at(static_cast<std::size_t>(call));
}

/// Reads far outnumber the rest, and between them others change little.
bool matters(StoreCall call) {
  return call != StoreCall::kGet && call != StoreCall::kStat;
}

/// Others act before one in so many calls: most often where what they do is decided upon, or is
/// just about to be seen.
std::uint64_t others_one_in(StoreCall call, std::string_view key) {
  if (!matters(call)) return 60;
  const bool is_data = key.starts_with("pack/") || key.starts_with("idx/");
  return is_data ? 16 : 7;
}

}  // namespace

void Tally::add(const Tally& other) {
  reported += other.reported;
  collected += other.collected;
  packs_deleted += other.packs_deleted;
  deaths += other.deaths;
  power_cuts += other.power_cuts;
  lost_calls += other.lost_calls;
  came_again += other.came_again;
  listed_late += other.listed_late;
  clock_jumps += other.clock_jumps;
  restored += other.restored;
  torn += other.torn;
}

World::World(std::uint64_t seed, Trace::Printing printing)
    : dice_{seed},
      trace_{printing},
      before_{[this](Process& process, StoreCall call, std::string_view key) {
        return before_call(process, call, key);
      }} {
  found();
}

/// A repository with an admin, two writers and a pruner.
void World::found() {
  SeededRandom random{dice_.next()};
  WrongClock clock{time_, {}};
  auto created = Repository::create(disk_, key_of(kAdminKey), random, clock);
  if (!created) return complain("cannot create: " + created.error().what);
  int number = 0;
  for (const std::byte key : {kWriterKeys[0], kWriterKeys[1], kPrunerKey}) {
    auto opened = Repository::open(disk_, key_of(kAdminKey), random, clock, {.threads = 1});
    if (!opened) return complain("cannot open: " + opened.error().what);
    const Role role = key == kPrunerKey ? Role::kPruner : Role::kWriter;
    auto added = add_member(**opened, role, fmt::format("member {}", ++number), key_of(key));
    if (!added) return complain("cannot add a member: " + added.error().what);
  }
  founder_ = observer();
  if (founder_) watch_.emplace(disk_, founder_->repository().keys());
}

void World::complain(const std::string& what) {
  trace_.add("PROBLEM " + what);
  problems_.push_back(what);
}

std::unique_ptr<Process> World::observer() {
  is_calm_ = true;
  auto process = std::make_unique<Process>(
      host_, time_, before_,
      Start{.number = ++processes_, .seed = dice_.next(), .clock_off = {}, .key = kAdminKey});
  auto opened = process->open();
  if (opened) return process;
  trace_.add("cannot open: " + opened.error().what);
  return nullptr;
}

void World::run() {
  if (!problems_.empty()) return;
  is_calm_ = false;
  for (int i = 0; i < kActs; ++i)
    act();
  while (!backups_.empty() && dice_.one_in(2))
    step(dice_.below(backups_.size()));
  for (const auto& backup : backups_)
    settle_puts(*backup->process);
  backups_.clear();
  is_calm_ = true;
  if (dice_.one_in(3)) cut_power();
  while (host_.under_way() > 0)
    request_arrives(dice_.below(host_.under_way()));
  for (const ObjectKey& key : host_.delayed())
    host_.reveal(key);
}

/// Off by up to four years, and now and then right.
Duration World::some_offset() {
  if (!dice_.one_in(3)) return {};
  return std::chrono::hours{static_cast<std::int64_t>(dice_.below(70'000)) - 35'000};
}

std::unique_ptr<Process> World::new_process(std::byte key) {
  const Start start{.number = ++processes_,
                    .seed = dice_.next(),
                    .clock_off = some_offset(),
                    .key = key,
                    .power_cuts = tally_.power_cuts};
  return std::make_unique<Process>(host_, time_, before_, start);
}

/// The power may have gone while it waited.
bool World::is_gone(Process& process) const {
  if (process.start().power_cuts != tally_.power_cuts) process.die();
  return process.is_dead();
}

/// Once it is there: the call during which it was chosen has ended by now.
void World::note_last_put() {
  if (watch_ && !last_put_.empty()) watch_->note_put(std::exchange(last_put_, {}));
}

void World::check_removal(const ObjectKey& key) {
  if (!watch_) return;
  if (const auto objection = watch_->objection(key)) complain(*objection);
}

Result<CallFate> World::before_call(Process& process, StoreCall call, std::string_view key) {
  note_last_put();
  time_.passed += std::chrono::milliseconds{dice_.below(2'000)};
  trace_.add(fmt::format("{} {} {}", process.start().number, name_of(call), key));
  if (is_calm_) return CallFate{};
  if (is_gone(process)) return Error{ErrorKind::kCancelled, "died"};
  others_act(others_one_in(call, key));
  // Where most is at stake: all that waits for the sync.
  if (dice_.one_in(call == StoreCall::kSync ? 100 : 4'000)) cut_power();
  if (!is_gone(process) && matters(call) && dice_.one_in(150)) {
    trace_.add(fmt::format("{} dies", process.start().number));
    ++tally_.deaths;
    process.die();
  }
  if (is_gone(process)) return Error{ErrorKind::kCancelled, "died"};
  if (call == StoreCall::kSync) settle_puts(process);
  if (call == StoreCall::kRemove) check_removal(ObjectKey{key});
  if (call == StoreCall::kPut) last_put_ = key;
  return fate_of(process, call, key);
}

Result<CallFate> World::fate_of(const Process& process, StoreCall call, std::string_view key) {
  using Failure = CallFate::Failure;
  CallFate fate;
  if (dice_.one_in(60)) fate.failure = dice_.one_in(2) ? Failure::kUndone : Failure::kDone;
  if (fate.failure != Failure::kNone) {
    ++tally_.lost_calls;
    trace_.add(
        fmt::format("{} is lost: {}", process.start().number, static_cast<int>(fate.failure)));
  }
  if (call != StoreCall::kPut && call != StoreCall::kRemove) return fate;
  // What did not arrive in time is what arrives late.
  fate.comes_again = dice_.one_in(fate.failure == Failure::kNone ? 30 : 3);
  fate.is_listed_late = dice_.one_in(3);
  tally_.came_again += fate.comes_again ? 1U : 0U;
  tally_.listed_late += fate.is_listed_late ? 1U : 0U;
  if (fate.comes_again) trace_.add(fmt::format("{} comes again", key));
  if (fate.is_listed_late) trace_.add(fmt::format("{} is listed late", key));
  return fate;
}

void World::others_act(std::uint64_t one_in) {
  if (host_.under_way() > 0 && dice_.one_in(30)) request_arrives(dice_.below(host_.under_way()));
  if (const auto late = host_.delayed(); !late.empty() && dice_.one_in(40))
    host_.reveal(late[dice_.below(late.size())]);
  if (depth_ >= kDepthMax || !dice_.one_in(one_in)) return;
  ++depth_;
  act();
  --depth_;
}

void World::request_arrives(std::size_t number) {
  note_last_put();
  const LateRequest next = host_.at(number);
  trace_.add(fmt::format("late: {} {}", name_of(next.call), next.key));
  if (next.call == StoreCall::kRemove) check_removal(next.key);
  if (next.call == StoreCall::kPut) last_put_ = next.key;
  host_.deliver(number);
  note_last_put();
}

/// What a process sent twice arrives before its next sync() returns, or never:
/// docs/adr/0010-garbage-collection.md says why. Removals may come at any time.
void World::settle_puts(const Process& process) {
  for (std::size_t i = host_.under_way(); i > 0; --i) {
    const LateRequest request = host_.at(i - 1);
    if (request.client != process.start().number || request.call == StoreCall::kRemove) continue;
    if (dice_.one_in(2))
      request_arrives(i - 1);
    else
      host_.drop(i - 1);
  }
}

/// The store's host and all that runs: by chance nothing that was not synced survives, or all, or
/// some.
void World::cut_power() {
  trace_.add("power is cut");
  ++tally_.power_cuts;
  note_last_put();
  const std::uint64_t kind = dice_.below(3);
  host_.cut_power([&](const ObjectKey& key) {
    const bool survives = kind == 0 || (kind == 1 && dice_.one_in(2));
    if (!survives) lost_with_power_.insert(key);
    return survives;
  });
  if (watch_) watch_->note_power_cut();
}

}  // namespace reprieve::simulation
