#pragma once

#include <functional>
#include <string>

#include "base/json.hpp"
#include "base/result.hpp"

/// Files of one JSON object per line, which only ever grow: what was found out about a repository.
namespace reprieve::app {

/// The folder of what this host remembers of one repository, in the state folder.
std::string repository_folder(const std::string& state_dir, std::string_view repository_hex);
/// The file `name` in it.
std::string repository_file(const std::string& state_dir, std::string_view repository_hex,
                            std::string_view name);

/// Calls `visit` with each line that is an object; others, and a file that cannot be read, are
/// passed over: losing such a file loses only the memory.
void visit_lines(const std::string& path, const std::function<void(const Json& line)>& visit);

/// Appends durably; makes the folder. Errors: those of the file.
Result<> append_line(const std::string& path, const Json& line);

/// The text of a member; empty if there is none, or no text.
std::string text_of(const Json& line, const char* member);

}  // namespace reprieve::app
