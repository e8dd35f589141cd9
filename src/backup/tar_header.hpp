#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tree/entry.hpp"

namespace reprieve::backup {

inline constexpr std::size_t kTarBlock = 512;

/// A ustar header, by field: offset and length (POSIX.1-2017, pax, "ustar Interchange Format").
class UstarHeader {
 public:
  void text(std::size_t offset, std::string_view value);
  /// `length` counts the NUL at the end. Must fit (asserted).
  void octal(std::size_t offset, std::size_t length, std::uint64_t value);
  /// With the checksum.
  ByteView finish();

 private:
  std::array<std::byte, kTarBlock> block_{};
};

/// Appends `bytes` and zeros up to a whole block.
void append_blocks(Bytes& archive, ByteView bytes);
/// How many zeros fill `size` up to a whole block.
std::size_t tar_padding(std::uint64_t size);

/// All blocks that stand before an entry's data in a POSIX.1-2001 (pax) archive. Pure.
///
/// `path` is raw bytes, and names a directory without a slash at the end; `linked_to`, if it is not
/// empty, makes it a hard link without data. What ustar cannot say is in pax records: `mtime` to
/// the nanosecond, long or non-ASCII names as they are (`hdrcharset=BINARY` if they are no UTF-8),
/// large numbers, SCHILY.xattr.*, ACLs as SCHILY.acl.access and .default, sparse files as
/// GNU.sparse 1.0. The data that must follow are the file's stored bytes, `tar_padding()` after
/// them. Inode flags and times of birth have no place there. Errors: kInvalid for a socket, which
/// tar cannot hold.
Result<Bytes> tar_header(const std::string& path, const Entry& entry, const std::string& linked_to);

/// What an archive ends with: two blocks of zeros.
Bytes tar_end();

}  // namespace reprieve::backup
