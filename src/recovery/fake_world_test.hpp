#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "recovery/context.hpp"
#include "recovery/executor.hpp"
#include "recovery/journal.hpp"

/// A machine in memory, for tests: it outlives the orchestrators that work on it, as a real one
/// does, and counts what was done to it.
namespace reprieve::recovery {

/// Children are programs by name: `serve NAME` runs for ever; `restore SOURCE POINT INTO` makes
/// INTO; `flaky NAME` fails the first time; `fail NAME` always does; `loud NAME`, and any other,
/// counts and succeeds.
class FakeHost : public Host {
 public:
  explicit FakeHost(Clock& clock) : clock_{clock} {}

  struct Child {
    HostCommand command;
    ChildView view;
    Duration ends_at{};
    bool is_service = false;
    bool is_abandoned = false;
    std::int64_t pid = 0;
    std::string output;
  };
  struct Path {
    std::string identity;
    std::string content;
    bool is_mount_point = false;
  };

  // What tests set up and look at.
  std::map<std::string, Path> paths;
  std::map<std::string, int> effects;  ///< How often each thing was really done.
  std::map<std::string, Child> children;
  std::set<std::string>
      lost;  ///< Programs (by their first two words) that vanish without a status.
  Duration child_duration = std::chrono::milliseconds{50};

  void put_path(const std::string& path, const std::string& content) {
    paths[path] = {.identity = fmt::format("id{}", ++last_identity_), .content = content};
  }
  /// A service that ran before any recovery.
  void run_foreign_service(const std::string& name) {
    Child& child = children["foreign/" + name];
    child.command.argv = {"serve", name};
    child.is_service = true;
    child.pid = ++last_pid_;
    child.view.state = ChildView::State::kRunning;
  }
  [[nodiscard]] bool is_serving(const std::string& name) {
    return std::ranges::any_of(children, [&](const auto& entry) {
      return entry.second.is_service &&
             entry.second.command.argv == std::vector{std::string{"serve"}, name} &&
             entry.second.view.state == ChildView::State::kRunning;
    });
  }

  Result<> start(const ChildKey& key, const HostCommand& command) override {
    if (children.contains(key.path))
      return Error{ErrorKind::kConflict, key.path + " was started before"};
    Child& child = children[key.path];
    child.command = command;
    child.pid = ++last_pid_;
    child.view.state = ChildView::State::kRunning;
    child.view.began = clock_.now();
    child.is_service = command.argv.front() == "serve";
    child.ends_at = clock_.uptime() + child_duration;
    if (child.is_service) ++effects["serve " + command.argv.at(1)];
    return kOk;
  }

  Result<ChildView> look(const ChildKey& key) override {
    settle();
    const auto it = children.find(key.path);
    return it == children.end() ? ChildView{} : it->second.view;
  }

  Result<> abandon(const ChildKey& key) override {
    settle();
    const auto it = children.find(key.path);
    if (it != children.end() && !it->second.is_abandoned)
      return Error{ErrorKind::kConflict, "it began"};
    children[key.path].is_abandoned = true;
    return kOk;
  }

  Result<> signal_child(const ChildKey& key, int signal) override {
    const auto it = children.find(key.path);
    if (it != children.end() && it->second.view.state == ChildView::State::kRunning) {
      it->second.view.state = ChildView::State::kExited;
      it->second.view.signal = signal;
    }
    return kOk;
  }

  Result<std::string> output_head(const ChildKey& key, OutputStream stream, std::size_t) override {
    if (stream == OutputStream::kError) return std::string{};
    return children[key.path].output;
  }
  Result<std::string> output_tail(const ChildKey& key, OutputStream stream,
                                  std::size_t limit) override {
    return output_head(key, stream, limit);
  }

  Result<ShortResult> run_short(const HostCommand& command, Duration) override {
    // `has NAME`: whether the effect of `loud NAME` is there.
    if (command.argv.front() == "has")
      return ShortResult{.exit_code = effects["loud " + command.argv.at(1)] > 0 ? 0 : 1,
                         .output = {}};
    return Error{ErrorKind::kNotFound, "no program " + command.argv.front()};
  }

