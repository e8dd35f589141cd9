#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "io/file.hpp"

namespace reprieve::io {

/// Lines of a pipe as they come. Not thread-safe; the handle must outlive it.
class LineReader {
 public:
  explicit LineReader(const FileHandle& file) : file_{file} {}

  /// The next line without its end, waited for at most `limit`; nothing if none came, or, with
  /// is_at_end(), if none will. Lines longer than a mebibyte are cut there. Errors: those of
  /// reading.
  Result<std::optional<std::string>> next(Duration limit);
  [[nodiscard]] bool is_at_end() const { return is_at_end_ && buffer_.empty(); }

 private:
  std::optional<std::string> take_line();
  Result<> read_more(Duration limit);

  const FileHandle& file_;
  std::string buffer_;
  bool is_at_end_ = false;
};

}  // namespace reprieve::io
