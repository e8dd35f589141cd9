#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "source/source.hpp"

namespace reprieve::cli {

/// Exit codes that are no Error's (docs/exit-codes.md).
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitDoneWithProblems = 3;
inline constexpr int kExitWaiting = 4;
inline constexpr int kExitCorrupt = 7;

/// What a command says. Text goes to standard output, complaints to standard error; with --json
/// standard output carries exactly one object instead.
class Console {
 public:
  Console(bool is_json, bool is_quiet) : is_json_{is_json}, is_quiet_{is_quiet} {}

  [[nodiscard]] bool is_json() const { return is_json_; }
  /// A line for people; silent with --json or --quiet.
  void say(std::string_view line) const;
  /// A line that people asked for (tables, texts): not silenced by --quiet.
  void show(std::string_view line) const;
  /// A line on standard error, in every mode.
  void warn(std::string_view line) const;
  /// The one object of --json; silent without it.
  void result(const Json& object) const;
  /// Prints an error in the form of the mode and returns its exit code.
  [[nodiscard]] int fail(const Error& error) const;
  /// Lists problems (the first 20 for people, all in JSON's `problems`).
  void list(const std::vector<Problem>& problems) const;

 private:
  const bool is_json_;
  const bool is_quiet_;
};

/// For JSON: a path as text, and its bytes in hexadecimal where it is no UTF-8.
void add_path(Json& object, const std::string& member, const std::string& raw);
/// For people: control characters and bytes that are no UTF-8 are escaped, so that a file's name
/// cannot drive the terminal.
std::string printable(std::string_view raw);

Json to_json(const Problem& problem);

/// Columns padded to their widest cell; the first row is the heading. Numbers are the caller's to
/// align with `right` (one flag per column).
std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right = {});

}  // namespace reprieve::cli
