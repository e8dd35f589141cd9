#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "plan/position.hpp"

/// The two kinds of expression that the plan language has: text with `{name.field}` in it, and the
/// comparisons of `when`. Neither is ever handed to a shell, and a substituted value is never read
/// again: whatever it holds, it stays one piece of data.
namespace reprieve::plan {

/// What `{name.field}` stands for.
struct Reference {
  enum class Root : std::uint8_t {
    kParam,  ///< `{params.FIELD}`: a parameter of the scenario.
    kRun,    ///< `{run.FIELD}`: `id`, `scenario` or `date` of the run.
    kStep,   ///< `{STEP.FIELD}`: what an earlier step gave out (outputs_of() in plan/step.hpp).
  };
  Root root = Root::kParam;
  std::string step;   ///< The step's id; empty unless root is kStep.
  std::string field;  ///< The parameter's name, or the field.
  Position at;

  /// As it was written, without braces: "params.point".
  [[nodiscard]] std::string text() const;
};

/// Text with references in it, in order. `{{` and `}}` were already turned into braces.
struct Template {
  std::vector<std::variant<std::string, Reference>> parts;
  Position at;

  [[nodiscard]] bool is_empty() const { return parts.empty(); }
  /// The whole text, if there is no reference in it.
  [[nodiscard]] std::optional<std::string> literal() const;
  [[nodiscard]] std::vector<Reference> references() const;
  /// As a plan would write it: braces doubled, references in braces.
  [[nodiscard]] std::string text() const;
};

/// What a reference stands for now. Errors are handed on by render() and evaluate().
using Lookup = std::function<Result<std::string>(const Reference&)>;

/// Reads a template. `at` is where the text starts in the plan, so that references know their own
/// place. Errors: kInvalid, with the text's own words.
Result<Template> parse_template(std::string_view text, Position at);

/// The text with all references replaced. A dry run passes a lookup that answers
/// "<known after STEP>".
Result<std::string> render(const Template& text, const Lookup& lookup);

/// A condition of `when`:
///
///     condition  = all { "or" all }
///     all        = one { "and" one }
///     one        = "not" one | "(" condition ")" | value [ operator value ]
///     operator   = "==" | "!=" | "<" | "<=" | ">" | ">="
///     value      = {name.field} | word | 'quoted text'
///
/// A value without an operator is true if it is `true`. Two numbers, two durations or two sizes are
/// compared by magnitude; everything else is compared as text, and then only with == and !=.
struct Condition {
  enum class Kind : std::uint8_t {
    kAny,  ///< One of `parts`.
    kAll,  ///< All of `parts`.
    kNot,  ///< parts[0] does not hold.
    kIsTrue,
    kEqual,
    kNotEqual,
    kLess,
    kAtMost,
    kGreater,
    kAtLeast,
  };
  Kind kind = Kind::kIsTrue;
  std::vector<Condition> parts;  ///< Of kAny, kAll and kNot; at most 64 in the whole condition.
  Template left;                 ///< Of kIsTrue and the comparisons.
  Template right;                ///< Of the comparisons.
  Position at;

  [[nodiscard]] std::vector<Reference> references() const;
  /// One canonical spelling, which parse_condition() reads back.
  [[nodiscard]] std::string text() const;
};

/// Errors: kInvalid.
Result<Condition> parse_condition(std::string_view text, Position at);

/// Errors: the lookup's; kInvalid if `<` and the like meet values that have no order.
Result<bool> evaluate(const Condition& condition, const Lookup& lookup);

}  // namespace reprieve::plan
