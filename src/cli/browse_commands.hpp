#pragma once

#include "cli/command.hpp"
#include "io/file.hpp"

/// Commands that look into recovery points.
namespace reprieve::cli {

void add_cat(CLI::App& parser, Invocation& invocation);
void add_dump(CLI::App& parser, Invocation& invocation);
void add_find(CLI::App& parser, Invocation& invocation);
void add_mount(CLI::App& parser, Invocation& invocation);

/// Standard output, for bytes that are no text. Errors: kInvalid if it is closed.
Result<io::FileHandle> standard_output();

/// f, d, l, p, s, c or b, as find(1) has them.
std::string type_letter(EntryType type);

}  // namespace reprieve::cli
