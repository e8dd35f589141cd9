#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "recovery/internal/act_run.hpp"
#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

/// One check on its way to a verdict.
struct Look {
  const plan::Check* check = nullptr;
  std::optional<std::uint64_t> ticket;
  std::uint32_t tries = 0;
  Duration next_at{};
  std::optional<Duration> green_since;
  std::optional<CheckResult> last;
  bool is_settled = false;
  bool is_green = false;
};

/// Runs checks side by side. Either each as often as the plan says, or until all are green (the
/// step's own limit ends that).
class ChecksRun : public ActRun {
 public:
  ChecksRun(const Context& context, const Act& act)
      : context_{context}, act_{act}, is_until_green_{flag_of(act.args, "until_green")} {}

  /// A check is an event: it is always run.
  Result<Probe> probe() override { return Probe{}; }

  Result<> apply(const ActTry& /*attempt*/) override {
    looks_.clear();
    for (const std::string& name : texts_of(act_.args, "checks")) {
      const plan::Check* const check = context_.plan.find_check(name);
      if (check == nullptr)
        return Error{ErrorKind::kNotFound, fmt::format("the plan has no check {}", name)};
      looks_.push_back({.check = check,
                        .ticket = {},
                        .next_at = context_.clock.uptime(),
                        .green_since = {},
                        .last = {}});
    }
    return kOk;
  }

  Result<ActStatus> recover(const ActTry& /*attempt*/, const Json& /*prior*/) override {
    return ActStatus{.kind = ActStatus::Kind::kNotApplied, .outputs = Json::object(), .error = {}};
  }

  Result<ActStatus> poll() override {
    for (Look& look : looks_)
      REPRIEVE_RETURN_IF_ERROR(go_on(look));
    const bool are_settled = std::ranges::all_of(looks_, &Look::is_settled);
    ActStatus status;
    status.outputs = outputs();
    if (!are_settled) return status;
    status.kind = ActStatus::Kind::kDone;
    for (const Look& look : looks_) {
      if (look.is_green) continue;
      status.kind = ActStatus::Kind::kFailed;
      status.error += fmt::format("{}{}: {}", status.error.empty() ? "" : "; ", look.check->name,
                                  look.last ? look.last->text : "");
    }
    return status;
  }

  Result<> stop() override { return kOk; }

  std::string last_line() override {
    for (const Look& look : looks_)
      if (!look.is_green && look.last && !look.last->text.empty())
        return fmt::format("{}: {}", look.check->name, look.last->text);
    return {};
  }

 private:
  Result<> go_on(Look& look) {
    if (look.is_settled) return kOk;
    const Duration now = context_.clock.uptime();
    if (!look.ticket) {
      if (now < look.next_at) return kOk;
      REPRIEVE_TRY(look.ticket, context_.checks.start(look.check->name));
      ++look.tries;
    }
    auto result = context_.checks.poll(*look.ticket);
    if (!result) return kOk;
    look.ticket.reset();
    look.next_at = now + look.check->every;
    judge(look, *std::move(result), now);
    return kOk;
  }

  void judge(Look& look, CheckResult result, Duration now) const {
    const bool is_ok = result.verdict == CheckResult::Verdict::kOk;
    look.last = std::move(result);
    if (is_ok) {
      if (!look.green_since) look.green_since = now;
      look.is_green = now - *look.green_since >= look.check->stable;
      look.is_settled = look.is_green;
      return;
    }
    look.green_since.reset();
    look.is_green = false;
    look.is_settled = !is_until_green_ && look.tries >= look.check->tries;
  }

  [[nodiscard]] Json outputs() const {
    Json results = Json::array();
    int passed = 0;
    int failed = 0;
    for (const Look& look : looks_) {
      if (!look.last) continue;
      if (look.is_settled) look.is_green ? ++passed : ++failed;
      results.push_back(Json{{"check", look.check->name},
                             {"verdict", name_of(look.last->verdict)},
                             {"measured", look.last->measured},
                             {"text", look.last->text},
                             {"took_ns", look.last->took.count()},
                             {"tries", look.tries},
                             {"at", format_rfc3339(look.last->at)}});
    }
    return Json{{"passed", passed}, {"failed", failed}, {"results", std::move(results)}};
  }

  const Context& context_;
  const Act act_;
  const bool is_until_green_;
  std::vector<Look> looks_;
};

}  // namespace

std::unique_ptr<ActRun> make_checks_run(const Context& context, const Act& act) {
  return std::make_unique<ChecksRun>(context, act);
}

}  // namespace reprieve::recovery
