#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "io/file.hpp"
#include "source/filesystem/internal/inode.hpp"
#include "source/source.hpp"

namespace reprieve::filesystem {

/// A regular file that has the name of one that is to be restored, and may hold some of it. It is
/// only read; others may write to it meanwhile, so what is read of it counts only when it was
/// compared.
class ExistingFile {
 public:
  /// False if there is no regular file of that name, or it may not be read.
  bool open(int directory_fd, const std::string& name);

  [[nodiscard]] int fd() const { return fd_.fd(); }
  [[nodiscard]] const Inode& inode() const { return inode_; }

 private:
  io::FileHandle fd_;
  Inode inode_;
};

/// Which parts of a content a file holds at their places already.
struct LocalPieces {
  std::vector<bool> is_here;  ///< For each chunk.
  std::size_t absent = 0;     ///< Chunks that are not.
  std::uint64_t bytes = 0;    ///< Of the chunks that are here.
  bool is_whole = false;      ///< The file's bytes are the content, its holes and end included.

  void drop(std::size_t chunk, std::uint32_t length) {
    is_here[chunk] = false;
    is_whole = false;
    ++absent;
    bytes -= length;
  }
};

/// Fills `out` with what lies `stored_offset` into the stored bytes of `content`, from the places
/// where they belong. False if the file is too short or cannot be read there.
bool read_between_holes(int fd, const Content& content, std::uint64_t stored_offset,
                        MutableByteView out);

/// Compares a file with a content that consists of `chunks` (or, without any, of its inline bytes).
/// Reads no chunk of the repository. Errors: kCancelled.
Result<LocalPieces> find_pieces(RestoreReader& reader, const ExistingFile& file,
                                const Content& content, std::span<const ChunkRef> chunks);

}  // namespace reprieve::filesystem
