#include "plan/expression.hpp"

#include <utility>

#include "base/format.hpp"

namespace reprieve::plan {
namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

Error refuse(std::string what) {
  return {ErrorKind::kInvalid, std::move(what),
          "Write {name.field} to substitute a value, {{ and }} for braces that stay."};
}

/// "a.b" into a reference; the braces are gone already.
Result<Reference> parse_reference(std::string_view inner, Position at) {
  const std::size_t dot = inner.find('.');
  const std::string_view name = inner.substr(0, dot);
  const std::string_view field = dot == inner.npos ? "" : inner.substr(dot + 1);
  for (const std::string_view part : {name, field}) {
    bool is_name = !part.empty();
    for (const char c : part)
      is_name = is_name && is_name_character(c);
    if (!is_name) return refuse(fmt::format("{{{}}} is no {{name.field}}", inner));
  }
  Reference reference{Reference::Root::kStep, std::string{name}, std::string{field}, at};
  if (name == "params") reference.root = Reference::Root::kParam;
  if (name == "run") reference.root = Reference::Root::kRun;
  if (reference.root != Reference::Root::kStep) reference.step.clear();
  return reference;
}

/// Collects literal text and references.
class TemplateBuilder {
 public:
  explicit TemplateBuilder(Position at) { out_.at = at; }
  void literal(char c) { literal_ += c; }
  void reference(Reference reference) {
    flush();
    out_.parts.emplace_back(std::move(reference));
  }
  Template take() && {
    flush();
    return std::move(out_);
  }

 private:
  void flush() {
    if (!literal_.empty()) out_.parts.emplace_back(std::exchange(literal_, {}));
  }
  Template out_;
  std::string literal_;
};

/// Where byte `offset` of `text` lies, if `text` starts at `at`; continuation bytes are no columns.
Position advance(Position at, std::string_view text, std::size_t offset) {
  for (std::size_t i = 0; i < offset; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) ++at.column;
  return at;
}

}  // namespace

std::string Reference::text() const {
  switch (root) {
    case Root::kParam:
      return "params." + field;
    case Root::kRun:
      return "run." + field;
    case Root::kStep:
      break;
  }
  return step + "." + field;
}

std::optional<std::string> Template::literal() const {
  if (parts.empty()) return "";
  if (parts.size() > 1) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&parts[0])) return *text;
  return std::nullopt;
}

std::vector<Reference> Template::references() const {
  std::vector<Reference> found;
  for (const auto& part : parts)
    if (const auto* reference = std::get_if<Reference>(&part)) found.push_back(*reference);
  return found;
}

std::string Template::text() const {
  std::string out;
  for (const auto& part : parts) {
    if (const auto* reference = std::get_if<Reference>(&part)) {
      out += "{" + reference->text() + "}";
      continue;
    }
    for (const char c : *std::get_if<std::string>(&part)) {
      if (c == '{' || c == '}') out += c;
      out += c;
    }
  }
  return out;
}

Result<Template> parse_template(std::string_view text, Position at) {
  TemplateBuilder builder{at};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_doubled = i + 1 < text.size() && text[i + 1] == c;
    if (c != '{' && c != '}') {
      builder.literal(c);
    } else if (is_doubled) {
      builder.literal(c);
      ++i;
    } else if (c == '}') {
      return refuse("a } stands alone");
    } else {
      const std::size_t end = text.find('}', i);
      if (end == text.npos) return refuse("a { is never closed");
      const std::string_view inner = text.substr(i + 1, end - i - 1);
      REPRIEVE_TRY(Reference reference, parse_reference(inner, advance(at, text, i)));
      builder.reference(std::move(reference));
      i = end;
    }
  }
  return std::move(builder).take();
}

Result<std::string> render(const Template& text, const Lookup& lookup) {
  std::string out;
  for (const auto& part : text.parts) {
    if (const auto* literal = std::get_if<std::string>(&part)) {
      out += *literal;
      continue;
    }
    REPRIEVE_TRY(const std::string value, lookup(*std::get_if<Reference>(&part)));
    out += value;
  }
  return out;
}

}  // namespace reprieve::plan
