#include "source/postgresql/internal/cluster_trim.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace reprieve {
namespace {

/// As deep as a restore writes; a cluster is three deep.
constexpr int kDepthMax = 64;

bool is_type(mode_t mode, EntryType type) {
  if (type == EntryType::kDirectory) return S_ISDIR(mode);
  if (type == EntryType::kSymlink) return S_ISLNK(mode);
  return type == EntryType::kFile && S_ISREG(mode);
}

/// Counts a name and what lies below it, all of which would go.
Result<std::uint64_t> count_names(const io::Directory& parent, const std::string& name, mode_t mode,
                                  int depth) {
  std::uint64_t count = 1;
  if (!S_ISDIR(mode) || depth >= kDepthMax) return count;
  REPRIEVE_TRY(const io::Directory folder, parent.open_directory(name));
  REPRIEVE_TRY(const auto entries, folder.list());
  for (const io::DirectoryEntry& entry : entries) {
    REPRIEVE_TRY(const struct stat status, folder.stat(entry.name));
    REPRIEVE_TRY(const std::uint64_t inner,
                 count_names(folder, entry.name, status.st_mode, depth + 1));
    count += inner;
  }
  return count;
}

class Trim {
 public:
  Trim(RestoreReader& reader, const TrimOptions& options) : reader_{reader}, options_{options} {}

  Result<> level(const io::Directory& folder, const std::string& shown, const std::string& path,
                 const ListRef& tree) {
    if (std::ranges::count(path, '/') > kDepthMax)
      return Error{ErrorKind::kCorrupt, shown + ": nested too deep"};
    REPRIEVE_TRY(const auto stored, reader_.read_directory(tree));
    std::map<std::string_view, const Entry*> wanted;
    for (const Entry& entry : stored)
      if (!options_.left_out.contains(path + entry.name)) wanted.emplace(entry.name, &entry);
    REPRIEVE_TRY(const auto present, folder.list());
    for (const io::DirectoryEntry& name : present) {
      REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
      if (options_.kept.contains(path + name.name)) continue;
      const auto found = wanted.find(name.name);
      const Entry* entry = found == wanted.end() ? nullptr : found->second;
      if (entry == nullptr && path.empty() && options_.is_shared) continue;
      REPRIEVE_RETURN_IF_ERROR(look_at(folder, shown, path, name.name, entry));
    }
    return kOk;
  }

  [[nodiscard]] std::uint64_t removed() const { return removed_; }

 private:
  Result<> look_at(const io::Directory& folder, const std::string& shown, const std::string& path,
                   const std::string& name, const Entry* entry) {
    REPRIEVE_TRY(const struct stat status, folder.stat(name));
    if (entry == nullptr || !is_type(status.st_mode, entry->type))
      return remove(folder, shown, name, status.st_mode);
    if (entry->type != EntryType::kDirectory || !entry->directory) return kOk;
    REPRIEVE_TRY(const io::Directory child, folder.open_directory(name));
    return level(child, shown + "/" + name, path + name + "/", *entry->directory);
  }

  Result<> remove(const io::Directory& folder, const std::string& shown, const std::string& name,
                  mode_t mode) {
    if (options_.is_dry_run) {
      REPRIEVE_TRY(const std::uint64_t count, count_names(folder, name, mode, 0));
      removed_ += count;
      return kOk;
    }
    auto gone = io::remove_tree(folder, name, io::Immutable::kRespect, removed_);
    if (!gone) return std::move(gone).error().at("removing " + shown + "/" + name);
    return kOk;
  }

  RestoreReader& reader_;
  const TrimOptions& options_;
  std::uint64_t removed_ = 0;
};

}  // namespace

Result<std::uint64_t> trim_tree(RestoreReader& reader, const io::Directory& folder,
                                const std::string& shown, const ListRef& tree,
                                const TrimOptions& options) {
  Trim trim{reader, options};
  REPRIEVE_RETURN_IF_ERROR(trim.level(folder, shown, "", tree));
  return trim.removed();
}

}  // namespace reprieve