  Result<std::optional<ProcessName>> find_process(const ProcessQuery& query) override {
    settle();
    for (const auto& [key, child] : children)
      if (child.is_service && child.command.argv == query.argv &&
          child.view.state == ChildView::State::kRunning)
        return std::optional{ProcessName{.pid = child.pid, .start_ticks = 1, .boot_id = "boot"}};
    return std::optional<ProcessName>{};
  }
  Result<bool> is_alive(const ProcessName& process) override {
    return std::ranges::any_of(children, [&](const auto& entry) {
      return entry.second.pid == process.pid &&
             entry.second.view.state == ChildView::State::kRunning;
    });
  }
  Result<> signal_process(const ProcessName& process, int signal) override {
    for (auto& [key, child] : children) {
      if (child.pid != process.pid) continue;
      ++effects["stop " + child.command.argv.at(1)];
      child.view.state = ChildView::State::kExited;
      child.view.signal = signal;
    }
    return kOk;
  }

  Result<PathView> look_at_path(const std::string& path) override {
    settle();
    const auto it = paths.find(path);
    if (it == paths.end()) return PathView{};
    return PathView{.kind = PathView::Kind::kDirectory,
                    .identity = it->second.identity,
                    .is_mount_point = it->second.is_mount_point};
  }
  Result<std::vector<std::string>> users_of(const std::string& path) override {
    return users[path];
  }
  std::map<std::string, std::vector<std::string>> users;

  Result<> exchange(const std::string& a, const std::string& b) override {
    if (!paths.contains(a) || !paths.contains(b)) return Error{ErrorKind::kNotFound, "no path"};
    ++effects["exchange " + a];
    std::swap(paths[a], paths[b]);
    return kOk;
  }
  Result<> move_to_free_name(const std::string& from, const std::string& to) override {
    if (!paths.contains(from)) return Error{ErrorKind::kNotFound, from + " is not there"};
    if (paths.contains(to)) return Error{ErrorKind::kConflict, to + " is there"};
    ++effects["move " + from];
    paths[to] = paths[from];
    paths.erase(from);
    return kOk;
  }

  Result<Instant> now() override { return clock_.now(); }
  [[nodiscard]] std::string name() const override { return "fake"; }

 private:
  /// Children end, and their effects happen, when their time has come, watched or not.
  void settle() {
    for (auto& [key, child] : children) {
      const bool runs = child.view.state == ChildView::State::kRunning && !child.is_service;
      if (runs && clock_.uptime() >= child.ends_at) finish(child);
    }
  }

  void finish(Child& child) {
    const auto& argv = child.command.argv;
    const std::string what = argv.front() + " " + (argv.size() > 1 ? argv[1] : "");
    child.view.state = ChildView::State::kExited;
    child.view.ended = clock_.now();
    if (lost.erase(what) > 0) {
      child.view.state = ChildView::State::kLost;
      return;
    }
    if (argv.front() == "rm") {
      paths.erase(argv.back());
      return;
    }
    const int times = ++effects[what];
    if (argv.front() == "fail" || (argv.front() == "flaky" && times == 1)) {
      child.view.exit_code = 1;
      child.output = "it broke\n";
      if (argv.size() > 2 && argv[2] == "json")
        child.output =
            R"({"schema":"reprieve.error/1","error":"no such point","hint":"List them."})";
    } else if (argv.front() == "restore") {
      put_path(argv.at(3), fmt::format("{}@{}", argv.at(1), argv.at(2)));
      child.output = R"({"bytes":1000})";
    } else {
      child.output = argv.size() > 1 ? argv[1] + " said so\n" : "";
    }
  }

  Clock& clock_;
  std::int64_t last_pid_ = 100;
  int last_identity_ = 0;
};

class FakePoints : public PointResolver {
 public:
  int resolved = 0;
  Result<ResolvedPoint> resolve(const PointRequest& request) override {
    ++resolved;
    if (request.source == "none") return Error{ErrorKind::kNotFound, "no recovery point"};
    return ResolvedPoint{.id = "p1",
                         .time = *parse_rfc3339("2026-11-20T14:40:00Z"),
                         .size_bytes = 1000,
                         .verified = "data on 2026-11-19",
                         .end_lsn = {}};
  }
};

class FakeRestores : public RestoreCommands {
 public:
  Result<HostCommand> restore(const RestoreRequest& request) override {
    HostCommand command;
    command.argv = {"restore", request.source, request.point_id, request.into};
    return command;
  }
  Result<HostCommand> check(const RestoredCheckRequest& request) override {
    HostCommand command;
    command.argv = {"check", request.source, request.target};
    return command;
  }
};

/// A check is green if the service or path of its name is there; `red` names are never green.
class FakeChecks : public CheckRunner {
 public:
  FakeChecks(FakeHost& host, Clock& clock) : host_{host}, clock_{clock} {}
  std::set<std::string> red;
  std::map<std::string, int> red_times;  ///< How often a check is red before it is green.

