#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tree/entry.hpp"

namespace reprieve {

/// One member of a base backup's tar archive.
struct TarMember {
  std::string path;  ///< Relative, no empty, "." or ".." parts, no slash at the end.
  EntryType type = EntryType::kFile;  ///< kFile, kDirectory or kSymlink.
  std::uint16_t mode = 0;
  Owner owner;
  FileTime modified;
  std::uint64_t size = 0;  ///< Of a file's content.
  std::string target;      ///< Of a symlink.
};

/// Receives what TarParser finds, in order: for each member begin(), for a file data() until `size`
/// bytes were given, then end(). A returned error stops the parser.
class TarVisitor {
 public:
  virtual ~TarVisitor() = default;
  virtual Result<> begin(TarMember member) = 0;
  virtual Result<> data(ByteView bytes) = 0;
  virtual Result<> end() = 0;
};

/// Takes a ustar stream, as PostgreSQL writes it, in pieces of any size: no byte is copied but the
/// headers'. Accepts the server's base-256 sizes, and archives whose two closing zero blocks are
/// missing (13 and 14). Everything else is kCorrupt; what the server says is not trusted.
class TarParser {
 public:
  explicit TarParser(TarVisitor& visitor) : visitor_{visitor} {}

  Result<> feed(ByteView bytes);
  /// To be called at the archive's end: kCorrupt if a member was cut off.
  Result<> finish();

 private:
  static constexpr std::size_t kBlock = 512;
  Result<> take_header();

  TarVisitor& visitor_;
  std::array<std::byte, kBlock> header_{};
  std::size_t header_filled_ = 0;
  std::uint64_t body_left_ = 0;
  std::uint64_t padding_left_ = 0;
  bool is_closed_ = false;  ///< A zero block was seen: nothing but zeros may follow.
};

/// Reads one header block; nothing for a block of zeros. Pure.
Result<std::optional<TarMember>> parse_tar_header(ByteView block);

/// Whether `path` can be walked safely below a folder: relative, parts neither empty nor "." nor
/// "..", no NUL, at most 4096 bytes and 255 per part.
bool is_safe_relative_path(std::string_view path);

}  // namespace reprieve
