#include "plan/internal/reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/format.hpp"
#include "plan/nearest.hpp"
#include "plan/units.hpp"

namespace reprieve::plan {
namespace {

constexpr std::size_t kQuotedMax = 40;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// `text` in quotes, cut, and without characters that would upset a terminal.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kQuotedMax))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  // A cut inside a character of several bytes would leave half of it.
  if (text.size() > kQuotedMax)
    while (out.size() > 1 && (static_cast<unsigned char>(out.back()) & 0x80U) != 0)
      out.pop_back();
  return out + (text.size() > kQuotedMax ? "...\"" : "\"");
}

std::string described(const Node& node) {
  if (node.kind == Node::Kind::kList) return "a list";
  if (node.kind == Node::Kind::kMapping) return "a mapping";
  const Scalar scalar = core_scalar(node);
  if (std::holds_alternative<std::monostate>(scalar)) return "nothing";
  if (std::holds_alternative<bool>(scalar)) return node.text;
  if (std::holds_alternative<std::string>(scalar)) return quoted(node.text);
  return "the number " + node.text;
}

template <class T>
std::optional<T> parse_digits(std::string_view text, int base) {
  T number{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number, base);
  if (text.empty() || error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

std::optional<std::int64_t> core_integer(std::string_view text) {
  if (text.starts_with("0x")) return parse_digits<std::int64_t>(text.substr(2), 16);
  if (text.starts_with("0o")) return parse_digits<std::int64_t>(text.substr(2), 8);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  return parse_digits<std::int64_t>(text, 10);
}

std::optional<double> core_float(std::string_view text) {
  // from_chars also takes "inf" and "nan", which the core schema spells otherwise and a plan
  // never needs.
  std::string_view digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || !(is_digit(digits[0]) || digits[0] == '.')) return std::nullopt;
  if (digits.find_first_of("0123456789") == digits.npos) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  return std::ranges::find(choices, text) != choices.end();
}

}  // namespace

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kNameLengthMax) return false;
  const auto is_alphanumeric = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  if (!is_alphanumeric(text[0])) return false;
  return std::ranges::all_of(text,
                             [&](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; });
}

Scalar core_scalar(const Node& node) {
  const std::string& text = node.text;
  if (!node.is_plain) return text;
  if (is_any_of(text, {"", "~", "null", "Null", "NULL"})) return std::monostate{};
  if (is_any_of(text, {"true", "True", "TRUE"})) return true;
  if (is_any_of(text, {"false", "False", "FALSE"})) return false;
  if (const auto number = core_integer(text)) return *number;
  if (const auto number = core_float(text)) return *number;
  return text;
}

void Value::fail(std::string_view what, std::string hint) const {
  problems_->add(at(), path_.empty() ? std::string{what} : fmt::format("{}: {}", path_, what),
                 std::move(hint));
}

void Value::expected(std::string_view wanted, std::string hint) const {
  if (problems_->is_full()) return;
  fail(fmt::format("expected {}, found {}", wanted, described(*node_)), std::move(hint));
}

void Value::not_one_of(const std::vector<std::string_view>& known) const {
  if (problems_->is_full()) return;
  std::string wanted = "one of ";
  for (const std::string_view choice : known)
    wanted += (choice == known.front() ? "" : ", ") + std::string{choice};
  const auto close = is_scalar() ? nearest(node_->text, known) : std::nullopt;
  expected(wanted, close ? fmt::format("Did you mean \"{}\"?", *close) : "");
}

std::optional<std::string> Value::text(std::string_view wanted) const {
  if (!is_scalar()) {
    expected(wanted);
    return std::nullopt;
  }
  const Scalar scalar = core_scalar(*node_);
  if (std::holds_alternative<std::string>(scalar)) {
    if (!node_->text.empty()) return node_->text;
    expected(wanted, "Write something between the quotes, or remove the key.");
    return std::nullopt;
  }
  const bool is_null = std::holds_alternative<std::monostate>(scalar);
  expected(wanted, is_null ? "Give it a value, or remove the key."
                           : fmt::format("Write it in quotes if it is text: \"{}\".", node_->text));
  return std::nullopt;
}

