#include "recovery/values.hpp"

#include <fmt/format.h>

#include <utility>

#include "crypto/crypto.hpp"

namespace reprieve::recovery {
namespace {

using plan::Reference;

std::string text_of_value(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_text(value);
}

Result<std::string> look_up_run(const RunState& state, const std::string& field) {
  if (field == "id") return state.id;
  if (field == "scenario") return state.scenario;
  constexpr std::size_t kDateDigits = 10;
  if (field == "date" && state.started)
    return format_rfc3339(state.started->at).substr(0, kDateDigits);
  return Error{ErrorKind::kInvalid, fmt::format("a run has no field {}", field)};
}

std::optional<std::string> look_up_step(const StepRun& step, const std::string& field) {
  if (field == "state") {
    if (step.state == StepState::kDoneObserved) return "done";
    return std::string{name_of(step.state)};
  }
  if (field == "started" && step.began) return format_rfc3339(step.began->at);
  if (field == "ended" && step.ended) return format_rfc3339(step.ended->at);
  const auto it = step.outputs.find(field);
  if (it != step.outputs.end()) return text_of_value(*it);
  return std::nullopt;
}

Result<std::string> look_up_param(const RunState& state, const std::string& field) {
  const auto it = state.params.find(field);
  if (it != state.params.end()) return it->second;
  return Error{ErrorKind::kInvalid, fmt::format("parameter {} has no value", field),
               fmt::format("Give it with --set {}=VALUE.", field)};
}

}  // namespace

plan::Lookup lookup_in(const RunState& state) {
  return [&state](const Reference& reference) -> Result<std::string> {
    if (reference.root == Reference::Root::kParam) return look_up_param(state, reference.field);
    if (reference.root == Reference::Root::kRun) return look_up_run(state, reference.field);
    if (auto value = look_up_step(state.step(reference.step), reference.field))
      return *std::move(value);
    return Error{ErrorKind::kInvalid, fmt::format("{{{}}} has no value", reference.text()),
                 "The step that gives it was skipped or has not run."};
  };
}

plan::Lookup lookup_ahead_of(const RunState& state) {
  return [&state](const Reference& reference) -> Result<std::string> {
    if (reference.root == Reference::Root::kStep && reference.field != "state") {
      if (auto value = look_up_step(state.step(reference.step), reference.field))
        return *std::move(value);
      return fmt::format("<known after {}>", reference.step);
    }
    return lookup_in(state)(reference);
  };
}

std::string binding_of(const RunState& state, const plan::Step& step, const std::string& text) {
  Json bound = Json::object();
  bound["run"] = state.id;
  bound["step"] = step.id;
  bound["text"] = text;
  bound["plan_sha256"] = state.plan_hash;
  bound["steps"] = Json::object();
  if (const auto* const approve = std::get_if<plan::ApproveStep>(&step.action))
    for (const plan::Name& name : approve->binds)
      bound["steps"][name.text] = state.step(name.text).outputs;
  return to_hex(crypto::sha256(as_bytes(to_text(bound))));
}

std::string absolute_path(const std::string& plan_dir, const std::string& path) {
  std::string whole = path.starts_with('/') ? path : plan_dir + "/" + path;
  while (whole.size() > 1 && whole.ends_with('/'))
    whole.pop_back();
  return whole;
}

}  // namespace reprieve::recovery
