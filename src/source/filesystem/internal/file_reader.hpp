#pragma once

#include <cstdint>
#include <vector>

#include "source/source.hpp"
#include "tree/entry.hpp"

namespace reprieve::filesystem {

/// Reads what a file stores and leaves its holes out. A file that can no longer be read ends where
/// it failed, so that what could be read is kept; read_error() then says why. Never fails itself.
class FileReader : public ByteReader {
 public:
  /// `fd` stays the caller's. `size` is what the file had when it was opened: what is appended
  /// later belongs to the next recovery point. `may_have_holes` false saves looking for them.
  FileReader(int fd, std::uint64_t size, bool may_have_holes);

  Result<std::size_t> read(MutableByteView out) override;

  /// Once read to the end: `content` with size and holes as they were found. What the content holds
  /// is exactly the stored bytes, even if the file shrank meanwhile.
  void describe(Content& content) const;
  /// errno of the read that failed, or 0.
  [[nodiscard]] int read_error() const { return read_error_; }
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  void find_extents();

  int fd_;
  std::uint64_t size_;
  std::vector<Extent> extents_;
  std::size_t next_ = 0;        ///< Extent that is being read.
  std::uint64_t position_ = 0;  ///< In the file.
  bool is_cut_short_ = false;   ///< The file ended, or failed, at position_.
  int read_error_ = 0;
};

}  // namespace reprieve::filesystem
