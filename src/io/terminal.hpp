#pragma once

namespace reprieve::io {

/// Whether a person may be looking at `fd`.
bool is_terminal(int fd);
/// Columns of the terminal at `fd`; 80 if it is none or does not tell.
int terminal_width(int fd);

}  // namespace reprieve::io
