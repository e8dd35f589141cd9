#pragma once

#include <string>

#include "base/json.hpp"
#include "base/result.hpp"
#include "plan/expression.hpp"
#include "plan/model.hpp"
#include "recovery/run_state.hpp"

/// What `{name.field}` stands for in a run.
namespace reprieve::recovery {

/// For steps that really begin: a value that is not there is kInvalid.
plan::Lookup lookup_in(const RunState& state);

/// For dry runs: what a step will only give out later reads as "<known after STEP>".
plan::Lookup lookup_ahead_of(const RunState& state);

/// SHA-256 (hex) over what the approval of `step` covers: run, step, question and the outputs of
/// all bound steps. It changes if and only if one of them does.
std::string binding_of(const RunState& state, const plan::Step& step, const std::string& text);

/// A path of the plan as an absolute one.
std::string absolute_path(const std::string& plan_dir, const std::string& path);

}  // namespace reprieve::recovery
