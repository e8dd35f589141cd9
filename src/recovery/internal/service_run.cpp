#include <fmt/format.h>

#include <array>
#include <csignal>
#include <utility>

#include "recovery/internal/act_run.hpp"
#include "recovery/internal/child.hpp"
#include "recovery/internal/service_target.hpp"
#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

/// A process that was just started must live this long to count as started.
constexpr Duration kStableFor = std::chrono::milliseconds{300};

/// What asks a process to end, and when. TERM waits for the clients of some servers (PostgreSQL),
/// INT does not, QUIT does not even clean up; KILL is for what answers to none of them.
struct Insistence {
  Duration after;
  int signal;
};
constexpr std::array<Insistence, 4> kInsistence = {{{Duration{}, SIGTERM},
                                                    {std::chrono::seconds{5}, SIGINT},
                                                    {std::chrono::seconds{20}, SIGQUIT},
                                                    {std::chrono::seconds{40}, SIGKILL}}};

std::optional<HostCommand> start_command(const plan::Service& service) {
  HostCommand command;
  if (const auto* const unit = std::get_if<plan::SystemdRun>(&*service.run))
    command.argv = {"systemctl", "start", unit->unit};
  else if (const auto* const commands = std::get_if<plan::ArgvRun>(&*service.run))
    command.argv = commands->start;
  else
    return std::nullopt;
  return command;
}

std::optional<HostCommand> stop_command(const plan::Service& service) {
  HostCommand command;
  if (const auto* const unit = std::get_if<plan::SystemdRun>(&*service.run))
    command.argv = {"systemctl", "stop", unit->unit};
  else if (const auto* const commands = std::get_if<plan::ArgvRun>(&*service.run))
    command.argv = commands->stop;
  else
    return std::nullopt;
  return command;
}

HostCommand process_command(const plan::ProcessRun& process) {
  return HostCommand{.argv = process.argv,
                     .env = process.env,
                     .cwd = process.cwd,
                     .user = process.user,
                     .log = process.log};
}

/// What the two directions share: a service that is up or not, and commands that change it.
class ServiceRun : public ActRun {
 public:
  ServiceRun(const Context& context, Act act, bool wants_running)
      : context_{context}, act_{std::move(act)}, child_{context}, wants_running_{wants_running} {}

  Result<Probe> probe() override {
    REPRIEVE_TRY(const plan::Service* const service, service_of(context_, act_));
    REPRIEVE_TRY(const bool runs, is_running(context_, *service));
    return Probe{.is_satisfied = runs == wants_running_,
                 .prior = Json{{"running", runs}},
                 .outputs = Json::object()};
  }

  /// Being up or down is a state, not an event: look, and do it again if it is not so.
  Result<ActStatus> recover(const ActTry& attempt, const Json& /*prior*/) override {
    REPRIEVE_TRY(const plan::Service* const service, service_of(context_, act_));
    if (has_command(*service)) {
      REPRIEVE_TRY(const ActStatus::Kind kind, child_.recover(attempt));
      if (kind == ActStatus::Kind::kUnderWay) return ActStatus{};
    }
    REPRIEVE_TRY(const Probe now, probe());
    if (now.is_satisfied) return done_with(Json::object());
    return ActStatus{.kind = ActStatus::Kind::kNotApplied, .outputs = Json::object(), .error = {}};
  }

  Result<> stop() override {
    if (child_.key().path.empty()) return kOk;
    return child_.stop();
  }
  std::uint64_t progress() override { return child_.output_bytes(); }
  std::string last_line() override {
    return child_.key().path.empty() ? std::string{} : child_.last_line();
  }

 protected:
  [[nodiscard]] bool has_command(const plan::Service& service) const {
    return !std::holds_alternative<plan::ProcessRun>(*service.run);
  }

  /// Of a service with commands: done once the command ended and the state is as wanted.
  Result<ActStatus> poll_command() {
    REPRIEVE_TRY(const auto view, child_.poll());
    if (!view) return ActStatus{};
    if (view->exit_code != 0 || view->signal != 0 || !view->exec_error.empty())
      return failed_with(child_.describe_failure(*view));
    REPRIEVE_TRY(const Probe now, probe());
    if (now.is_satisfied) return done_with(Json::object());
    return failed_with(fmt::format("its command succeeded, but the service {}",
                                   wants_running_ ? "does not run" : "still runs"));
  }

