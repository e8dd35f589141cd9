#include "app/serve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "app/json_lines.hpp"
#include "app/own_command.hpp"
#include "app/serve_jobs.hpp"
#include "app/serve_memory.hpp"
#include "base/format.hpp"
#include "io/durable_file.hpp"
#include "io/lock.hpp"

namespace reprieve::app {
namespace {

using Kind = ServeEvent::Kind;

constexpr Duration kSlice = std::chrono::milliseconds{200};
constexpr Duration kFirstPause = std::chrono::seconds{1};
constexpr Duration kLongestPause = std::chrono::minutes{1};
constexpr Duration kStandsInterval = std::chrono::minutes{1};
constexpr int kDone = 0;
constexpr int kDoneWithProblems = 3;
constexpr int kDamaged = 7;

/// What all jobs share.
struct Served {
  const Workspace& workspace;
  const TellServe& tell_one;
  const CancelToken& cancel;
  std::mutex mutex = {};

  void tell(const ServeEvent& event) {
    const std::lock_guard lock{mutex};
    tell_one(event);
  }
  /// False: cancelled.
  [[nodiscard]] bool pause(Duration wanted) const {
    for (Duration waited{0}; waited < wanted && !cancel.is_requested(); waited += kSlice)
      system_clock().sleep_for(std::min(kSlice, wanted - waited));
    return !cancel.is_requested();
  }
  [[nodiscard]] std::vector<std::string> command(const std::string& storage,
                                                 std::initializer_list<std::string> words) const {
    auto arguments = workspace.arguments_for_child(storage);
    arguments.insert(arguments.end(), words);
    return arguments;
  }
};

/// Takes one policy's backups whenever they are due.
class BackupLoop {
 public:
  BackupLoop(Served& served, ServeMemory& memory, const BackupJob& job)
      : served_{served}, memory_{memory}, job_{job} {}

  void run() {
    while (!served_.cancel.is_requested()) {
      const Instant now = system_clock().now();
      const Instant due = plan::next_backup(job_.schedule, memory_.of(job_.name()), now);
      // In slices, for the clock may be set meanwhile.
      if (due > now)
        static_cast<void>(served_.pause(std::min(due - now, kStandsInterval)));
      else
        back_up();
    }
  }

 private:
  void back_up() {
    plan::BackupMemory memory = memory_.of(job_.name());
    const Instant begun = system_clock().now();
    served_.tell({job_.name(), Kind::kBegun, "begins"});
    auto arguments = served_.command(job_.storage, {"backup"});
    arguments.insert(arguments.end(), job_.sources.begin(), job_.sources.end());
    Json last;
    const auto status = run_own_command(
        std::move(arguments), [&](const Json& object) { last = object; }, served_.cancel);
    const bool is_taken = status && status->signal == 0 &&
                          (status->code == kDone || status->code == kDoneWithProblems);
    if (!is_taken && served_.cancel.is_requested()) return;
    memory.ended = system_clock().now();
    if (is_taken) {
      memory.begun = begun;
      memory.failures = 0;
    } else {
      ++memory.failures;
    }
    if (const auto kept = memory_.keep(job_.name(), memory); !kept)
      served_.tell({job_.name(), Kind::kTrouble,
                    "what was done cannot be remembered: " + kept.error().what, kept.error().hint});
    tell_end(memory, status, is_taken, last);
    if (is_taken && job_.proof) prove(last);
  }

  /// Each recovery point that the backup told of.
  void prove(const Json& taken) {
    const auto backups = taken.find("backups");
    if (backups == taken.end() || !backups->is_array()) return;
    for (const Json& each : *backups) {
      if (served_.cancel.is_requested() || !each.is_object()) return;
      prove(text_of(each, "point"), text_of(each, "source"));
    }
  }
  void prove(const std::string& point, const std::string& source) {
    const Duration begun = system_clock().uptime();
    const std::string level{plan::name_of(*job_.proof)};
    const std::string what = point.substr(0, 8) + " of " + source;
    auto arguments = served_.command(job_.storage, {"verify", point, "--source", source});
    arguments.insert(arguments.end(), {"--level", level});
    Json last;
    const auto status = run_own_command(
        std::move(arguments), [&](const Json& object) { last = object; }, served_.cancel);
    if (status && status->is_success())
      return served_.tell({job_.name(), Kind::kProved,
                           fmt::format("{} proved at level {} in {}", what, level,
                                       format_duration(system_clock().uptime() - begun)),
                           "", last});
    if (served_.cancel.is_requested()) return;
    const bool is_damaged = status && status->code == kDamaged;
    const Failure failure = failure_of(last, status);
    served_.tell({job_.name(), Kind::kTrouble,
                  what + (is_damaged ? " is damaged" : " was not proved: " + failure.what),
                  is_damaged ? "Take another one, and heal the repository with `reprieve repo "
                               "repair`."
                             : failure.hint,
                  last});
  }

