/// A small but real recovery: processes, folders, commands. `crash_driver everywhere` runs it in a
/// child process that kills itself (SIGKILL) at one write of the journal, takes it up in another
/// child, compares the end with that of an undisturbed run, and does so for every write. No test
/// framework: the program is its own orchestrator, shim and judge.
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "io/durable_file.hpp"
#include "io/process.hpp"
#include "plan/parse.hpp"
#include "recovery/check_runner.hpp"
#include "recovery/internal/proc.hpp"
#include "recovery/local_host.hpp"
#include "recovery/recovery.hpp"
#include "recovery/run_folder.hpp"
#include "recovery/shim.hpp"

namespace reprieve::recovery {
namespace {

constexpr ByteCount kFileMax{1U << 20U};
constexpr int kWorkers = 2;
constexpr int kTornEvery = 5;

std::string own_path() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

std::string plan_text(const std::string& dir) {
  // The seconds make the service's process one of a kind.
  return fmt::format(R"(reprieve: 1
plan: shop
sources:
  files: {{type: files, path: "{0}/data"}}
  more: {{type: files, path: "{0}/more"}}
services:
  db: {{sources: [files, more], run: {{process: {{argv: [/bin/sleep, "1000.{1}"]}}}}, health: [there]}}
checks:
  there: {{file: "{0}/data/name", contains: restored, tries: 3, every: 50ms, timeout: 5s}}
scenarios:
  lost:
    verify: [there]
    steps:
      - {{id: stop, do: stop, services: [db]}}
      - {{id: files, do: files.restore, source: files, needs: [stop]}}
      - {{id: more, do: files.restore, source: more, needs: [stop]}}
      - {{id: once, do: run, argv: [/bin/sh, -c, "sleep 0.2; echo once >> {0}/counter"], idempotent: false, needs: [stop]}}
      - {{id: swap, do: switch, of: [files, more], needs: [files, more, once]}}
      - {{id: up, do: start, services: [db]}}
      - {{id: look, do: check, run: [there]}}
)",
                     dir, std::hash<std::string>{}(dir) % 1'000'000'000);
}

class OnlyPoint : public PointResolver {
 public:
  Result<ResolvedPoint> resolve(const PointRequest& /*request*/) override {
    return ResolvedPoint{.id = "p1", .time = system_clock().now(), .verified = {}, .end_lsn = {}};
  }
};

/// Copies from the folder beside that plays the repository.
class CopyingRestores : public RestoreCommands {
 public:
  explicit CopyingRestores(std::string dir) : dir_{std::move(dir)} {}
  Result<HostCommand> restore(const RestoreRequest& request) override {
    HostCommand command;
    command.argv = {"cp", "-aT", dir_ + "/backup/" + request.source, request.into};
    return command;
  }
  Result<HostCommand> check(const RestoredCheckRequest& request) override {
    HostCommand command;
    command.argv = {"test", "-d", request.target};
    return command;
  }

 private:
  std::string dir_;
};

enum class Crash : std::uint8_t { kNever, kBeforeWrite, kTorn, kAfterSync };

class DeadlyMedium : public JournalMedium {
 public:
  DeadlyMedium(std::unique_ptr<JournalMedium> medium, Crash crash, int at)
      : medium_{std::move(medium)}, crash_{crash}, at_{at} {}
  Result<> write(ByteView line) override {
    const bool is_now = writes_ == at_;
    if (is_now && crash_ == Crash::kBeforeWrite) die();
    if (is_now && crash_ == Crash::kTorn) {
      ignore_error(medium_->write(line.first(line.size() / 2)), "about to die");
      die();
    }
    return medium_->write(line);
  }
  Result<> sync() override {
    auto synced = medium_->sync();
    if (writes_++ == at_ && crash_ == Crash::kAfterSync) die();
    return synced;
  }

