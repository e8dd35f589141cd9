#include "tree/glob.hpp"

#include <cstdint>
#include <optional>

namespace reprieve {
namespace {

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

/// Length of the bracket expression at the front of `pattern`, or 0 if it is not closed.
std::size_t bracket_length(std::string_view pattern) {
  std::size_t at = 1;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
  // A ']' that comes first is a member.
  for (std::size_t first = at; at < pattern.size(); ++at) {
    if (pattern[at] == ']' && at > first) return at + 1;
    if (pattern[at] == '\\') ++at;
  }
  return 0;
}

bool is_in_bracket(std::string_view bracket, unsigned byte) {
  std::string_view members = bracket.substr(1, bracket.size() - 2);
  const bool is_negated = members.starts_with('!') || members.starts_with('^');
  if (is_negated) members.remove_prefix(1);
  bool is_member = false;
  const auto take = [&] {
    if (members.size() > 1 && members[0] == '\\') members.remove_prefix(1);
    const unsigned value = byte_at(members, 0);
    members.remove_prefix(1);
    return value;
  };
  while (!members.empty()) {
    const unsigned low = take();
    unsigned high = low;
    if (members.size() > 1 && members[0] == '-') {
      members.remove_prefix(1);
      high = take();
    }
    if (low <= byte && byte <= high) is_member = true;
  }
  return is_member != is_negated;
}

/// Matches one byte of text with what stands at the front of `pattern` and is no star. Returns how
/// much of the pattern that took, 0 if it does not match.
std::size_t match_one(std::string_view pattern, char c) {
  const char front = pattern[0];
  if (front == '?') return c != '/' ? 1 : 0;
  if (front == '[') {
    const std::size_t length = bracket_length(pattern);
    if (length != 0)
      return c != '/' && is_in_bracket(pattern.substr(0, length), static_cast<std::uint8_t>(c))
                 ? length
                 : 0;
  }
  if (front == '\\' && pattern.size() > 1) return pattern[1] == c ? 2 : 0;
  return front == c ? 1 : 0;
}

/// Where to go on when the text after a star does not match: one byte further.
struct Retry {
  std::size_t pattern = 0;
  std::size_t text = 0;
};

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
  // Two levels of retry are enough: a later star of a kind makes earlier ones of that kind
  // needless, and a `**` may give up all that single stars tried since.
  std::optional<Retry> star;
  std::optional<Retry> double_star;
  std::size_t p = 0;
  std::size_t t = 0;
  for (;;) {
    const std::string_view rest = pattern.substr(p);
    if (rest.starts_with("**/") && (p == 0 || pattern[p - 1] == '/')) {
      double_star = Retry{p + 3, t};
      star.reset();
      p += 3;
      continue;
    }
    if (rest == "**" && (p == 0 || pattern[p - 1] == '/')) return t < text.size();
    if (rest.starts_with('*')) {
      star = Retry{p + 1, t};
      ++p;
      continue;
    }
    if (t == text.size() && rest.empty()) return true;
    if (t < text.size() && !rest.empty()) {
      if (const std::size_t taken = match_one(rest, text[t]); taken != 0) {
        p += taken;
        ++t;
        continue;
      }
    }
    if (star && star->text < text.size() && text[star->text] != '/') {
      t = ++star->text;
      p = star->pattern;
      continue;
    }
    if (!double_star) return false;
    // Skip one more whole directory.
    const std::size_t slash = text.find('/', double_star->text);
    if (slash == std::string_view::npos) return false;
    t = double_star->text = slash + 1;
    p = double_star->pattern;
    star.reset();
  }
}

bool is_valid_glob(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '\\')
      ++at;
    else if (pattern[at] == '[' && bracket_length(pattern.substr(at)) == 0)
      return false;
  }
  return true;
}

}  // namespace reprieve
