#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "base/json.hpp"
#include "plan/canonical.hpp"
#include "plan/lint.hpp"
#include "plan/parse.hpp"

/// Whatever the bytes: either problems with places, in order, or a plan that lints and has a
/// canonical text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  const auto parsed = plan::parse_plan(std::as_bytes(std::span{bytes, size}));
  REPRIEVE_ASSERT(parsed.plan.has_value() == parsed.problems.empty());
  REPRIEVE_ASSERT(parsed.problems.size() <= plan::kProblemsMax);
  plan::Position last;
  for (const plan::Problem& problem : parsed.problems) {
    REPRIEVE_ASSERT(last <= problem.at && !problem.what.empty());
    last = problem.at;
  }
  if (!parsed.plan) return 0;
  static_cast<void>(plan::lint(*parsed.plan));
  REPRIEVE_ASSERT(parse_json(plan::canonical_text(*parsed.plan)).has_value());
  for (const plan::Scenario& scenario : parsed.plan->scenarios) {
    for (const plan::Step& step : scenario.steps) {
      REPRIEVE_ASSERT(step.timeout.count() > 0);
      for (const plan::Name& need : step.needs)
        REPRIEVE_ASSERT(scenario.find_step(need.text) != nullptr);
      // A condition's canonical spelling means the same, so it reads back.
      if (step.when) REPRIEVE_ASSERT(plan::parse_condition(step.when->text(), {}));
    }
  }
  return 0;
}
