#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace reprieve::filesystem {

/// Which names a capture leaves out. Patterns as in .gitignore, without negation:
///   without '/'    matches a name at any depth: "*.tmp", "node_modules"
///   with '/'       matches the path from the source's root: "var/cache", "/build", "a/**/b"
///   ending in '/'  matches directories only: "tmp/"
/// The rest is as in tree/glob.hpp.
class ExcludeRules {
 public:
  /// Errors: kInvalid, naming the pattern.
  static Result<ExcludeRules> parse(const std::vector<std::string>& patterns);

  /// `path` is relative to the source's root and ends in `name`.
  [[nodiscard]] bool matches(std::string_view path, std::string_view name, bool is_directory) const;
  /// Whether only names matter, so that callers need not build paths.
  [[nodiscard]] bool needs_path() const { return needs_path_; }
  [[nodiscard]] bool is_empty() const { return rules_.empty(); }

 private:
  struct Rule {
    std::string pattern;
    bool is_anchored = false;
    bool is_for_directories = false;
  };
  std::vector<Rule> rules_;
  bool needs_path_ = false;
};

}  // namespace reprieve::filesystem
