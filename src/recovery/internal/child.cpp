#include "recovery/internal/child.hpp"

#include <fmt/format.h>

#include <csignal>
#include <utility>

#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

constexpr Duration kGraceBeforeKill = std::chrono::seconds{10};
/// How long a child that was handed over may take to begin.
constexpr Duration kBeginTimeout = std::chrono::seconds{30};
constexpr std::size_t kTailBytes = 2048;
constexpr std::size_t kLineMax = 200;
constexpr std::size_t kErrorMax = 64UL * 1024;

}  // namespace

HostCommand command_of(const Json& args) {
  HostCommand command{.argv = texts_of(args, "argv"),
                      .env = {},
                      .cwd = text_of(args, "cwd"),
                      .user = text_of(args, "user"),
                      .log = {}};
  const Json env = object_of(args, "env");  // Named: items() of a temporary would dangle.
  for (const auto& [name, value] : env.items())
    if (value.is_string()) command.env[name] = value.get<std::string>();
  return command;
}

Result<> Child::start(const ActTry& attempt, HostCommand command) {
  key_ = attempt.key;
  started_at_ = context_.clock.uptime();
  command.env["REPRIEVE_STEP_KEY"] = attempt.idempotency_key;
  return context_.host.start(key_, command);
}

Result<ActStatus::Kind> Child::recover(const ActTry& attempt) {
  key_ = attempt.key;
  REPRIEVE_TRY(const ChildView view, context_.host.look(key_));
  switch (view.state) {
    case ChildView::State::kRunning:
    case ChildView::State::kExited:
      return ActStatus::Kind::kUnderWay;
    case ChildView::State::kLost:
      return ActStatus::Kind::kUnknown;
    case ChildView::State::kAbsent:
      break;
  }
  const auto abandoned = context_.host.abandon(key_);
  if (abandoned) return ActStatus::Kind::kNotApplied;
  // It began between the two calls, so it is under way after all.
  if (abandoned.error().kind == ErrorKind::kConflict) return ActStatus::Kind::kUnderWay;
  return abandoned.error();
}

Result<std::optional<ChildView>> Child::poll() {
  REPRIEVE_TRY(ChildView view, context_.host.look(key_));
  output_bytes_ = view.output_bytes;
  switch (view.state) {
    case ChildView::State::kExited:
      return std::optional{std::move(view)};
    case ChildView::State::kLost:
      return Error{ErrorKind::kConflict, "the command ended without leaving its exit status"};
    case ChildView::State::kAbsent:
      if (started_at_ && context_.clock.uptime() - *started_at_ > kBeginTimeout)
        return Error{ErrorKind::kConflict, "the command did not begin within 30 s"};
      return std::optional<ChildView>{};
    case ChildView::State::kRunning:
      break;
  }
  REPRIEVE_RETURN_IF_ERROR(insist());
  return std::optional<ChildView>{};
}

Result<> Child::insist() {
  if (!asked_to_stop_at_) return kOk;
  const bool is_overdue = context_.clock.uptime() - *asked_to_stop_at_ > kGraceBeforeKill;
  if (was_asked_ && !is_overdue) return kOk;
  const auto sent = context_.host.signal_child(key_, is_overdue ? SIGKILL : SIGTERM);
  if (sent) was_asked_ = true;
  // Not executed yet: the next look tries again.
  if (!sent && sent.error().kind != ErrorKind::kTransient) return sent.error();
  return kOk;
}

Result<> Child::stop() {
  if (!asked_to_stop_at_) asked_to_stop_at_ = context_.clock.uptime();
  return insist();
}

std::string Child::last_line() {
  for (const OutputStream stream : {OutputStream::kError, OutputStream::kStandard}) {
    const auto tail = context_.host.output_tail(key_, stream, kTailBytes);
    if (!tail) continue;
    if (std::string line = last_line_of(*tail); !line.empty()) return line;
  }
  return {};
}

std::string Child::describe_failure(const ChildView& view) {
  if (!view.exec_error.empty()) return view.exec_error;
  const std::string how = view.signal != 0 ? fmt::format("ended by signal {}", view.signal)
                                           : fmt::format("exit code {}", view.exit_code);
  std::string why = own_error();
  if (why.empty()) why = last_line();
  return why.empty() ? how : fmt::format("{}: {}", how, why);
}

/// Our own commands, told to speak JSON, say on standard output why they failed.
std::string Child::own_error() {
  const auto out = context_.host.output_head(key_, OutputStream::kStandard, kErrorMax);
  const auto json = out && out->starts_with('{') ? parse_json(*out) : std::nullopt;
  if (!json) return {};
  const std::string error = text_of(*json, "error");
  const std::string hint = text_of(*json, "hint");
  return hint.empty() ? error : fmt::format("{}. {}", error, hint);
}

std::string last_line_of(const std::string& text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  if (last == std::string::npos) return {};
  const std::size_t begin = text.find_last_of('\n', last);
  const std::size_t first = begin == std::string::npos ? 0 : begin + 1;
  return text.substr(first, std::min(last + 1 - first, kLineMax));
}

}  // namespace reprieve::recovery
