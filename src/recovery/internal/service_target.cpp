#include "recovery/internal/service_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "recovery/internal/unit_state.hpp"
#include "recovery/record.hpp"
#include "recovery/step_plan.hpp"

namespace reprieve::recovery {
namespace {

constexpr Duration kStatusTimeout = std::chrono::seconds{10};

Error no_way_to_run(const plan::Service& service) {
  return Error{ErrorKind::kInvalid,
               fmt::format("the plan does not say how service {} runs", service.name),
               "Give the service a process, a systemd unit or commands."};
}

Result<ShortResult> ask_host(const Context& context, std::vector<std::string> argv) {
  HostCommand command;
  command.argv = std::move(argv);
  return context.host.run_short(command, kStatusTimeout);
}

bool uses(const plan::Service& service, const std::string& source) {
  return std::ranges::any_of(service.sources,
                             [&](const plan::Name& name) { return name.text == source; });
}

/// The plan's own services first: their names say more than process numbers.
Result<> refuse_running_services(const Context& context, const std::string& source) {
  for (const plan::Service& service : context.plan.services) {
    if (!service.run || !uses(service, source)) continue;
    REPRIEVE_TRY(const bool runs, is_running(context, service));
    if (runs)
      return Error{ErrorKind::kConflict,
                   fmt::format("service {} still runs and uses {}", service.name, source),
                   "Stop it in a step before the switch."};
  }
  return kOk;
}

Result<> refuse_path(const Context& context, const std::string& path, const PathView& view) {
  REPRIEVE_RETURN_IF_ERROR(refuse_unswitchable(path, view));
  if (view.kind == PathView::Kind::kAbsent) return kOk;
  REPRIEVE_TRY(const auto users, context.host.users_of(path));
  if (users.empty()) return kOk;
  std::string list;
  for (const std::string& user : users)
    list += (list.empty() ? "" : ", ") + user;
  return Error{ErrorKind::kConflict, fmt::format("{} is in use by {}", path, list),
               "Stop what uses it, then resume the run."};
}

}  // namespace

std::string children_of(const std::string& service) {
  return "services/" + service;
}

std::string describe_start(const plan::Plan& plan, const std::string& name) {
  const plan::Service* const service = plan.find_service(name);
  if (service == nullptr || !service->run) return "start " + name;
  if (const auto* const process = std::get_if<plan::ProcessRun>(&*service->run))
    return to_command_line(process->argv);
  if (const auto* const unit = std::get_if<plan::SystemdRun>(&*service->run))
    return to_command_line({"systemctl", "start", unit->unit});
  return to_command_line(std::get<plan::ArgvRun>(*service->run).start);
}

std::string describe_stop(const plan::Plan& plan, const std::string& name) {
  const plan::Service* const service = plan.find_service(name);
  if (service == nullptr || !service->run) return "stop " + name;
  if (std::holds_alternative<plan::ProcessRun>(*service->run))
    return fmt::format("signal the process of {}: TERM, then INT, QUIT, KILL", name);
  if (const auto* const unit = std::get_if<plan::SystemdRun>(&*service->run))
    return to_command_line({"systemctl", "stop", unit->unit});
  return to_command_line(std::get<plan::ArgvRun>(*service->run).stop);
}

Result<std::optional<ProcessName>> process_of(const Context& context,
                                              const plan::Service& service) {
  const auto* const process = service.run ? std::get_if<plan::ProcessRun>(&*service.run) : nullptr;
  if (process == nullptr) return no_way_to_run(service);
  return context.host.find_process({.children_below = children_of(service.name),
                                    .pid_file = process->pid_file,
                                    .argv = process->argv});
}

Result<bool> is_running(const Context& context, const plan::Service& service) {
  if (!service.run) return no_way_to_run(service);
  if (const auto* const unit = std::get_if<plan::SystemdRun>(&*service.run)) {
    REPRIEVE_TRY(const ShortResult answer, ask_host(context, unit_state_call(unit->unit)));
    return is_unit_running(unit->unit, answer);
  }
  if (const auto* const commands = std::get_if<plan::ArgvRun>(&*service.run)) {
    REPRIEVE_TRY(const ShortResult answer, ask_host(context, commands->status));
    return is_status_running(service.name, answer);
  }
  REPRIEVE_TRY(const auto process, process_of(context, service));
  return process.has_value();
}

Result<const plan::Service*> service_of(const Context& context, const Act& act) {
  const plan::Service* const service = context.plan.find_service(text_of(act.args, "service"));
  if (service == nullptr)
    return Error{ErrorKind::kCorrupt, "an act names a service that the plan lacks"};
  return service;
}

Result<> refuse_unswitchable(const std::string& path, const PathView& view) {
  if (view.is_mount_point)
    return Error{ErrorKind::kInvalid,
                 fmt::format("{} is a mount point, which cannot be swapped", path),
                 "Let the source be a folder below the mount point."};
  if (view.kind == PathView::Kind::kOther)
    return Error{ErrorKind::kInvalid, fmt::format("{} is neither a folder nor a file", path),
                 "If it is a symbolic link, let the source be what it leads to."};
  return kOk;
}

Result<> refuse_unsafe_move(const Context& context, const Act& act) {
  const std::string path = text_of(act.args, "final");
  const std::string from = text_of(act.args, "from");
  REPRIEVE_TRY(const PathView there, context.host.look_at_path(path));
  REPRIEVE_TRY(const PathView restored, context.host.look_at_path(from));
  if (restored.kind == PathView::Kind::kAbsent) {
    // After a crash, or in a second generation, it may have been moved by this very run.
    if (there.identity == text_of(act.args, "identity")) return kOk;
    return Error{ErrorKind::kNotFound, fmt::format("{} is gone", from)};
  }
  REPRIEVE_RETURN_IF_ERROR(refuse_running_services(context, text_of(act.args, "source")));
  REPRIEVE_RETURN_IF_ERROR(refuse_path(context, path, there));
  return refuse_path(context, from, restored);
}

}  // namespace reprieve::recovery