  void tell_end(const plan::BackupMemory& memory, const Result<io::ExitStatus>& status,
                bool is_taken, const Json& last) {
    const Instant now = system_clock().now();
    const Instant next = plan::next_backup(job_.schedule, memory, now);
    const std::string when = next > now ? " at " + format_rfc3339(next).substr(0, 19) + "Z" : "";
    if (is_taken) {
      const bool is_whole = status->code == kDone;
      return served_.tell(
          {job_.name(), is_whole ? Kind::kDone : Kind::kTrouble,
           fmt::format("{} in {}; the next one{}",
                       is_whole ? "taken" : "taken, but not all of it is as it should be",
                       format_duration(now - *memory.begun), when.empty() ? " at once" : when),
           "", last});
    }
    const Failure failure = failure_of(last, status);
    served_.tell({job_.name(), Kind::kTrouble,
                  fmt::format("failed: {}; tried again{}", failure.what, when), failure.hint,
                  last});
  }

  Served& served_;
  ServeMemory& memory_;
  const BackupJob& job_;
};

/// Keeps a receiver running.
class ReceptionLoop {
 public:
  ReceptionLoop(Served& served, const ReceptionJob& job) : served_{served}, job_{job} {}

  void run() {
    Duration pause{0};
    while (!served_.cancel.is_requested()) {
      is_receiving_ = false;
      Json last;
      const auto status = run_own_command(
          served_.command(job_.storage, {"wal", "receive", job_.source, "--slot", job_.slot}),
          [&](const Json& object) {
            hear(object);
            last = object;
          },
          served_.cancel);
      if (served_.cancel.is_requested()) return;
      if (is_receiving_) pause = Duration{0};
      pause = std::clamp(2 * pause, kFirstPause, kLongestPause);
      const Failure failure = failure_of(last, status);
      trouble("the receiver ended and is started again: " + failure.what, failure.hint, last);
      if (!served_.pause(pause)) return;
    }
  }

 private:
  void hear(const Json& line) {
    if (text_of(line, "schema") != "reprieve.wal/1") return;
    if (const std::string event = text_of(line, "event"); !event.empty()) trouble(event, "", line);
    const std::string problem = text_of(line, "problem");
    if (!problem.empty()) trouble("the repository takes nothing: " + problem, "", line);
    const std::string doubt = text_of(line, "doubt");
    if (!doubt.empty()) trouble("the log itself is damaged: " + doubt, "", line);
    if (text_of(line, "system_identifier").empty()) return;
    const Duration now = system_clock().uptime();
    const bool is_first = !std::exchange(is_receiving_, true);
    if (!is_first && now - stood_ < kStandsInterval) return;
    stood_ = now;
    if (problem.empty() && doubt.empty()) told_.clear();
    served_.tell({job_.name(), is_first ? Kind::kBegun : Kind::kStands,
                  fmt::format("received to {}, in the repository to {}", text_of(line, "durable"),
                              text_of(line, "stored")),
                  "", line});
  }

  /// The same thing once, until all was well.
  void trouble(const std::string& text, const std::string& hint, const Json& details) {
    if (std::exchange(told_, text) == text) return;
    served_.tell({job_.name(), Kind::kTrouble, text, hint, details});
  }

  Served& served_;
  const ReceptionJob& job_;
  bool is_receiving_ = false;
  Duration stood_{};
  std::string told_;
};

}  // namespace

std::string_view name_of(ServeEvent::Kind kind) {
  switch (kind) {
    case Kind::kBegun:
      return "begun";
    case Kind::kDone:
      return "done";
    case Kind::kProved:
      return "proved";
    case Kind::kTrouble:
      return "trouble";
    case Kind::kStands:
      return "stands";
  }
  return "";
}

Result<> serve(const Workspace& workspace, const TellServe& tell, const CancelToken& cancel) {
  REPRIEVE_TRY(const LoadedPlan* loaded, workspace.plan());
  const ServeJobs jobs = jobs_of(loaded->plan);
  if (jobs.backups.empty() && jobs.receptions.empty())
    return Error{ErrorKind::kInvalid, "the plan has no policy that says how often it runs",
                 "Write `every:` in a policy of the section backup."};
  const std::string folder = workspace.state_dir() + "/serve";
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder));
  REPRIEVE_TRY(const io::FileLock lock, io::FileLock::try_take(folder + "/lock", "serve"));
  Served served{workspace, tell, cancel};
  std::string doubt;
  ServeMemory memory{folder + "/memory.json", doubt};
  if (!doubt.empty())
    served.tell({"serve", Kind::kTrouble, doubt + ": every policy takes a backup now"});

  // A receiver first: a backup takes a while.
  std::vector<std::thread> threads;
  threads.reserve(jobs.receptions.size() + jobs.backups.size());
  for (const ReceptionJob& job : jobs.receptions)
    threads.emplace_back([&] { ReceptionLoop{served, job}.run(); });
  for (const BackupJob& job : jobs.backups)
    threads.emplace_back([&] { BackupLoop{served, memory, job}.run(); });
  for (std::thread& thread : threads)
    thread.join();
  return kOk;
}

}  // namespace reprieve::app
