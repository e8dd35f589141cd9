#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/process_identity.hpp"

/// What /proc tells about processes and mounts, as far as this user may see.
namespace reprieve::recovery {

/// The living process whose number the file's first line holds. Nothing if the process began after
/// the file was written: the number was given to somebody else then.
std::optional<io::ProcessIdentity> process_of_pid_file(const std::string& path);

/// The process whose command line is `argv`, or else the youngest that ends with it (interpreters
/// and wrappers put words before; some programs write their arguments over into one text).
std::optional<io::ProcessIdentity> process_with_arguments(const std::vector<std::string>& argv);

/// "PID NAME" of processes other than ours that work below `path` or have something there open; at
/// most ten.
std::vector<std::string> processes_using(const std::string& path);

bool is_mount_point(const std::string& path);
/// Whether a line of mountinfo (proc(5)) says that something is mounted at `path`.
bool names_mount_point(std::string_view mountinfo_line, std::string_view path);

}  // namespace reprieve::recovery
