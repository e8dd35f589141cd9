#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/secret.hpp"
#include "plan/model.hpp"
#include "recovery/context.hpp"

/// The plan's checks: one question to a service each, with a measured answer.
namespace reprieve::recovery {

/// Fetches a secret of the plan by name, at the last moment. Thread-safe.
using SecretResolver = std::function<Result<Secret>(const std::string& name)>;

struct CheckEnvironment {
  const plan::Plan& plan;
  std::string plan_dir;
  SecretResolver secrets;
  Clock& clock;
};

/// One try; blocks for at most about the check's timeout. Thread-safe.
CheckResult try_check(const CheckEnvironment& environment, const plan::Check& check);

/// As often as the plan says (`tries`, `every`, `stable`); blocks. For `reprieve check`.
CheckResult run_check(const CheckEnvironment& environment, const plan::Check& check);

/// One line of text for people: "page: ok, 200 in 31 ms".
std::string describe(const CheckResult& result);
Json to_json(const CheckResult& result);

/// The file of a state folder that keeps which checks failed since when.
std::string check_history_path(const std::string& state_dir);

/// Adds results to the history: failures, and the first good result that ends a row of them.
/// Errors: of the file.
Result<> record_checks(const std::string& state_dir, std::span<const CheckResult> results);

struct FirstFailure {
  std::string check;
  Instant at;
};

/// The beginning of the oldest row of failures that no good result has ended. `history` is lines of
/// JSON; lines that are none are passed over.
std::optional<FirstFailure> first_failure(ByteView history);
/// The same from the state folder; nothing if there is no history.
Result<std::optional<FirstFailure>> read_first_failure(const std::string& state_dir);

/// Whether the text of a column is as wanted. Nothing is SQL's null.
bool is_as_wanted(plan::SqlCheck::Compare compare, const plan::Scalar& want,
                  const std::optional<std::string>& got);
std::string scalar_text(const plan::Scalar& scalar);

}  // namespace reprieve::recovery
