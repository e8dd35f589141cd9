#pragma once

#include "cli/console.hpp"
#include "recovery/context.hpp"

namespace reprieve::cli {

/// Tells a run as it goes: a line per step on standard output for people, one JSON object per
/// record on standard error with --json.
class RunTeller : public recovery::RunListener {
 public:
  explicit RunTeller(const Console& console) : console_{console} {}
  void on_record(const recovery::RunState& state, const recovery::Record& record) override;

 private:
  void tell(const recovery::RunState& state, const recovery::Record& record) const;
  const Console& console_;
};

}  // namespace reprieve::cli