  Result<std::uint64_t> start(const std::string& check) override {
    started_.push_back(check);
    return started_.size() - 1;
  }
  std::optional<CheckResult> poll(std::uint64_t ticket) override {
    const std::string& check = started_.at(ticket);
    const bool is_red = red.contains(check) || red_times[check]-- > 0;
    return CheckResult{
        .check = check,
        .verdict = is_red ? CheckResult::Verdict::kFailed : CheckResult::Verdict::kOk,
        .measured = is_red ? "503" : "200",
        .text = is_red ? "status 503, not 200" : "",
        .took = std::chrono::milliseconds{3},
        .at = clock_.now()};
  }

 private:
  FakeHost& host_;
  Clock& clock_;
  std::vector<std::string> started_;
};

class FakeInbox : public Inbox {
 public:
  std::vector<Message> messages;
  Result<std::vector<Message>> read() override { return messages; }
  void add(const std::string& name, Json body) { messages.push_back({name, std::move(body)}); }
};

/// The bytes of a journal on a disk that outlives the process. Stops the world before or after the
/// write of its Nth record reached the disk.
struct FakeDisk {
  std::string synced;
  std::string unsynced;
  int writes = 0;
  int crash_at = -1;     ///< The number of the write, from 0; -1: never.
  bool is_lost = false;  ///< The crash comes before the sync: nothing, or a torn part, is left.
  std::size_t torn_bytes = 0;
};

class FakeMedium : public JournalMedium {
 public:
  explicit FakeMedium(FakeDisk& disk) : disk_{disk} {}
  Result<> write(ByteView line) override {
    disk_.unsynced = std::string{as_text(line)};
    return kOk;
  }
  Result<> sync() override {
    const bool crashes = disk_.writes++ == disk_.crash_at;
    if (crashes && disk_.is_lost) {
      disk_.synced += disk_.unsynced.substr(0, disk_.torn_bytes);
      return Error{ErrorKind::kTransient, "crashed"};
    }
    disk_.synced += disk_.unsynced;
    if (crashes) return Error{ErrorKind::kTransient, "crashed"};
    return kOk;
  }

 private:
  FakeDisk& disk_;
};

/// A whole recovery in memory.
struct FakeWorld {
  explicit FakeWorld(const plan::Plan& world_plan) : plan{world_plan} {}

  const plan::Plan& plan;
  ManualClock clock{*parse_rfc3339("2026-11-20T14:49:00Z")};
  SeededRandom random{1};
  FakeHost host{clock};
  FakePoints points;
  FakeRestores restores;
  FakeChecks checks{host, clock};
  FakeInbox inbox;
  FakeDisk disk;
  RunListener listener;
  RunState last_state;

  Context context() {
    return Context{.plan = plan,
                   .plan_dir = "/plan",
                   .state_dir = "/state",
                   .host = host,
                   .clock = clock,
                   .random = random,
                   .points = points,
                   .restores = restores,
                   .checks = checks,
                   .listener = listener,
                   .boot_id = "boot"};
  }

  /// One orchestrator process, from its start to its end or crash: begins the run, or takes it up.
  Result<Executor::End> orchestrate(const std::string& scenario,
                                    std::map<std::string, std::string> params = {}) {
    const Context now = context();
    auto parsed = parse_journal(as_bytes(disk.synced));
    if (!parsed) return parsed.error();
    disk.synced.resize(parsed->whole_bytes);
    Journal journal{std::make_unique<FakeMedium>(disk), parsed->chain, clock, "boot"};
    auto state = fold_all(parsed->records);
    if (!state) return state.error();
    Json body{{"run", "r1"}, {"scenario", scenario}, {"who", "ana"}, {"params", Json::object()}};
    for (const auto& [name, value] : params)
      body["params"][name] = value;
    const bool is_new = parsed->records.empty();
    auto record = journal.append(is_new ? RecordKind::kRunStarted : RecordKind::kResumed,
                                 is_new ? body : Json{{"who", "ana"}});
    if (!record) return record.error();
    if (auto folded = fold(*state, *record); !folded) return folded.error();
    Executor executor{now, executed_scenario(*plan.find_scenario(scenario)), *std::move(state),
                      journal, inbox};
    auto end = executor.run({});
    last_state = executor.state();
    return end;
  }
};

}  // namespace reprieve::recovery