 private:
  [[noreturn]] static void die() {
    ::kill(::getpid(), SIGKILL);
    std::abort();
  }
  std::unique_ptr<JournalMedium> medium_;
  const Crash crash_;
  const int at_;
  int writes_ = 0;
};

/// One orchestrator process: begins the run of `dir`, or takes it up.
Result<int> orchestrate(const std::string& dir, Crash crash, int at) {
  const std::string text = plan_text(dir);
  REPRIEVE_TRY(const plan::Plan plan, plan::load_plan(as_bytes(text), "plan.yaml"));
  const std::string state_dir = dir + "/state";
  Clock& clock = system_clock();
  LocalHost host{state_dir, {own_path(), "shim"}, clock};
  OnlyPoint points;
  CopyingRestores restores{dir};
  ThreadedCheckRunner checks{{.plan = plan,
                              .plan_dir = dir,
                              .secrets = [](const std::string& name) -> Result<Secret> {
                                return Error{ErrorKind::kNotFound, "no secret " + name};
                              },
                              .clock = clock}};
  RunListener listener;
  const Context context{.plan = plan,
                        .plan_dir = dir,
                        .state_dir = state_dir,
                        .host = host,
                        .clock = clock,
                        .random = system_random(),
                        .points = points,
                        .restores = restores,
                        .checks = checks,
                        .listener = listener,
                        .boot_id = io::own_identity().boot_id};
  RunOptions options;
  options.wrap_medium = [&](std::unique_ptr<JournalMedium> medium) {
    return std::unique_ptr<JournalMedium>{
        std::make_unique<DeadlyMedium>(std::move(medium), crash, at)};
  };
  REPRIEVE_TRY(const auto runs, list_runs(state_dir));
  // A run that died before its first record was durable never began.
  const bool is_new = runs.empty() || runs.back().state.records == 0;
  auto end = is_new ? start_run(context,
                                {.scenario = "lost",
                                 .plan_text = text,
                                 .who = "driver",
                                 .reason = {},
                                 .version = {},
                                 .disaster_at = {}},
                                options)
                    : resume_run(context, runs.back().id, "driver", options);
  if (!end) return std::move(end).error();
  if (exit_code_of(*end) != 0) fmt::print(stderr, "{}\n", end->state.outcome_text);
  return exit_code_of(*end);
}

void put(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(io::parent_of(path));
  ignore_error(io::write_file_durably(path, as_bytes(text)), "shows in the comparison");
}

std::string get(const std::string& path) {
  const auto text = io::read_text_file(path, kFileMax);
  return text ? *text : "(absent)";
}

/// Everything that a test of the end looks at, as text.
std::string describe_end(const std::string& dir) {
  std::string end = "counter: " + get(dir + "/counter");
  for (const char* const name : {"data", "more"}) {
    end += fmt::format("{}: {}", name, get(dir + "/" + name + "/name"));
    int kept = 0;
    int beside = 0;
    for (const auto& entry : std::filesystem::directory_iterator{dir}) {
      const std::string file = entry.path().filename().string();
      if (file.starts_with(std::string{name} + ".before-")) {
        ++kept;
        end += "kept: " + get(entry.path().string() + "/name");
      }
      if (file.starts_with(std::string{name} + ".reprieve-")) ++beside;
    }
    end += fmt::format("kept copies: {}, left beside: {}\n", kept, beside);
  }
  return end;
}

int services_of(const std::string& dir) {
  const auto plan = plan::load_plan(as_bytes(plan_text(dir)), "plan.yaml");
  if (!plan) return -1;
  const auto& argv = std::get<plan::ProcessRun>(*plan->services[0].run).argv;
  int count = 0;
  while (const auto process = process_with_arguments(argv)) {
    ++count;
    ignore_error(process->signal(SIGKILL), "looked for again");
    while (process->is_alive())
      system_clock().sleep_for(std::chrono::milliseconds{1});
  }
  return count;
}

/// Shims of children that just ended may still be writing there.
void remove_world(const std::string& dir) {
  for (int tries = 0; tries < 100; ++tries) {
    std::error_code error;
    std::filesystem::remove_all(dir, error);
    if (!error && !std::filesystem::exists(dir)) return;
    system_clock().sleep_for(std::chrono::milliseconds{20});
  }
}

/// In a new folder: something to be replaced, its backup, and a service that runs already.
std::string make_world() {
  const char* const base = std::getenv("TMPDIR");
  std::string dir = std::string{base == nullptr ? "/tmp" : base} + "/reprieve-crash-XXXXXX";
  if (::mkdtemp(dir.data()) == nullptr) std::abort();
  for (const char* const name : {"data", "more"}) {
    put(dir + "/" + name + "/name", "old\n");
    const std::string source = std::string{name} == "data" ? "files" : "more";
    put(dir + "/backup/" + source + "/name", "restored\n");
  }
  return dir;
}

struct Outcome {
  bool is_good = false;
  std::string text;
};

Outcome try_crash(Crash crash, int at) {
  const std::string dir = make_world();
  const auto plan = plan::load_plan(as_bytes(plan_text(dir)), "plan.yaml");
  if (!plan) return {.is_good = false, .text = plan.error().what};
  auto service = io::Process::start(
      {.argv = std::get<plan::ProcessRun>(*plan->services[0].run).argv}, {.in = io::ToNull{}});
  std::string text;
  int code = -1;
  for (int processes = 0; processes < 3 && code != 0; ++processes) {
    const auto kind = processes == 0 ? crash : Crash::kNever;
    auto done = io::run({.argv = {own_path(), "once", dir, std::to_string(static_cast<int>(kind)),
                                  std::to_string(at)}},
                        {}, system_clock());
    if (!done) return {.is_good = false, .text = done.error().what};
    code = done->status.signal == 0 ? done->status.code : -1;
    text += done->text() + "\n" + done->err;
    if (service) ignore_error(service->try_wait(), "reaps it if it was stopped");
  }
  const int services = services_of(dir);
  if (service) ignore_error(service->wait(), "it was stopped");
  const std::string end = describe_end(dir) + fmt::format("services: {}\n", services);
  remove_world(dir);
  const std::string wanted =
      "counter: once\ndata: restored\nkept: old\nkept copies: 1, left beside: 0\n"
      "more: restored\nkept: old\nkept copies: 1, left beside: 0\nservices: 1\n";
  return {.is_good = code == 0 && end == wanted, .text = text + end};
}

/// The number of records of an undisturbed run.
int count_writes() {
  const std::string dir = make_world();
  const auto done = orchestrate(dir, Crash::kNever, 0);
  const auto runs = list_runs(dir + "/state");
  const int writes = done && *done == 0 && runs && !runs->empty()
                         ? static_cast<int>(runs->back().state.records)
                         : 0;
  if (!done) fmt::print(stderr, "{}\n", done.error().what);
  services_of(dir);
  remove_world(dir);
  return writes;
}

int crash_everywhere() {
  const int writes = count_writes();
  if (writes < 20) {
    fmt::print(stderr, "the undisturbed run failed\n");
    return EXIT_FAILURE;
  }
  std::vector<std::pair<Crash, int>> trials;
  for (int at = 0; at < writes; ++at) {
    trials.emplace_back(Crash::kBeforeWrite, at);
    trials.emplace_back(Crash::kAfterSync, at);
    if (at % kTornEvery == 0) trials.emplace_back(Crash::kTorn, at);
  }
  std::atomic<std::size_t> next{0};
  std::atomic<int> failures{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < trials.size(); i = next++) {
      const Outcome outcome = try_crash(trials[i].first, trials[i].second);
      if (outcome.is_good) continue;
      ++failures;
      fmt::print(stderr, "crash {} at write {}:\n{}\n", static_cast<int>(trials[i].first),
                 trials[i].second, outcome.text);
    }
  };
  std::vector<std::jthread> workers;
  for (int i = 0; i < kWorkers; ++i)
    workers.emplace_back(work);
  workers.clear();
  fmt::print("{} crashes at {} writes, {} ended otherwise\n", trials.size(), writes,
             failures.load());
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_once(char** argv) {
  const auto code =
      orchestrate(argv[2], static_cast<Crash>(std::atoi(argv[3])), std::atoi(argv[4]));
  if (code) return *code;
  fmt::print(stderr, "{}\n", code.error().what);
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace reprieve::recovery

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "shim") return reprieve::recovery::shim_main(argc, argv);
  if (mode == "once" && argc == 5) return reprieve::recovery::run_once(argv);
  if (mode == "everywhere") return reprieve::recovery::crash_everywhere();
  fmt::print(stderr, "usage: crash_driver everywhere | once DIR CRASH AT\n");
  return 2;
}
