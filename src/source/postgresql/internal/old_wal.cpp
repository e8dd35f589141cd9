#include "source/postgresql/internal/old_wal.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <set>

namespace reprieve {
namespace {

constexpr std::string_view kStatusFolder = "archive_status";

bool is_upper_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

/// Regular files of a folder whose names `counts`.
template <typename Counts>
Result<std::vector<std::string>> files_of(const io::Directory& folder, const Counts& counts) {
  REPRIEVE_TRY(const auto entries, folder.list());
  std::vector<std::string> names;
  for (const io::DirectoryEntry& entry : entries) {
    if (!counts(entry.name)) continue;
    REPRIEVE_TRY(const struct stat status, folder.stat(entry.name));
    if (S_ISREG(status.st_mode)) names.push_back(entry.name);
  }
  return names;
}

Result<> move_files(const io::Directory& from, const std::vector<std::string>& names,
                    const io::Directory& to) {
  for (const std::string& name : names)
    if (auto moved = from.rename_new(name, to, name); !moved)
      return std::move(moved).error().at("keeping the old log " + name);
  REPRIEVE_RETURN_IF_ERROR(to.sync());
  return from.sync();
}

/// With the owner and the mode of the folder that it is in.
Result<io::Directory> make_inside(const io::Directory& parent, const std::string& name) {
  const auto made = parent.make_directory(name, 0700);
  if (!made && made.error().kind != ErrorKind::kConflict) return made.error();
  REPRIEVE_TRY(io::Directory folder, parent.open_directory(name));
  struct stat status {};
  if (::fstat(parent.fd(), &status) != 0 ||
      ::fchown(folder.fd(), status.st_uid, status.st_gid) != 0)
    return error_from_errno(errno, name + ": setting its owner");
  return folder;
}

/// The archiver's notes, such as "000000010000000000000003.ready": which log was archived.
Result<> move_notes(const io::Directory& wal, const io::Directory& kept) {
  const std::string name{kStatusFolder};
  const auto notes = wal.open_directory(name);
  if (!notes) return kOk;
  REPRIEVE_TRY(const auto names, files_of(*notes, [](const std::string& note) {
                 return note.ends_with(".ready") || note.ends_with(".done");
               }));
  if (names.empty()) return kOk;
  REPRIEVE_TRY(const io::Directory kept_notes, make_inside(kept, name));
  return move_files(*notes, names, kept_notes);
}

}  // namespace

bool is_old_wal_folder(std::string_view name) {
  if (name == kOldWalFolder) return true;
  if (!name.starts_with(kOldWalFolder) || name[kOldWalFolder.size()] != '.') return false;
  const std::string_view digits = name.substr(kOldWalFolder.size() + 1);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc{} && end == digits.data() + digits.size() && number >= 2;
}

std::string next_old_wal_folder(const std::vector<io::DirectoryEntry>& present) {
  std::set<std::string_view> names;
  for (const io::DirectoryEntry& entry : present)
    names.insert(entry.name);
  std::string name{kOldWalFolder};
  for (int number = 2; names.contains(name); ++number)
    name = std::string{kOldWalFolder} + "." + std::to_string(number);
  return name;
}

bool is_wal_file(std::string_view name) {
  if (name.size() == 16 && name.ends_with(".history")) return is_upper_hex(name.substr(0, 8));
  if (name.size() < 24 || !is_upper_hex(name.substr(0, 24))) return false;
  const std::string_view rest = name.substr(24);
  return rest.empty() || rest == ".partial" || rest.ends_with(".backup");
}

Result<std::optional<WalFolder>> open_wal_folder(const io::Directory& root) {
  using Found = std::optional<WalFolder>;
  const auto status = root.stat("pg_wal");
  if (!status)
    return status.error().kind == ErrorKind::kNotFound ? Found{} : Result<Found>{status.error()};
  if (S_ISDIR(status->st_mode)) {
    REPRIEVE_TRY(io::Directory folder, root.open_directory("pg_wal"));
    return Found{WalFolder{std::move(folder), false}};
  }
  if (!S_ISLNK(status->st_mode)) return Found{};
  // The one link that is followed, for operators put the log on a disk of its own; but not for
  // whoever owns the data directory to be led by it into somebody else's.
  const io::FileHandle linked{
      ::openat(root.fd(), "pg_wal", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY)};
  struct stat owner {};
  struct stat target {};
  if (!linked.is_open() || ::fstat(linked.fd(), &target) != 0 || ::fstat(root.fd(), &owner) != 0 ||
      target.st_uid != owner.st_uid)
    return Found{};
  REPRIEVE_TRY(io::Directory folder, io::Directory::reopen(linked.fd()));
  return Found{WalFolder{std::move(folder), true}};
}

Result<OldWal> measure_old_wal(const io::Directory& wal) {
  OldWal old;
  REPRIEVE_TRY(const auto names, files_of(wal, is_wal_file));
  for (const std::string& name : names) {
    REPRIEVE_TRY(const struct stat status, wal.stat(name));
    ++old.files;
    old.bytes += static_cast<std::uint64_t>(status.st_size);
  }
  return old;
}

Result<> set_old_wal_aside(const io::Directory& wal, const std::string& folder) {
  REPRIEVE_TRY(const auto names, files_of(wal, is_wal_file));
  if (names.empty()) return kOk;
  REPRIEVE_TRY(const io::Directory kept, make_inside(wal, folder));
  // The notes first: once no log is left to move, a repeated run has nothing to do here.
  REPRIEVE_RETURN_IF_ERROR(move_notes(wal, kept));
  return move_files(wal, names, kept);
}

}  // namespace reprieve
