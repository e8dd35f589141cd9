#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "io/file.hpp"

namespace reprieve::filesystem {

/// A directory somewhere below a root, known by its name in its parent and by its inode, so that it
/// can be closed and opened again without ever building a whole path for a system call.
struct DirectoryNode {
  DirectoryNode() = default;
  virtual ~DirectoryNode();
  DirectoryNode(const DirectoryNode&) = delete;
  DirectoryNode& operator=(const DirectoryNode&) = delete;

  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::string path_of(std::string_view child) const;

  std::shared_ptr<DirectoryNode> parent;
  std::string name;      ///< In the parent; of a root, its path.
  bool is_root = false;  ///< Stays open; its parent, if any, is no real directory.
  std::uint64_t device = 0;
  std::uint64_t inode_number = 0;

  // Guarded by the mutex of DirectoryHandles.
  io::FileHandle handle;
  unsigned pins = 0;
  bool is_idle = false;
  std::list<DirectoryNode*>::iterator idle_at;
};

/// Directories to keep open: a part of what the process may open, the rest is for others.
std::size_t open_directories_max();

/// Keeps a bounded number of directories open, however deep the tree is: the least recently used
/// are closed and opened again, from the nearest open ancestor, when they are needed. Thread-safe.
class DirectoryHandles {
 public:
  explicit DirectoryHandles(std::size_t open_max) : open_max_{open_max} {}

  /// Keeps a directory open while it lives.
  class Pin {
   public:
    Pin() = default;
    Pin(DirectoryHandles* owner, DirectoryNode* directory) : owner_{owner}, directory_{directory} {}
    Pin(Pin&& other) noexcept
        : owner_{std::exchange(other.owner_, nullptr)}, directory_{other.directory_} {}
    Pin& operator=(Pin&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(directory_, other.directory_);
      return *this;
    }
    ~Pin() {
      if (owner_ != nullptr) owner_->unpin(*directory_);
    }
    [[nodiscard]] int fd() const { return directory_->handle.fd(); }

   private:
    DirectoryHandles* owner_ = nullptr;
    DirectoryNode* directory_ = nullptr;
  };

  /// Hands over the descriptor of a directory that was just opened.
  Pin adopt(DirectoryNode& directory, io::FileHandle handle);
  /// 0 or errno; ESTALE if another directory now has that name.
  int pin(DirectoryNode& directory, Pin& out);
  /// Closes what is complete.
  void forget(DirectoryNode& directory);

 private:
  void unpin(DirectoryNode& directory);
  void add_pin(DirectoryNode& directory);  // mutex_ is held, as for the rest below.
  void drop_pin(DirectoryNode& directory);
  void close_surplus();

  const std::size_t open_max_;
  std::mutex mutex_;
  std::list<DirectoryNode*> idle_;  // Open and unpinned, the least recently used first.
  std::size_t open_ = 0;
};

}  // namespace reprieve::filesystem
