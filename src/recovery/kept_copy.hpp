#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "plan/model.hpp"
#include "recovery/run_state.hpp"

namespace reprieve::recovery {

/// What a switch replaced and kept beside the new state.
struct KeptCopy {
  std::string step;
  std::string path;
  std::string identity;  ///< Of the folder that was set aside; another one there is not ours.
  std::optional<Instant> until;  ///< Nothing: until a person removes it.
};

/// What the switches of a run kept, as its journal tells. Pure. Nothing for a run that is still
/// open, for then its undo may want them back, nor for a switch that was taken back.
std::vector<KeptCopy> kept_copies(const plan::Plan& plan, const RunState& state);

}  // namespace reprieve::recovery
