#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "plan/schedule.hpp"

namespace reprieve::app {

/// What became of each backup job, kept in a file so that a restart neither repeats nor forgets
/// one. Losing the file costs one backup of each job. Thread-safe.
class ServeMemory {
 public:
  /// A file that is not there, or cannot be understood, holds nothing; `doubt` then says why.
  ServeMemory(std::string path, std::string& doubt);

  [[nodiscard]] plan::BackupMemory of(const std::string& job) const;
  /// Durable on return. Errors: those of the file.
  Result<> keep(const std::string& job, const plan::BackupMemory& memory);

 private:
  Result<> load();
  const std::string path_;
  mutable std::mutex mutex_;
  std::map<std::string, plan::BackupMemory> jobs_;
};

}  // namespace reprieve::app
