#include <array>
#include <charconv>
#include <cmath>
#include <compare>
#include <utility>

#include "base/clock.hpp"
#include "base/format.hpp"
#include "plan/expression.hpp"
#include "plan/units.hpp"

namespace reprieve::plan {
namespace {

using Kind = Condition::Kind;

constexpr std::size_t kConditionsMax = 64;
constexpr std::size_t kNestingMax = 16;

struct OperatorRow {
  std::string_view text;
  Kind kind;
};
// Longest first, so that "<=" is not read as "<".
constexpr std::array<OperatorRow, 6> kOperators = {{
    {"==", Kind::kEqual},
    {"!=", Kind::kNotEqual},
    {"<=", Kind::kAtMost},
    {">=", Kind::kAtLeast},
    {"<", Kind::kLess},
    {">", Kind::kGreater},
}};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}
bool is_word_character(char c) {
  return !is_space(c) && std::string_view{"(){}'\"=!<>"}.find(c) == std::string_view::npos;
}

Error refuse(std::string what) {
  return {ErrorKind::kInvalid, std::move(what),
          "Write, for example, {params.mode} == full, or not {prove.state} == done."};
}

/// Recursive descent over the grammar in the header; depth and count are limited.
class Parser {
 public:
  Parser(std::string_view text, Position at) : text_{text}, at_{at} {}

  Result<Condition> parse() {
    REPRIEVE_TRY(Condition condition, any(1));
    skip_space();
    if (offset_ < text_.size())
      return refuse(fmt::format("condition: \"{}\" does not belong there", text_.substr(offset_)));
    return condition;
  }

 private:
  void skip_space() {
    while (offset_ < text_.size() && is_space(text_[offset_]))
      ++offset_;
  }
  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(offset_).starts_with(token)) return false;
    offset_ += token.size();
    return true;
  }
  bool take_keyword(std::string_view keyword) {
    skip_space();
    const std::size_t end = offset_ + keyword.size();
    if (!text_.substr(offset_).starts_with(keyword)) return false;
    if (end < text_.size() && is_word_character(text_[end])) return false;
    offset_ = end;
    return true;
  }

  Result<Condition> node(Kind kind) {
    if (++count_ > kConditionsMax)
      return refuse(fmt::format("condition: more than {} parts", kConditionsMax));
    Condition condition;
    condition.kind = kind;
    condition.at = at_;
    return condition;
  }

  Result<Condition> any(std::size_t depth) {
    if (depth > kNestingMax) return refuse("condition: nested too deep");
    REPRIEVE_TRY(Condition first, all(depth));
    if (!take_keyword("or")) return first;
    REPRIEVE_TRY(Condition out, node(Kind::kAny));
    out.parts.push_back(std::move(first));
    do {
      REPRIEVE_TRY(Condition next, all(depth));
      out.parts.push_back(std::move(next));
    } while (take_keyword("or"));
    return out;
  }

  Result<Condition> all(std::size_t depth) {
    REPRIEVE_TRY(Condition first, one(depth));
    if (!take_keyword("and")) return first;
    REPRIEVE_TRY(Condition out, node(Kind::kAll));
    out.parts.push_back(std::move(first));
    do {
      REPRIEVE_TRY(Condition next, one(depth));
      out.parts.push_back(std::move(next));
    } while (take_keyword("and"));
    return out;
  }

  Result<Condition> one(std::size_t depth) {
    if (depth > kNestingMax) return refuse("condition: nested too deep");
    if (take_keyword("not")) {
      REPRIEVE_TRY(Condition out, node(Kind::kNot));
      REPRIEVE_TRY(Condition inner, one(depth + 1));
      out.parts.push_back(std::move(inner));
      return out;
    }
    if (take("(")) {
      REPRIEVE_TRY(Condition inner, any(depth + 1));
      if (!take(")")) return refuse("condition: a ( is never closed");
      return inner;
    }
    REPRIEVE_TRY(Condition out, node(Kind::kIsTrue));
    REPRIEVE_TRY(out.left, value());
    for (const OperatorRow& row : kOperators) {
      if (!take(row.text)) continue;
      out.kind = row.kind;
      REPRIEVE_TRY(out.right, value());
      return out;
    }
    return out;
  }

  Result<Template> value() {
    skip_space();
    const std::size_t start = offset_;
    if (start >= text_.size()) return refuse("condition: it ends where a value should be");
    if (text_[start] == '\'') return quoted();
    if (text_[start] == '{') {
      const std::size_t end = text_.find('}', start);
      if (end == text_.npos) return refuse("condition: a { is never closed");
      offset_ = end + 1;
      Position at = at_;
      at.column += static_cast<std::uint32_t>(start);
      return parse_template(text_.substr(start, offset_ - start), at);
    }
    while (offset_ < text_.size() && is_word_character(text_[offset_]))
      ++offset_;
    if (offset_ == start)
      return refuse(fmt::format("condition: \"{}\" is no value", text_.substr(start)));
    const std::string word{text_.substr(start, offset_ - start)};
    if (word == "and" || word == "or" || word == "not")
      return refuse(fmt::format("condition: a value is missing before \"{}\"", word));
    return Template{{word}, at_};
  }

  Result<Template> quoted() {
    std::string out;
    for (++offset_; offset_ < text_.size(); ++offset_) {
      if (text_[offset_] != '\'') {
        out += text_[offset_];
      } else if (offset_ + 1 < text_.size() && text_[offset_ + 1] == '\'') {
        out += text_[offset_++];
      } else {
        ++offset_;
        return Template{{std::move(out)}, at_};
      }
    }
    return refuse("condition: a quote is never closed");
  }

  std::string_view text_;
  Position at_;
  std::size_t offset_ = 0;
  std::size_t count_ = 0;
};

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

