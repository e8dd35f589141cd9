#pragma once

#include <string>

#include "io/directory.hpp"
#include "io/file.hpp"

namespace reprieve::io {

/// A file that appears under its name whole, or not at all: written under a temporary name beside,
/// synced, then renamed. Dropping it without a commit leaves nothing behind.
class AtomicFile {
 public:
  /// Starts a file that will be `path`. Errors: kNotFound if the folder does not exist; kDenied.
  static Result<AtomicFile> create(const std::string& path, mode_t mode = 0600);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  [[nodiscard]] const FileHandle& file() const { return file_; }
  Result<> write(ByteView bytes);

  /// Gives the file its name, replacing one that is there. Durable on return.
  Result<> commit_replacing();
  /// The same, never replacing. Errors: kConflict if the name exists by now.
  Result<> commit_new();

 private:
  AtomicFile(Directory folder, FileHandle file, std::string temporary, std::string name);
  enum class Existing { kReplace, kRefuse };
  Result<> finish(Existing existing);

  Directory folder_;
  FileHandle file_;
  std::string temporary_;  // Empty once there is nothing to remove.
  std::string name_;
};

/// Replaces or creates `path` with `bytes`, whole or not at all; durable on return.
Result<> write_file_durably(const std::string& path, ByteView bytes, mode_t mode = 0600);

/// Makes `path` and its missing parents; durable on return. What exists is left as it is.
/// Errors: kConflict if something else than a directory is in the way.
Result<> create_directories_durably(const std::string& path, mode_t mode = 0700);

}  // namespace reprieve::io
