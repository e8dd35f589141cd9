#include "cli/console.hpp"

#include <gtest/gtest.h>

#include "cli/progress_bar.hpp"

namespace reprieve::cli {
namespace {

TEST(Printable, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(printable("Zoë/über 日本"), "Zoë/über 日本");
}

TEST(Printable, EscapesWhatCouldDriveATerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc"), "a\\x1b[2Jb\\x0ac");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
}

TEST(Printable, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
}

TEST(AddPath, KeepsTheBytesOfANameThatIsNoUtf8) {
  Json json;
  add_path(json, "path", "a\xff");
  EXPECT_EQ(json["path_hex"], "61ff");
}

TEST(Table, PadsToTheWidestCellAndAlignsNumbersRight) {
  EXPECT_EQ(table({{"NAME", "SIZE"}, {"a", "1"}, {"longer", "200"}}, {false, true}),
            "NAME    SIZE\na          1\nlonger   200");
}

TEST(ProgressLine, TellsShareRateAndTimeLeft) {
  Progress progress;
  progress.files = 1200;
  progress.bytes = 1U << 20U;
  progress.bytes_total = 4U << 20U;
  const std::string line = progress_line("Backing up", progress, std::chrono::seconds{1}, 200);
  EXPECT_NE(line.find("25%"), std::string::npos) << line;
  EXPECT_NE(line.find("1,200 files"), std::string::npos) << line;
  EXPECT_NE(line.find("1.00 MiB/s"), std::string::npos) << line;
  EXPECT_NE(line.find("ETA 3.0 s"), std::string::npos) << line;
}

TEST(ProgressLine, NeverPassesTheTerminalsWidth) {
  const Progress progress;
  EXPECT_LE(
      progress_line("Backing up something with a long name", progress, std::chrono::seconds{1}, 20)
          .size(),
      20U);
}

}  // namespace
}  // namespace reprieve::cli
