#include "io/terminal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "io/file.hpp"

namespace reprieve::io {
namespace {

TEST(Terminal, IsNotAFile) {
  const auto null = *open_file("/dev/null", O_RDONLY);
  EXPECT_FALSE(is_terminal(null.fd()));
  EXPECT_EQ(terminal_width(null.fd()), 80);
}

}  // namespace
}  // namespace reprieve::io
