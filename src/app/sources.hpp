#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/workspace.hpp"
#include "base/result.hpp"
#include "source/source.hpp"

namespace reprieve::app {

/// A source as the user named it, resolved: from the plan, or on the spot from a path or a URL.
struct NamedSource {
  std::string name;  ///< In the plan; else the absolute path, or the URL without its password.
  std::variant<plan::FilesSource, plan::PostgresSource> kind;

  [[nodiscard]] bool is_postgres() const { return kind.index() == 1; }
  [[nodiscard]] std::string_view kind_name() const { return is_postgres() ? "postgres" : "files"; }
};

/// Errors: kNotFound if it is neither a name in the plan, nor a URL, nor a path that exists.
Result<NamedSource> find_source(const Workspace& workspace, const std::string& given);
/// All sources of the plan.
Result<std::vector<NamedSource>> all_sources(const Workspace& workspace);

/// The name under which recovery points of `given` are kept; unlike find_source() it does not ask
/// whether the path still exists.
std::string point_source_name(const Workspace& workspace, const std::string& given);

/// The paths of a file source, absolute: relative ones count from the plan's folder.
std::vector<std::string> absolute_paths(const Workspace& workspace, const plan::FilesSource& files);

/// Something that captures `source`. Errors: those of its secret.
Result<std::unique_ptr<Source>> make_source(const Workspace& workspace, const NamedSource& source,
                                            const std::string& repository_hex);

}  // namespace reprieve::app
