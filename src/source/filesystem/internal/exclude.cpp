#include "source/filesystem/internal/exclude.hpp"

#include "tree/glob.hpp"

namespace reprieve::filesystem {

Result<ExcludeRules> ExcludeRules::parse(const std::vector<std::string>& patterns) {
  ExcludeRules rules;
  for (const std::string& pattern : patterns) {
    Rule rule;
    std::string_view text = pattern;
    if (text.ends_with('/')) {
      rule.is_for_directories = true;
      text.remove_suffix(1);
    }
    rule.is_anchored = text.find('/') != std::string_view::npos;
    if (text.starts_with('/')) text.remove_prefix(1);
    if (text.empty() || text.starts_with('!'))
      return Error{ErrorKind::kInvalid, "exclude pattern '" + pattern + "' is not supported",
                   "Write a name such as '*.tmp' or a path from the source's root such as "
                   "'/var/cache'; a literal '!' at the start is written '\\!'."};
    if (!is_valid_glob(text))
      return Error{ErrorKind::kInvalid, "exclude pattern '" + pattern + "' has a '[' without ']'",
                   "Close the bracket, or write '\\[' for the character itself."};
    rule.pattern = text;
    rules.needs_path_ = rules.needs_path_ || rule.is_anchored;
    rules.rules_.push_back(std::move(rule));
  }
  return rules;
}

bool ExcludeRules::matches(std::string_view path, std::string_view name, bool is_directory) const {
  for (const Rule& rule : rules_) {
    if (rule.is_for_directories && !is_directory) continue;
    if (matches_glob(rule.pattern, rule.is_anchored ? path : name)) return true;
  }
  return false;
}

}  // namespace reprieve::filesystem
