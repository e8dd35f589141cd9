#pragma once

#include <string>

#include "base/result.hpp"

namespace reprieve::io {

/// A fresh, empty folder that only we can enter; removed with all that is in it at the end.
class TemporaryFolder {
 public:
  /// Below `parent`; below $TMPDIR, else /tmp, if it is empty.
  static Result<TemporaryFolder> create(const std::string& parent = "");
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  ~TemporaryFolder();

  [[nodiscard]] const std::string& path() const { return path_; }
  /// The path of something in it.
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  /// Leaves the folder where it is.
  std::string keep();

 private:
  explicit TemporaryFolder(std::string path) : path_{std::move(path)} {}
  std::string path_;  // Empty once there is nothing to remove.
};

}  // namespace reprieve::io
