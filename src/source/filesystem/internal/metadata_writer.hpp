#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "source/filesystem/internal/inode.hpp"
#include "source/filesystem/internal/owner_names.hpp"
#include "source/filesystem/restore.hpp"
#include "tree/entry.hpp"

namespace reprieve::filesystem {

/// Says where something lies, if anybody asks: there are far more files than reports.
using PathOf = std::function<std::string()>;

/// Sets owner, mode, attributes, times and flags, in the order in which they do not undo each
/// other: a change of owner clears setuid bits and capabilities, a new attribute moves nothing but
/// the change time, and an immutable flag ends it all. What cannot be set is counted by kind and
/// reported once, not once for each of a million files. Thread-safe.
class MetadataWriter {
 public:
  explicit MetadataWriter(RestoreOptions::Owners owners) : owners_{owners} {}

  enum class Flags : std::uint8_t {
    kAll,
    kThawed,  ///< All but those that forbid what is still to be done.
  };
  /// Of an open file or directory. `path` is only called for a report.
  void apply(int fd, const Entry& entry, bool is_new, Flags flags, const PathOf& path);
  /// Of what cannot be opened: symlinks, fifos, sockets, devices.
  void apply_at(int directory_fd, const std::string& name, const Entry& entry, bool is_new,
                const PathOf& path);
  /// Whether all of it is as `entry` wants it already. `inode` is what was found there.
  bool is_applied(int fd, const Inode& inode, const Entry& entry);
  bool is_applied_at(int directory_fd, const std::string& name, const Inode& inode,
                     const Entry& entry);
  void apply_flags(int fd, std::uint32_t flags, const PathOf& path);

  void note(const std::string& what, int error, const PathOf& path);
  /// One problem for each kind of shortfall.
  [[nodiscard]] std::vector<Problem> problems() const;

 private:
  struct Shortfall {
    std::uint64_t count = 0;
    std::string first_path;
  };
  Owner wanted_owner(const Entry& entry);
  bool has_owner_and_mode(const Inode& inode, const Entry& entry);
  /// `xattr` is bound to the inode: set, remove and list.
  template <class Calls>
  void write_xattrs(const Calls& calls, const Entry& entry, bool is_new, const PathOf& path);

  const RestoreOptions::Owners owners_;
  OwnerNames names_;
  mutable std::mutex mutex_;
  std::map<std::string, Shortfall> shortfalls_;  // Guarded by mutex_.
};

}  // namespace reprieve::filesystem