  const Context& context_;
  const Act act_;
  Child child_;

 private:
  const bool wants_running_;
};

class StopRun : public ServiceRun {
 public:
  StopRun(const Context& context, const Act& act) : ServiceRun{context, act, false} {}

  Result<> apply(const ActTry& attempt) override {
    REPRIEVE_TRY(const plan::Service* const service, service_of(context_, act_));
    if (auto command = stop_command(*service)) return child_.start(attempt, *std::move(command));
    began_at_ = context_.clock.uptime();
    return kOk;
  }

  Result<ActStatus> poll() override {
    REPRIEVE_TRY(const plan::Service* const service, service_of(context_, act_));
    if (has_command(*service)) return poll_command();
    REPRIEVE_TRY(const auto process, process_of(context_, *service));
    if (!process) return done_with(Json::object());
    const Duration waited = context_.clock.uptime() - began_at_;
    while (insisted_ < kInsistence.size() && waited >= kInsistence.at(insisted_).after)
      REPRIEVE_RETURN_IF_ERROR(
          context_.host.signal_process(*process, kInsistence.at(insisted_++).signal));
    return ActStatus{};
  }

 private:
  Duration began_at_{};
  std::size_t insisted_ = 0;
};

class StartRun : public ServiceRun {
 public:
  StartRun(const Context& context, const Act& act) : ServiceRun{context, act, true} {}

  Result<> apply(const ActTry& attempt) override {
    REPRIEVE_TRY(const plan::Service* const service, service_of(context_, act_));
    if (auto command = start_command(*service)) return child_.start(attempt, *std::move(command));
    return child_.start(service_try(attempt, *service),
                        process_command(std::get<plan::ProcessRun>(*service->run)));
  }

  Result<ActStatus> recover(const ActTry& attempt, const Json& prior) override {
    REPRIEVE_TRY(const plan::Service* const service, service_of(context_, act_));
    if (has_command(*service)) return ServiceRun::recover(attempt, prior);
    // Also makes sure that a child that was slow to begin never does.
    REPRIEVE_TRY(const ActStatus::Kind kind, child_.recover(service_try(attempt, *service)));
    REPRIEVE_TRY(const ChildView view, context_.host.look(child_.key()));
    if (kind == ActStatus::Kind::kUnderWay && view.state == ChildView::State::kRunning)
      return ActStatus{};
    REPRIEVE_TRY(const Probe now, probe());
    if (now.is_satisfied) return done_with(Json::object());
    return ActStatus{.kind = ActStatus::Kind::kNotApplied, .outputs = Json::object(), .error = {}};
  }

  Result<ActStatus> poll() override {
    REPRIEVE_TRY(const plan::Service* const service, service_of(context_, act_));
    if (has_command(*service)) return poll_command();
    REPRIEVE_TRY(const auto view, child_.poll());
    if (view) return failed_with("it ended at once: " + child_.describe_failure(*view));
    REPRIEVE_TRY(const ChildView now, context_.host.look(child_.key()));
    if (now.state != ChildView::State::kRunning) return ActStatus{};
    if (!seen_at_) seen_at_ = context_.clock.uptime();
    if (context_.clock.uptime() - *seen_at_ < kStableFor) return ActStatus{};
    return done_with(Json::object());
  }

 private:
  /// A service's child is kept with the service, where later runs look for it.
  static ActTry service_try(const ActTry& attempt, const plan::Service& service) {
    ActTry moved = attempt;
    std::string name = attempt.key.path;
    for (char& c : name)
      if (c == '/') c = '.';
    moved.key.path = children_of(service.name) + "/" + name;
    return moved;
  }

  std::optional<Duration> seen_at_;
};

}  // namespace

std::unique_ptr<ActRun> make_stop_run(const Context& context, const Act& act) {
  return std::make_unique<StopRun>(context, act);
}

std::unique_ptr<ActRun> make_start_run(const Context& context, const Act& act) {
  return std::make_unique<StartRun>(context, act);
}

}  // namespace reprieve::recovery
