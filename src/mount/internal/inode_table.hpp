#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace reprieve::mount {

struct Directory;  // file_system.hpp

/// What an inode is known by: a place in a directory, or a group of links in a recovery point.
struct Identity {
  enum class Kind : std::uint8_t { kPlace, kLink };
  Kind kind = Kind::kPlace;
  std::uint64_t scope = 0;  ///< Number of the directory, or of the point's root.
  std::uint64_t item = 0;   ///< Place in the listing, or the link group.
  friend bool operator==(const Identity&, const Identity&) = default;
};

/// Where an inode's entry stands: the directory's listing can be had again when it is needed.
struct Place {
  std::shared_ptr<const Directory> directory;
  std::uint32_t index = 0;
};

/// The inodes that the kernel holds, by number. A number follows from the identity, so that it is
/// the same whenever a name is looked up again; two identities never have the same number at the
/// same time. Some 100 bytes for each inode, until the kernel forgets it. Thread-safe.
class InodeTable {
 public:
  static constexpr std::uint64_t kRoot = 1;

  /// Counts one more look-up of it and returns its number.
  std::uint64_t remember(const Identity& identity, const Place& place);
  /// Nothing if the kernel does not hold it.
  [[nodiscard]] std::optional<Place> find(std::uint64_t number) const;
  /// Takes `lookups` back; the inode is dropped with its last one.
  void forget(std::uint64_t number, std::uint64_t lookups);
  [[nodiscard]] std::size_t size() const;

  /// The number that it has, unless another one had it first.
  static std::uint64_t number_of(const Identity& identity);

 private:
  struct Node {
    Identity identity;
    Place place;
    std::uint64_t lookups = 0;
  };
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Node> nodes_;  // Guarded by mutex_.
};

}  // namespace reprieve::mount
