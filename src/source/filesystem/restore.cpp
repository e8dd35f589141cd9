#include "source/filesystem/restore.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "source/filesystem/internal/restore_run.hpp"

namespace reprieve {

Result<RestoreSummary> restore_files(RestoreReader& reader, std::vector<Entry> roots,
                                     const RestoreOptions& options) {
  filesystem::RestoreRun run{reader, options};
  REPRIEVE_TRY(const RestoreSummary summary, run.run(std::move(roots)));
  if (options.sync && !options.dry_run) {
    const io::FileHandle handle{::open(options.target.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!handle.is_open() || ::syncfs(handle.fd()) != 0)
      return error_from_errno(errno, "sync " + options.target);
  }
  return summary;
}

}  // namespace reprieve
