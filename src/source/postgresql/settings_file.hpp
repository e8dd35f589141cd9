#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "source/postgresql/cluster_restore.hpp"

/// Texts of PostgreSQL's configuration files: all pure.
namespace reprieve {

using Setting = std::pair<std::string, std::string>;

/// `value` as a constant in a configuration file: quoted, one line whatever it contains.
std::string quote_setting(std::string_view value);
/// "name = 'value'\n".
std::string format_setting(const Setting& setting);

/// `word` for a POSIX shell, in single quotes.
std::string quote_shell_word(std::string_view word);
/// The same inside restore_command and its like, where the server gives '%' a meaning.
std::string quote_command_word(std::string_view word);

/// restore_command and recovery_end_command for WAL that lies in the folder `staged`.
std::string staged_restore_command(std::string_view program, std::string_view staged);
std::string staged_end_command(std::string_view program, std::string_view staged);

/// The last value that `text` gives to `name`, as the server would take it; includes are not read.
std::optional<std::string> find_setting(std::string_view text, std::string_view name);

/// `text` with each line that sets one of `names` turned into a comment; a name that ends in '*'
/// stands for all that begin so. Names are compared without regard to case, as the server does.
std::string disable_settings(std::string_view text, const std::vector<std::string>& names);

/// What a restored cluster must not inherit: targets and sources of an earlier recovery.
std::vector<std::string> stale_recovery_settings();

/// Settings that make the server recover as `options` say.
/// Errors: kInvalid for a target that no server would take.
Result<std::vector<Setting>> recovery_settings(const ClusterRestoreOptions& options,
                                               const std::string& staged);

}  // namespace reprieve