std::optional<Name> Value::name(std::string_view wanted) const {
  if (!is_scalar() || !is_name(node_->text)) {
    expected(wanted);
    return std::nullopt;
  }
  return Name{node_->text, at()};
}

std::optional<bool> Value::boolean() const {
  if (is_scalar()) {
    const Scalar scalar = core_scalar(*node_);
    if (const auto* flag = std::get_if<bool>(&scalar)) return *flag;
  }
  expected("true or false");
  return std::nullopt;
}

std::optional<std::int64_t> Value::integer(std::int64_t least, std::int64_t most) const {
  if (is_scalar()) {
    const Scalar scalar = core_scalar(*node_);
    const auto* number = std::get_if<std::int64_t>(&scalar);
    if (number != nullptr && *number >= least && *number <= most) return *number;
  }
  expected(fmt::format("a whole number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<Duration> Value::duration() const {
  if (is_scalar())
    if (const auto duration = parse_duration(node_->text)) return duration;
  expected("a duration", "Write a number and a unit: 500ms, 30s, 5m, 4h, 1d, 2w or 1h30m.");
  return std::nullopt;
}

std::optional<Duration> Value::duration_above_zero() const {
  const auto duration = this->duration();
  if (!duration || duration->count() > 0) return duration;
  expected("a duration above zero");
  return std::nullopt;
}

std::optional<ByteCount> Value::size() const {
  if (is_scalar())
    if (const auto size = parse_size(node_->text)) return size;
  expected("a size", "Write a number and a unit: 500B, 10KiB, 10MiB, 2GiB or 1TB.");
  return std::nullopt;
}

std::optional<Scalar> Value::scalar() const {
  if (is_scalar()) return core_scalar(*node_);
  expected("text, a number, true, false or null");
  return std::nullopt;
}

Position Value::text_start() const {
  Position start = at();
  if (!node_->is_plain) ++start.column;  // The quote.
  return start;
}

std::optional<Template> Value::template_text(std::string_view wanted) const {
  const auto plain = text(wanted);
  if (!plain) return std::nullopt;
  auto parsed = parse_template(*plain, text_start());
  if (!parsed) {
    fail(parsed.error().what, parsed.error().hint);
    return std::nullopt;
  }
  // In text over several lines, the place of a reference cannot be computed from its offset.
  if (!node_->is_one_line)
    for (auto& part : parsed->parts)
      if (auto* reference = std::get_if<Reference>(&part)) reference->at = at();
  return *std::move(parsed);
}

std::optional<Condition> Value::condition() const {
  if (!is_scalar()) {
    expected("a condition", "Write it in quotes: \"{params.mode} == full\".");
    return std::nullopt;
  }
  auto parsed = parse_condition(node_->text, text_start());
  if (parsed) return *std::move(parsed);
  fail(parsed.error().what, parsed.error().hint);
  return std::nullopt;
}

std::vector<Value> Value::list(std::string_view wanted) const {
  std::vector<Value> values;
  if (!is_list()) {
    expected(wanted);
    return values;
  }
  if (node_->items.size() > kListLengthMax) {
    fail(fmt::format("more than {} entries", kListLengthMax), "Shorten the list.");
    return values;
  }
  for (const Node& item : node_->items)
    values.emplace_back(item, fmt::format("{}[{}]", path_, values.size()), *problems_);
  return values;
}

std::vector<Name> Value::names(std::string_view wanted) const {
  std::vector<Name> names;
  std::set<std::string> seen;
  for (const Value& item : list(wanted)) {
    auto name = item.name("a name");
    if (!name) continue;
    if (!seen.insert(name->text).second)
      item.fail(fmt::format("{} is there twice", quoted(name->text)), "Remove one of them.");
    else
      names.push_back(*std::move(name));
  }
  return names;
}

std::vector<std::string> Value::texts(std::string_view wanted) const {
  std::vector<std::string> out;
  for (const Value& item : list(wanted))
    if (auto text = item.text()) out.push_back(*std::move(text));
  return out;
}

std::vector<std::string> Value::argv() const {
  const auto is_command = is_list() && !node_->items.empty();
  if (is_command) return texts("");
  expected("a command as a list of at least one text",
           "Write [program, argument, ...]; nothing is ever handed to a shell.");
  return {};
}

std::vector<Template> Value::argv_templates() const {
  std::vector<Template> out;
  if (!is_list() || node_->items.empty()) {
    expected("a command as a list of at least one text",
             "Write [program, argument, ...]; nothing is ever handed to a shell.");
    return out;
  }
  for (const Value& item : list(""))
    if (auto text = item.template_text("text")) out.push_back(*std::move(text));
  return out;
}

Fields::Fields(Value value, std::string_view wanted) : value_{std::move(value)} {
  if (!value_.is_mapping()) value_.expected(wanted);
}

std::optional<Value> Fields::find(std::string_view key) {
  know(key);
  for (const MappingEntry& entry : value_.node().entries) {
    if (entry.key != key) continue;
    std::string path = value_.path();
    path += path.empty() ? "" : ".";
    path += key;
    return Value{entry.value, std::move(path), value_.problems()};
  }
  return std::nullopt;
}

std::optional<Value> Fields::require(std::string_view key, std::string remedy) {
  auto value = find(key);
  if (!value && is_mapping()) value_.fail(fmt::format("`{}` is missing", key), std::move(remedy));
  return value;
}

void Fields::text(std::string_view key, std::string& out) {
  if (const auto value = find(key))
    if (auto text = value->text()) out = *std::move(text);
}

void Fields::texts(std::string_view key, std::vector<std::string>& out) {
  if (const auto value = find(key)) out = value->texts("a list of texts");
}

void Fields::boolean(std::string_view key, bool& out) {
  if (const auto value = find(key))
    if (const auto flag = value->boolean()) out = *flag;
}

void Fields::duration(std::string_view key, Duration& out) {
  if (const auto value = find(key))
    if (const auto duration = value->duration()) out = *duration;
}

void Fields::duration(std::string_view key, std::optional<Duration>& out) {
  if (const auto value = find(key))
    if (const auto duration = value->duration()) out = duration;
}

void Fields::names(std::string_view key, std::string_view wanted, std::vector<Name>& out) {
  if (const auto value = find(key)) out = value->names(wanted);
}

void Fields::finish(std::span<const std::string_view> later) {
  for (const MappingEntry& entry : value_.node().entries) {
    if (std::ranges::find(known_, entry.key) != known_.end()) continue;
    if (value_.problems().is_full()) return;
    const std::string place = value_.path().empty() ? "" : value_.path() + ": ";
    const bool is_later = std::ranges::find(later, entry.key) != later.end();
    value_.problems().add(
        entry.key_at, fmt::format("{}unknown key {}", place, quoted(entry.key)),
        is_later ? "This version does not know it yet: remove it." : suggestion(entry.key, known_));
  }
}

std::vector<std::pair<Name, Value>> entries_of(const Value& section, std::string_view wanted) {
  std::vector<std::pair<Name, Value>> entries;
  if (!section.is_mapping()) {
    section.expected(wanted);
    return entries;
  }
  if (section.node().entries.size() > kSectionEntriesMax) {
    section.fail(fmt::format("more than {} entries", kSectionEntriesMax), "Split the plan.");
    return entries;
  }
  for (const MappingEntry& entry : section.node().entries) {
    if (!is_name(entry.key)) {
      section.problems().add(
          entry.key_at, fmt::format("{}: {} is no name", section.path(), quoted(entry.key)),
          fmt::format("Use letters, digits, _ and -, at most {}, beginning with a letter or digit.",
                      kNameLengthMax));
      continue;
    }
    entries.emplace_back(Name{entry.key, entry.key_at},
                         Value{entry.value, section.path() + "." + entry.key, section.problems()});
  }
  return entries;
}

}  // namespace reprieve::plan
