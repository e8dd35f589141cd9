#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/workspace.hpp"
#include "base/result.hpp"
#include "source/command/command_source.hpp"
#include "source/postgresql/connection.hpp"
#include "source/source.hpp"

namespace reprieve::app {

/// A source as the user named it, resolved: from the plan, or on the spot from a path, a URL or a
/// command.
struct NamedSource {
  std::string name;  ///< In the plan; else the absolute path, the URL without its password, or what
                     ///< the user calls the command's output.
  std::variant<plan::FilesSource, plan::PostgresSource, CommandSourceOptions> kind;

  /// As recovery points keep it: "files", "postgres", "command".
  [[nodiscard]] std::string_view kind_name() const;
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

/// How the server of a PostgreSQL source is reached. Errors: those of its secret.
Result<PostgresAddress> address_of(const Workspace& workspace, const plan::PostgresSource& source);

/// Something that captures `source`. `checkpoint_interval`: how often a long capture puts on record
/// what it has found. Errors: those of its secret.
Result<std::unique_ptr<Source>> make_source(const Workspace& workspace, const NamedSource& source,
                                            const std::string& repository_hex,
                                            Duration checkpoint_interval);

}  // namespace reprieve::app
