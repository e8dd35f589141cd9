#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace reprieve::io {

/// A file's bytes in memory, read-only, without reading them first. For files of our own that are
/// replaced by renaming and never cut short: touching a mapping beyond a shortened file is fatal.
class MappedFile {
 public:
  /// Errors: kNotFound; kDenied; kExhausted.
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  [[nodiscard]] ByteView bytes() const { return bytes_; }
  /// Tells the system that look-ups will be scattered, and gives back the memory of pages that were
  /// touched so far; they are read again when needed.
  void expect_scattered_reads() const;

 private:
  explicit MappedFile(ByteView bytes) : bytes_{bytes} {}
  ByteView bytes_;
};

}  // namespace reprieve::io
