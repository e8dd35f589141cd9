#include <fmt/format.h>

#include <utility>

#include "recovery/internal/act_run.hpp"
#include "recovery/internal/child.hpp"
#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

constexpr std::size_t kStdoutMax = 4096;
constexpr std::size_t kResultMax = 64UL * 1024;
constexpr Duration kProbeTimeout = std::chrono::seconds{30};
/// "Done, but some of it could not be kept as it was": the result is there, with problems listed.
constexpr int kExitWithProblems = 3;

/// A child with an end: `run` steps, restores, undo commands.
class CommandRun : public ActRun {
 public:
  CommandRun(const Context& context, Act act)
      : context_{context}, act_{std::move(act)}, child_{context} {}

  Result<Probe> probe() override {
    Probe probe;
    if (texts_of(act_.args, "probe").empty()) return probe;
    REPRIEVE_TRY(probe.is_satisfied, is_wanted_state_there());
    if (probe.is_satisfied) probe.outputs = Json{{"exit", 0}, {"stdout", ""}};
    return probe;
  }

  Result<> apply(const ActTry& attempt) override {
    return child_.start(attempt, command_of(act_.args));
  }

  Result<ActStatus> recover(const ActTry& attempt, const Json& /*prior*/) override {
    REPRIEVE_TRY(const ActStatus::Kind kind, child_.recover(attempt));
    if (kind != ActStatus::Kind::kUnknown)
      return ActStatus{.kind = kind, .outputs = Json::object(), .error = {}};
    return settle_loss();
  }

  Result<ActStatus> poll() override {
    auto view = child_.poll();
    if (!view && view.error().kind == ErrorKind::kConflict) return settle_loss();
    if (!view) return std::move(view).error();
    if (!*view) return ActStatus{};
    if (is_restore()) return end_restore(**view);
    return end_run(**view);
  }

  Result<> stop() override { return child_.stop(); }
  std::uint64_t progress() override { return child_.output_bytes(); }
  std::string last_line() override { return child_.last_line(); }

 private:
  [[nodiscard]] bool is_restore() const { return text_of(act_.args, "result") == "restore"; }

  Result<bool> is_wanted_state_there() {
    HostCommand probe = command_of(act_.args);
    probe.argv = texts_of(act_.args, "probe");
    REPRIEVE_TRY(const ShortResult result, context_.host.run_short(probe, kProbeTimeout));
    return result.exit_code == 0;
  }

  /// It began, nothing of it lives, and nobody knows how far it came.
  Result<ActStatus> settle_loss() {
    if (!texts_of(act_.args, "probe").empty()) {
      REPRIEVE_TRY(const bool is_there, is_wanted_state_there());
      if (is_there) return done_with(Json{{"exit", 0}, {"stdout", ""}});
      return ActStatus{
          .kind = ActStatus::Kind::kNotApplied, .outputs = Json::object(), .error = {}};
    }
    if (act_.is_idempotent && is_restore()) {
      ActStatus status = failed_with("the restore was cut off");
      status.is_worth_another_try = true;
      return status;
    }
    if (act_.is_idempotent)
      return ActStatus{
          .kind = ActStatus::Kind::kNotApplied, .outputs = Json::object(), .error = {}};
    return ActStatus{.kind = ActStatus::Kind::kUnknown,
                     .outputs = Json::object(),
                     .error = "it began, but it left no exit status"};
  }

  Result<ActStatus> end_run(const ChildView& view) {
    if (view.exit_code != 0 || view.signal != 0 || !view.exec_error.empty())
      return failed_with(child_.describe_failure(view));
    REPRIEVE_TRY(std::string out,
                 context_.host.output_head(child_.key(), OutputStream::kStandard, kStdoutMax));
    if (out.ends_with('\n')) out.pop_back();
    return done_with(Json{{"exit", view.exit_code}, {"stdout", out}});
  }

  Result<ActStatus> end_restore(const ChildView& view) {
    const bool has_problems = view.exit_code == kExitWithProblems;
    if ((view.exit_code != 0 && !has_problems) || view.signal != 0 || !view.exec_error.empty())
      return failed_with(child_.describe_failure(view));
    const std::string target = text_of(act_.args, "target");
    REPRIEVE_TRY(const PathView there, context_.host.look_at_path(target));
    if (there.kind == PathView::Kind::kAbsent)
      return failed_with(fmt::format("the restore reported success, but {} is not there", target));
    REPRIEVE_TRY(const std::string out,
                 context_.host.output_head(child_.key(), OutputStream::kStandard, kResultMax));
    const Json result = parse_json(out).value_or(Json::object());
    Json outputs{{"target", target}};
    if (const auto bytes = result.find("bytes");
        bytes != result.end() && bytes->is_number_integer())
      outputs["bytes"] = *bytes;
    std::string recovered_to = text_of(result, "recovered_to");
    if (recovered_to.empty()) recovered_to = text_of(act_.args, "recovers_to");
    outputs["recovered_to"] = recovered_to;
    if (has_problems)
      outputs["warning"] =
          fmt::format("{}: restored with problems ({})", target, child_.last_line());
    if (const std::string path = text_of(act_.args, "final"); !path.empty())
      outputs["moves"] = Json::array({Json{{"source", text_of(act_.args, "source")},
                                           {"final", path},
                                           {"target", target},
                                           {"identity", there.identity}}});
    return done_with(std::move(outputs));
  }

  const Context& context_;
  const Act act_;
  Child child_;
};

}  // namespace

std::unique_ptr<ActRun> make_command_run(const Context& context, const Act& act) {
  return std::make_unique<CommandRun>(context, act);
}

}  // namespace reprieve::recovery
