#include "plan/step.hpp"

#include <algorithm>

#include "base/format.hpp"

namespace reprieve::plan {
namespace {

constexpr std::array<std::string_view, kStepTypeCount> kTypeNames = {
    "stop", "start", "files.restore", "db.restore", "switch", "check", "run", "approve"};

constexpr std::array<std::string_view, 4> kFilesRestoreOutputs = {"target", "point", "point_time",
                                                                  "bytes"};
constexpr std::array<std::string_view, 5> kDbRestoreOutputs = {"target", "point", "point_time",
                                                               "recovered_to", "bytes"};
constexpr std::array<std::string_view, 1> kSwitchOutputs = {"old"};
constexpr std::array<std::string_view, 2> kCheckOutputs = {"passed", "failed"};
constexpr std::array<std::string_view, 2> kRunOutputs = {"exit", "stdout"};
constexpr std::array<std::string_view, 1> kApproveOutputs = {"by"};

constexpr std::size_t kPointNameMax = 256;

}  // namespace

std::string_view name_of(StepType type) {
  return kTypeNames[static_cast<std::size_t>(type)];
}

std::optional<StepType> step_type_of(std::string_view name) {
  const auto* found = std::ranges::find(kTypeNames, name);
  if (found == kTypeNames.end()) return std::nullopt;
  return static_cast<StepType>(found - kTypeNames.begin());
}

std::string_view name_of(StepClass step_class) {
  constexpr std::array<std::string_view, 4> kNames = {"read", "change", "destructive", "human"};
  return kNames[static_cast<std::size_t>(step_class)];
}

std::string_view name_of(OnFail on_fail) {
  constexpr std::array<std::string_view, 4> kNames = {"stop", "ask", "continue", "rollback"};
  return kNames[static_cast<std::size_t>(on_fail)];
}

std::span<const std::string_view> outputs_of(StepType type) {
  switch (type) {
    case StepType::kStop:
    case StepType::kStart:
      return {};
    case StepType::kFilesRestore:
      return kFilesRestoreOutputs;
    case StepType::kDbRestore:
      return kDbRestoreOutputs;
    case StepType::kSwitch:
      return kSwitchOutputs;
    case StepType::kCheck:
      return kCheckOutputs;
    case StepType::kRun:
      return kRunOutputs;
    case StepType::kApprove:
      return kApproveOutputs;
  }
  return {};
}

Result<PointExpression> parse_point(std::string_view text) {
  using Kind = PointExpression::Kind;
  PointExpression point;
  if (text == "latest") return point;
  if (text == "latest-verified") {
    point.kind = Kind::kLatestVerified;
    return point;
  }
  constexpr std::string_view kBefore = "before ";
  const bool is_before = text.starts_with(kBefore);
  const std::string_view rest = is_before ? text.substr(kBefore.size()) : text;
  if (const auto time = parse_rfc3339(rest)) {
    point.kind = is_before ? Kind::kBefore : Kind::kTime;
    point.time = *time;
    return point;
  }
  const bool is_name = !text.empty() && text.size() <= kPointNameMax &&
                       std::ranges::none_of(text, [](char c) { return c == ' ' || c == '\n'; });
  if (is_before || !is_name)
    return Error{ErrorKind::kInvalid, fmt::format("\"{}\" names no recovery point", text),
                 "Write latest, latest-verified, a time such as 2026-11-20T03:00:00Z, before TIME, "
                 "a point's name, or the beginning of its id."};
  point.kind = Kind::kNamed;
  point.name = text;
  return point;
}

}  // namespace reprieve::plan
