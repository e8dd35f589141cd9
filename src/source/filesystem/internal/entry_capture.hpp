#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "source/filesystem/internal/inode.hpp"
#include "source/filesystem/internal/owner_names.hpp"
#include "source/source.hpp"

namespace reprieve::filesystem {

/// Where something lies: enough to open it, and to say its path if there is something to report.
class Place {
 public:
  virtual ~Place() = default;
  [[nodiscard]] virtual int directory_fd() const = 0;
  [[nodiscard]] virtual std::string path() const = 0;
};

/// Captures what lies under one name and is no directory, and the metadata of everything. Made once
/// per capture. Thread-safe.
class EntryCapture {
 public:
  explicit EntryCapture(CaptureSink& sink) : sink_{sink} {}

  struct Outcome {
    std::optional<Entry> entry;  ///< Nothing if it vanished, which was then reported.
    Inode inode;                 ///< The state that the entry describes.
  };
  /// `listed` is what the directory's listing found. Errors: the sink's.
  Result<Outcome> capture(const Place& place, const std::string& name, const Inode& listed);

  /// Everything but contents, children and what only an open descriptor or a path can tell.
  Entry describe(std::string name, const Inode& inode);
  /// Adds extended attributes and flags of an open directory.
  void read_attributes(int fd, const Place& place, Entry& entry);

  void report(Problem::Kind kind, const Place& place, std::string what);

  /// Set before the first capture: the file system that link groups are numbered on.
  void set_root_device(std::uint64_t device) { root_device_ = device; }

 private:
  /// A file that has several names and whose content is being, or was, captured under one of them.
  struct Linked {
    bool is_done = false;
    std::uint32_t names_left = 0;
    Outcome outcome;
  };
  using InodeId = std::pair<std::uint64_t, std::uint64_t>;

  Result<Outcome> capture_once(const Place& place, const std::string& name, const Inode& inode);
  Result<Outcome> capture_linked(const Place& place, const std::string& name, const Inode& inode);
  Result<Outcome> capture_file(const Place& place, const std::string& name, const Inode& listed);
  Result<bool> read_file(const Place& place, int fd, const Inode& before, Outcome& out);
  Outcome without_content(const Place& place, const std::string& name, const Inode& listed,
                          int error);
  Outcome capture_special(const Place& place, const std::string& name, const Inode& inode);
  void check_xattrs(int error, const Place& place, Entry& entry);
  Outcome vanished(const Place& place);

  CaptureSink& sink_;
  OwnerNames names_;
  std::uint64_t root_device_ = 0;
  std::mutex mutex_;
  std::condition_variable is_published_;
  std::map<InodeId, Linked> linked_;  // Guarded by mutex_.
};

/// "could not be opened: permission denied".
std::string failure(std::string_view what, int error);

}  // namespace reprieve::filesystem
