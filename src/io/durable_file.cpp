#include "io/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

namespace reprieve::io {
namespace {

constexpr int kNameTriesMax = 1000;

/// A name that no other process of this host uses now; O_EXCL settles the rest.
std::string temporary_name(const std::string& name) {
  static std::atomic<std::uint64_t> counter{0};
  // A name may have 255 bytes; the temporary one must not be longer than the real one allows.
  return "." + name.substr(0, 200) + "." + std::to_string(::getpid()) + "-" +
         std::to_string(counter.fetch_add(1)) + ".tmp";
}

}  // namespace

AtomicFile::AtomicFile(Directory folder, FileHandle file, std::string temporary, std::string name)
    : folder_{std::move(folder)},
      file_{std::move(file)},
      temporary_{std::move(temporary)},
      name_{std::move(name)} {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : folder_{std::move(other.folder_)},
      file_{std::move(other.file_)},
      temporary_{std::exchange(other.temporary_, {})},
      name_{std::move(other.name_)} {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty())
    ignore_error(folder_.remove_file(temporary_), "a leftover harms nobody: its name says what");
}

Result<AtomicFile> AtomicFile::create(const std::string& path, mode_t mode) {
  REPRIEVE_TRY(Directory folder, Directory::open(parent_of(path)));
  std::string name = name_in(path);
  for (int tries = 0;; ++tries) {
    std::string temporary = temporary_name(name);
    auto file = folder.open_file(temporary, O_RDWR | O_CREAT | O_EXCL, mode);
    if (file) {
      return AtomicFile{std::move(folder), *std::move(file), std::move(temporary), std::move(name)};
    }
    // A crashed process with our number may have left the name behind.
    if (file.error().kind != ErrorKind::kConflict || tries == kNameTriesMax)
      return std::move(file).error().at("create " + path);
  }
}

Result<> AtomicFile::write(ByteView bytes) {
  auto written = write_all(file_, bytes);
  if (!written) return std::move(written).error().at(name_);
  return kOk;
}

Result<> AtomicFile::commit_replacing() {
  return finish(Existing::kReplace);
}
Result<> AtomicFile::commit_new() {
  return finish(Existing::kRefuse);
}

Result<> AtomicFile::finish(Existing existing) {
  REPRIEVE_ASSERT(!temporary_.empty());
  auto done = [&]() -> Result<> {
    // Contents before the name, the name before success: a crash in between shows the old state.
    REPRIEVE_RETURN_IF_ERROR(sync_data(file_));
    REPRIEVE_RETURN_IF_ERROR(file_.close());
    REPRIEVE_RETURN_IF_ERROR(existing == Existing::kReplace
                                 ? folder_.rename(temporary_, folder_, name_)
                                 : folder_.rename_new(temporary_, folder_, name_));
    temporary_.clear();
    return folder_.sync();
  }();
  if (!done) return std::move(done).error().at(name_);
  return kOk;
}

Result<> write_file_durably(const std::string& path, ByteView bytes, mode_t mode) {
  REPRIEVE_TRY(AtomicFile file, AtomicFile::create(path, mode));
  REPRIEVE_RETURN_IF_ERROR(file.write(bytes));
  return file.commit_replacing();
}

Result<> create_directories_durably(const std::string& path, mode_t mode) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return kOk;
    return Error{ErrorKind::kConflict, "make directory " + path + ": something else is there"};
  }
  if (errno != ENOENT) return error_from_errno(errno, "make directory " + path);
  const std::string parent = parent_of(path);
  if (parent != path) REPRIEVE_RETURN_IF_ERROR(create_directories_durably(parent, mode));
  REPRIEVE_TRY(const Directory folder, Directory::open(parent));
  const auto made = folder.make_directory(name_in(path), mode);
  // Somebody else may have made it meanwhile, but perhaps not synced it.
  if (!made && made.error().kind != ErrorKind::kConflict) return Error{made.error()}.at(path);
  return folder.sync();
}

}  // namespace reprieve::io
