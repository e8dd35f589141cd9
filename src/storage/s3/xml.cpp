#include "storage/s3/xml.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace reprieve::s3 {
namespace {

constexpr std::size_t kLevelsMax = 16;
constexpr std::size_t kElementsMax = 100'000;
constexpr std::size_t kNameBytesMax = 256;
constexpr std::string_view kBlank = " \t\r\n";

void append_utf8(std::string& out, std::uint32_t code) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0U | code >> 6U);
  } else if (code < 0x10000) {
    add(0xE0U | code >> 12U);
    add(0x80U | (code >> 6U & 0x3FU));
  } else {
    add(0xF0U | code >> 18U);
    add(0x80U | (code >> 12U & 0x3FU));
    add(0x80U | (code >> 6U & 0x3FU));
  }
  add(0x80U | (code & 0x3FU));
}

/// Appends what "&NAME;" stands for.
bool append_entity(std::string& out, std::string_view name) {
  constexpr std::pair<std::string_view, char> kNamed[] = {
      {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [known, character] : kNamed) {
    if (name != known) continue;
    out += character;
    return true;
  }
  if (!name.starts_with('#')) return false;
  name.remove_prefix(1);
  const int base = name.starts_with('x') ? 16 : 10;
  if (base == 16) name.remove_prefix(1);
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code, base);
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (error != std::errc{} || end != name.data() + name.size() || code == 0 || code > 0x10FFFF ||
      is_surrogate)
    return false;
  append_utf8(out, code);
  return true;
}

/// Appends character data with its entities resolved.
bool append_text(std::string& out, std::string_view raw) {
  while (!raw.empty()) {
    const std::size_t ampersand = raw.find('&');
    out += raw.substr(0, ampersand);
    if (ampersand == std::string_view::npos) return true;
    const std::size_t semicolon = raw.find(';', ampersand);
    if (semicolon == std::string_view::npos || semicolon - ampersand > 10) return false;
    if (!append_entity(out, raw.substr(ampersand + 1, semicolon - ampersand - 1))) return false;
    raw.remove_prefix(semicolon + 1);
  }
  return true;
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
  });
}

/// Where the '>' of a tag is, past any that stand in the quotes of attributes.
std::size_t tag_end(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return i;
    } else if (c == '<') {
      return std::string_view::npos;
    }
  }
  return std::string_view::npos;
}

class Parser {
 public:
  explicit Parser(ByteView document) : rest_{as_text(document)} {}

  Result<XmlElement> run() {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
    if (rest_.starts_with("<?xml ") && !skip_past("?>")) return bad("its declaration has no end");
    while (!rest_.empty()) {
      REPRIEVE_RETURN_IF_ERROR(take_text());
      if (!rest_.empty()) REPRIEVE_RETURN_IF_ERROR(take_markup());
    }
    if (!is_complete_) return bad("it ends too early");
    return std::move(root_);
  }

 private:
  static Error bad(std::string_view why) {
    return {ErrorKind::kCorrupt, "no well-formed XML: " + std::string{why}};
  }

  bool skip_past(std::string_view end) {
    const std::size_t at = rest_.find(end);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + end.size());
    return true;
  }

  Result<> take_text() {
    const std::string_view raw = rest_.substr(0, rest_.find('<'));
    rest_.remove_prefix(raw.size());
    if (open_.empty()) {
      if (raw.find_first_not_of(kBlank) != std::string_view::npos)
        return bad("text outside of the document's element");
      return kOk;
    }
    if (!append_text(open_.back().text, raw)) return bad("an unknown entity");
    return kOk;
  }

  Result<> take_markup() {
    if (rest_.starts_with("<!--")) {
      rest_.remove_prefix(4);
      if (!skip_past("-->")) return bad("a comment without an end");
      return kOk;
    }
    if (rest_.starts_with("<!") || rest_.starts_with("<?"))
      return bad("a kind of markup not taken");
    rest_.remove_prefix(1);
    const std::size_t end = tag_end(rest_);
    if (end == std::string_view::npos) return bad("a tag without an end");
    const std::string_view tag = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return tag.starts_with('/') ? close(tag.substr(1)) : open(tag);
  }

  Result<> open(std::string_view tag) {
    const bool is_empty = tag.ends_with('/');
    if (is_empty) tag.remove_suffix(1);
    const std::string_view name = tag.substr(0, tag.find_first_of(kBlank));
    if (!is_name(name)) return bad("a tag without a name");
    if (is_complete_) return bad("more than one element");
    if (open_.size() == kLevelsMax || ++element_count_ > kElementsMax)
      return bad("too many elements");
    open_.push_back({std::string{name}, {}, {}});
    return is_empty ? close(name) : Result<>{kOk};
  }

  Result<> close(std::string_view name) {
    name = name.substr(0, name.find_first_of(kBlank));
    if (open_.empty() || open_.back().name != name) return bad("tags that do not match");
    XmlElement element = std::move(open_.back());
    open_.pop_back();
    if (open_.empty()) {
      root_ = std::move(element);
      is_complete_ = true;
    } else {
      open_.back().children.push_back(std::move(element));
    }
    return kOk;
  }

  std::string_view rest_;
  std::vector<XmlElement> open_;  // From the document's element inwards.
  XmlElement root_;
  bool is_complete_ = false;
  std::size_t element_count_ = 0;
};

}  // namespace

const XmlElement* XmlElement::find(std::string_view child) const {
  const auto at = std::ranges::find(children, child, &XmlElement::name);
  return at == children.end() ? nullptr : &*at;
}

std::string_view XmlElement::text_of(std::string_view child) const {
  const XmlElement* element = find(child);
  return element == nullptr ? std::string_view{} : std::string_view{element->text};
}

Result<XmlElement> parse_xml(ByteView document) {
  return Parser{document}.run();
}

}  // namespace reprieve::s3
