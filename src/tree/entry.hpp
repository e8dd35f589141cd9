#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/strong.hpp"

/// What a recovery point keeps of a file system object: the model that sources fill, the repository
/// stores and restorers write back. docs/format.md section "Trees" has the bytes.
namespace reprieve {

/// A file's time. Wider than Instant: files may be dated before 1677 and after 2262.
struct FileTime {
  std::int64_t seconds = 0;       ///< Since 1970-01-01 UTC, negative before.
  std::uint32_t nanoseconds = 0;  ///< 0 to 999,999,999, counted forward from `seconds`.
  friend auto operator<=>(const FileTime&, const FileTime&) = default;
};

/// Values are stored; a used-up value is never given another meaning.
enum class EntryType : std::uint8_t {
  kFile = 1,
  kDirectory = 2,
  kSymlink = 3,
  kFifo = 4,
  kSocket = 5,
  kCharDevice = 6,
  kBlockDevice = 7,
};

/// How a file's bytes were cut; stored, so that a later reader of one page can find it.
enum class Chunking : std::uint8_t {
  kContentDefined = 1,  ///< Keyed Gear, normalised: for files in general.
  kPages = 2,           ///< Every 32 KiB from the file's start: for database files.
};

/// One chunk of a content, in file order.
struct ChunkRef {
  ChunkId id;
  std::uint32_t length = 0;  ///< Of the plaintext, bytes.
  friend bool operator==(const ChunkRef&, const ChunkRef&) = default;
};

/// A chunk that is the content itself (depth 0) or the root of a tree of list chunks.
struct ListRef {
  ChunkId id;
  std::uint8_t depth = 0;  ///< Levels of list chunks above the leaves.
  friend bool operator==(const ListRef&, const ListRef&) = default;
};

/// A run of zeros that the file system does not store.
struct Hole {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  friend bool operator==(const Hole&, const Hole&) = default;
};

/// A file's bytes: either inline, or chunks, or (above kContentChunksMax chunks) a list. Holes are
/// left out: what is stored is the concatenation of what lies between them.
struct Content {
  static constexpr std::size_t kInlineMax = 512;
  static constexpr std::size_t kContentChunksMax = 1000;

  std::uint64_t size = 0;  ///< Of the file, holes included.
  Chunking chunking = Chunking::kContentDefined;
  Bytes inline_bytes;            ///< All stored bytes, if they are at most kInlineMax.
  std::vector<ChunkRef> chunks;  ///< Else these.
  std::optional<ListRef> list;   ///< Else this; expanded by the reader.
  std::vector<Hole> holes;       ///< Ascending, disjoint, inside `size`.
  friend bool operator==(const Content&, const Content&) = default;
};

struct Xattr {
  std::string name;  ///< With its namespace: "user.x", "system.posix_acl_access", ...
  Bytes value;
  friend auto operator<=>(const Xattr&, const Xattr&) = default;
};

/// Names travel beside ids because a restore on another machine may have other ids.
struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;   ///< Empty if the system had no name for the id.
  std::string group;  ///< The same.
  friend auto operator<=>(const Owner&, const Owner&) = default;
};

/// One name in a directory. POSIX ACLs and file capabilities are xattrs and need no field of their
/// own; access times are left out, since reading changes them.
struct Entry {
  std::string name;  ///< Raw bytes, no '/' and no NUL; only in a snapshot's root tree a whole path.
  EntryType type = EntryType::kFile;
  std::uint16_t mode = 0;  ///< Permission, setuid, setgid and sticky bits: 07777.
  Owner owner;
  FileTime modified;
  std::optional<FileTime> born;  ///< For the record; no system call sets it.
  std::vector<Xattr> xattrs;     ///< Sorted by name.
  std::uint32_t flags = 0;       ///< Inode flags of FS_IOC_GETFLAGS that are kept (see capture).
  /// Names of one inode share a non-zero group. Each carries the whole content, so that any of them
  /// can be restored alone; a restorer writes it once and links the rest.
  std::uint64_t link_group = 0;
  /// The file changed while it was read: the content may mix two states.
  bool is_inconsistent = false;
  /// The bytes, list or metadata could not be read; what is here is all there was to get.
  bool is_incomplete = false;

  Content content;                   ///< kFile.
  std::optional<ListRef> directory;  ///< kDirectory: its tree; absent if it could not be read.
  std::string target;                ///< kSymlink, raw bytes.
  std::uint32_t device_major = 0;    ///< Devices.
  std::uint32_t device_minor = 0;

  friend bool operator==(const Entry&, const Entry&) = default;
};

/// A directory, or a part of a large one: entries in ascending order of their names' bytes.
struct Tree {
  std::vector<Entry> entries;
};

}  // namespace reprieve
