#include "source/filesystem/internal/target.hpp"

#include <unistd.h>

#include <cerrno>

#include "io/directory.hpp"
#include "source/filesystem/internal/entry_capture.hpp"

namespace reprieve::filesystem {
namespace {

/// Errors of the disk, not of one file: nothing that follows would fare better.
bool ends_the_run(int error) {
  return error == EROFS || error == EIO || error == EMFILE || error == ENFILE || error == ENOMEM;
}

}  // namespace

RestoreContext::RestoreContext(RestoreReader& from, const RestoreOptions& with)
    : reader{from}, options{with}, handles{open_directories_max()}, metadata{with.owners} {}

void RestoreContext::report(Problem::Kind kind, std::string path, std::string what) {
  ++problems;
  reader.report({kind, std::move(path), std::move(what)});
}

Result<> RestoreContext::report_or_fail(int error, const std::string& path,
                                        const std::string& what) {
  if (error == ENOSPC || error == EDQUOT)
    return error_from_errno(error, "restore " + path)
        .with_hint(
            "Make room on the target's file system and run the restore again; what is there "
            "already is not written a second time.");
  if (ends_the_run(error)) return error_from_errno(error, "restore " + path);
  report(Problem::Kind::kUnsupported, path, failure(what, error));
  return kOk;
}

Result<bool> RestoreContext::remove(TargetDirectory& directory, const std::string& name,
                                    const std::string& what) {
  DirectoryHandles::Pin pin;
  const std::string path = directory.path_of(name);
  if (const int error = handles.pin(directory, pin); error != 0) {
    REPRIEVE_RETURN_IF_ERROR(report_or_fail(error, path, what));
    return false;
  }
  std::uint64_t removed = 0;
  const auto parent = io::Directory::reopen(pin.fd());
  auto gone = parent ? io::remove_tree(*parent, name, io::Immutable::kThaw, removed)
                     : Result<>{parent.error()};
  deleted += removed;
  if (gone) return true;
  // No space or a broken disk concern more than this name.
  if (gone.error().kind == ErrorKind::kExhausted || gone.error().kind == ErrorKind::kCorrupt)
    return std::move(gone).error().at("restore " + path);
  report(Problem::Kind::kUnsupported, path, what + ": " + gone.error().what);
  return false;
}

}  // namespace reprieve::filesystem
