#include "io/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

namespace reprieve::io {

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

int terminal_width(int fd) {
  constexpr int kUsualWidth = 80;
  struct ::winsize size {};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
  return size.ws_col;
}

}  // namespace reprieve::io