/// Nothing if the two have no common order.
std::optional<std::partial_ordering> by_magnitude(std::string_view left, std::string_view right) {
  const auto left_number = parse_number(left);
  const auto right_number = parse_number(right);
  if (left_number && right_number) return *left_number <=> *right_number;
  const auto left_duration = parse_duration(left);
  const auto right_duration = parse_duration(right);
  if (left_duration && right_duration) return left_duration->count() <=> right_duration->count();
  const auto left_size = parse_size(left);
  const auto right_size = parse_size(right);
  if (left_size && right_size) return left_size->value <=> right_size->value;
  const auto left_time = parse_rfc3339(left);
  const auto right_time = parse_rfc3339(right);
  if (left_time && right_time) return left_time->nanoseconds <=> right_time->nanoseconds;
  return std::nullopt;
}

Result<bool> compare(Kind kind, const std::string& left, const std::string& right) {
  const auto order = by_magnitude(left, right);
  if (kind == Kind::kEqual) return order ? std::is_eq(*order) : left == right;
  if (kind == Kind::kNotEqual) return order ? std::is_neq(*order) : left != right;
  if (!order)
    return Error{ErrorKind::kInvalid,
                 fmt::format("\"{}\" and \"{}\" cannot be put in order", left, right),
                 "Compare two numbers, two durations, two sizes or two times."};
  if (kind == Kind::kLess) return std::is_lt(*order);
  if (kind == Kind::kAtMost) return std::is_lteq(*order);
  if (kind == Kind::kGreater) return std::is_gt(*order);
  return std::is_gteq(*order);
}

std::string value_text(const Template& value) {
  const auto literal = value.literal();
  if (!literal) return value.text();
  std::string out = "'";
  for (const char c : *literal) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

std::string joined(const std::vector<Condition>& parts, std::string_view word) {
  std::string out = "(";
  for (const Condition& part : parts)
    out += (out.size() > 1 ? fmt::format(" {} ", word) : "") + part.text();
  return out + ")";
}

}  // namespace

std::vector<Reference> Condition::references() const {
  std::vector<Reference> found = left.references();
  for (Reference& reference : right.references())
    found.push_back(std::move(reference));
  for (const Condition& part : parts)
    for (Reference& reference : part.references())
      found.push_back(std::move(reference));
  return found;
}

std::string Condition::text() const {
  if (kind == Kind::kAny) return joined(parts, "or");
  if (kind == Kind::kAll) return joined(parts, "and");
  if (kind == Kind::kNot) return "not " + parts[0].text();
  for (const OperatorRow& row : kOperators)
    if (row.kind == kind)
      return value_text(left) + " " + std::string{row.text} + " " + value_text(right);
  return value_text(left);
}

Result<Condition> parse_condition(std::string_view text, Position at) {
  return Parser{text, at}.parse();
}

Result<bool> evaluate(const Condition& condition, const Lookup& lookup) {
  switch (condition.kind) {
    case Kind::kAny:
    case Kind::kAll: {
      const bool decisive = condition.kind == Kind::kAny;
      for (const Condition& part : condition.parts) {
        REPRIEVE_TRY(const bool holds, evaluate(part, lookup));
        if (holds == decisive) return decisive;
      }
      return !decisive;
    }
    case Kind::kNot: {
      REPRIEVE_TRY(const bool holds, evaluate(condition.parts[0], lookup));
      return !holds;
    }
    default:
      break;
  }
  REPRIEVE_TRY(const std::string left, render(condition.left, lookup));
  if (condition.kind == Kind::kIsTrue) return left == "true";
  REPRIEVE_TRY(const std::string right, render(condition.right, lookup));
  return compare(condition.kind, left, right);
}

}  // namespace reprieve::plan
