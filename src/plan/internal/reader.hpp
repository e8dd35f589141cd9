#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "plan/internal/problems.hpp"
#include "plan/internal/yaml.hpp"
#include "plan/model.hpp"

/// Typed access to the nodes of a plan. What has the wrong type becomes a problem that names the
/// place, what was expected and what was found; the caller gets nothing and goes on, so that one
/// pass finds as many problems as there are.
namespace reprieve::plan {

inline constexpr std::size_t kNameLengthMax = 64;
inline constexpr std::size_t kListLengthMax = 4096;
inline constexpr std::size_t kSectionEntriesMax = 1000;

/// Letters, digits, `_` and `-`; begins with a letter or a digit; at most kNameLengthMax.
bool is_name(std::string_view text);

/// What a scalar means under YAML 1.2's core schema: only true/false, null and numbers in its own
/// spelling are more than text.
Scalar core_scalar(const Node& node);

/// One value and the path that led to it. Refers to the node tree and the problems, which outlive
/// it.
class Value {
 public:
  Value(const Node& node, std::string path, Problems& problems)
      : node_{&node}, path_{std::move(path)}, problems_{&problems} {}

  [[nodiscard]] const Node& node() const { return *node_; }
  [[nodiscard]] Position at() const { return node_->at; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Problems& problems() const { return *problems_; }
  [[nodiscard]] bool is_scalar() const { return node_->kind == Node::Kind::kScalar; }
  [[nodiscard]] bool is_list() const { return node_->kind == Node::Kind::kList; }
  [[nodiscard]] bool is_mapping() const { return node_->kind == Node::Kind::kMapping; }

  /// Adds the problem "PATH: what".
  void fail(std::string_view what, std::string hint = {}) const;
  /// Adds the problem "PATH: expected WANTED, found ...".
  void expected(std::string_view wanted, std::string hint = {}) const;

  /// Not empty. A number, true, false or null without quotes is no text.
  [[nodiscard]] std::optional<std::string> text(std::string_view wanted = "text") const;
  [[nodiscard]] std::optional<Name> name(std::string_view wanted) const;
  [[nodiscard]] std::optional<bool> boolean() const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::int64_t least, std::int64_t most) const;
  template <std::integral T>
  [[nodiscard]] std::optional<T> integer_as(std::int64_t least, std::int64_t most) const {
    const auto number = integer(least, most);
    if (!number) return std::nullopt;
    return static_cast<T>(*number);
  }
  [[nodiscard]] std::optional<Duration> duration() const;
  [[nodiscard]] std::optional<Duration> duration_above_zero() const;
  [[nodiscard]] std::optional<ByteCount> size() const;
  [[nodiscard]] std::optional<Scalar> scalar() const;
  /// Text with `{name.field}` in it.
  [[nodiscard]] std::optional<Template> template_text(std::string_view wanted) const;
  [[nodiscard]] std::optional<Condition> condition() const;

  /// The items of a list.
  [[nodiscard]] std::vector<Value> list(std::string_view wanted) const;
  [[nodiscard]] std::vector<Name> names(std::string_view wanted) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view wanted) const;
  /// A command: a list of at least one text.
  [[nodiscard]] std::vector<std::string> argv() const;
  [[nodiscard]] std::vector<Template> argv_templates() const;

  /// The enumerator that the text names.
  template <class E>
  [[nodiscard]] std::optional<E> one_of(
      std::span<const std::pair<std::string_view, E>> choices) const {
    std::vector<std::string_view> known;
    for (const auto& [choice, value] : choices) {
      if (is_scalar() && node_->text == choice) return value;
      known.push_back(choice);
    }
    not_one_of(known);
    return std::nullopt;
  }

 private:
  void not_one_of(const std::vector<std::string_view>& known) const;
  [[nodiscard]] Position text_start() const;

  const Node* node_;
  std::string path_;
  Problems* problems_;
};

/// The fields of a mapping. Every key that is asked for is a known one; finish() then reports all
/// others, with the nearest known one.
class Fields {
 public:
  /// Adds a problem if `value` is no mapping; then there are no fields.
  Fields(Value value, std::string_view wanted);

  [[nodiscard]] bool is_mapping() const { return value_.is_mapping(); }
  [[nodiscard]] const Value& value() const { return value_; }

  [[nodiscard]] std::optional<Value> find(std::string_view key);
  /// Adds a problem if the key is missing; `remedy` says what to write.
  [[nodiscard]] std::optional<Value> require(std::string_view key, std::string remedy);
  /// A key that may be given, and is read elsewhere.
  void know(std::string_view key) { known_.push_back(key); }

  /// What these read replaces `out` only if the key is there and right.
  void text(std::string_view key, std::string& out);
  void texts(std::string_view key, std::vector<std::string>& out);
  void boolean(std::string_view key, bool& out);
  void duration(std::string_view key, Duration& out);
  void duration(std::string_view key, std::optional<Duration>& out);
  void names(std::string_view key, std::string_view wanted, std::vector<Name>& out);
  template <class E>
  void one_of(std::string_view key, std::span<const std::pair<std::string_view, E>> choices,
              E& out) {
    if (const auto value = find(key))
      if (const auto chosen = value->one_of(choices)) out = *chosen;
  }

  /// `later` are keys of later versions of the language, which get a hint of their own.
  void finish(std::span<const std::string_view> later = {});

 private:
  Value value_;
  std::vector<std::string_view> known_;
};

/// The entries of a section: name and value. Reports names that are none.
std::vector<std::pair<Name, Value>> entries_of(const Value& section, std::string_view wanted);

}  // namespace reprieve::plan
