#include "storage/local/listing.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "storage/key.hpp"
#include "storage/local/place.hpp"

namespace reprieve::local {
namespace {

using io::DirectoryEntry;
using io::EntryKind;

enum class Level { kPlain, kPacks, kSpreadPacks };

struct Item {
  std::string order;  ///< What the keys of this item begin with: folders sort as "name/".
  std::string name;
  EntryKind kind = EntryKind::kUnknown;
};

/// One listing in progress.
class Walk {
 public:
  explicit Walk(const ObjectStore::Visit& visit) : visit_{visit} {}

  /// `prefix` is the beginning of all keys in `folder`; `spread` the folder's name if it holds
  /// spread packs.
  Result<> folder(const io::Directory& folder, const std::string& prefix, Level level,
                  std::string_view spread = {}) const {
    REPRIEVE_TRY(const std::vector<Item> items, sorted_items(folder, prefix, level, spread));
    for (const Item& item : items) {
      REPRIEVE_RETURN_IF_ERROR(item.kind == EntryKind::kDirectory
                                   ? subfolder(folder, prefix, level, item.name)
                                   : file(folder, prefix, item.name));
    }
    return kOk;
  }

 private:
  static Result<std::vector<Item>> sorted_items(const io::Directory& folder,
                                                const std::string& prefix, Level level,
                                                std::string_view spread) {
    REPRIEVE_TRY(const std::vector<DirectoryEntry> entries, folder.list());
    std::vector<Item> items;
    for (const DirectoryEntry& entry : entries) {
      REPRIEVE_TRY(const EntryKind kind, kind_of(folder, entry));
      if (!may_belong(prefix, level, spread, entry.name, kind)) continue;
      const bool is_plain_folder = kind == EntryKind::kDirectory && level == Level::kPlain;
      items.push_back({is_plain_folder ? entry.name + "/" : entry.name, entry.name, kind});
    }
    std::ranges::sort(items, {}, &Item::order);
    return items;
  }

  /// Some file systems do not tell kinds in a listing.
  static Result<EntryKind> kind_of(const io::Directory& folder, const DirectoryEntry& entry) {
    if (entry.kind != EntryKind::kUnknown) return entry.kind;
    auto status = folder.stat(entry.name);
    if (!status && status.error().kind == ErrorKind::kNotFound) return EntryKind::kOther;
    if (!status) return std::move(status).error();
    if (S_ISDIR(status->st_mode)) return EntryKind::kDirectory;
    return S_ISREG(status->st_mode) ? EntryKind::kFile : EntryKind::kOther;
  }

  /// Whether a file is where place_of() puts an object, or a folder may hold such files.
  static bool may_belong(const std::string& prefix, Level level, std::string_view spread,
                         const std::string& name, EntryKind kind) {
    if (!is_valid_key(prefix + name)) return false;
    if (kind != EntryKind::kFile && kind != EntryKind::kDirectory) return false;
    const bool is_folder = kind == EntryKind::kDirectory;
    switch (level) {
      case Level::kPlain:
        return true;
      case Level::kPacks:
        return is_folder ? name.size() == 2 && is_spread(name) : !is_spread(name);
      case Level::kSpreadPacks:
        return !is_folder && name.starts_with(spread);
    }
    return false;
  }

  Result<> subfolder(const io::Directory& folder, const std::string& prefix, Level level,
                     const std::string& name) const {
    auto below = folder.open_directory(name);
    if (!below && below.error().kind == ErrorKind::kNotFound) return kOk;  // Removed meanwhile.
    if (!below) return std::move(below).error();
    if (level == Level::kPacks) return this->folder(*below, prefix, Level::kSpreadPacks, name);
    const bool is_packs = prefix.empty() && name == kPackFolder;
    return this->folder(*below, prefix + name + "/", is_packs ? Level::kPacks : Level::kPlain);
  }

  Result<> file(const io::Directory& folder, const std::string& prefix,
                const std::string& name) const {
    auto status = folder.stat(name);
    if (!status && status.error().kind == ErrorKind::kNotFound) return kOk;  // Removed meanwhile.
    if (!status) return std::move(status).error();
    return visit_({prefix + name, ByteCount{static_cast<std::uint64_t>(status->st_size)}});
  }

  const ObjectStore::Visit& visit_;
};

}  // namespace

Result<> list_objects(const io::Directory& root, std::string_view prefix,
                      const ObjectStore::Visit& visit) {
  REPRIEVE_RETURN_IF_ERROR(check_list_prefix(prefix));
  const std::string packs = std::string{kPackFolder} + "/";
  if (prefix != packs && prefix.starts_with(packs)) return kOk;  // No keys are that deep.
  const std::string folder{prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1)};
  auto opened = open_folder(root, folder);
  // A file or link in the way is foreign, or an object; no key lies below it.
  if (!opened &&
      (opened.error().kind == ErrorKind::kNotFound || opened.error().kind == ErrorKind::kInvalid))
    return kOk;
  if (!opened) return std::move(opened).error();
  return Walk{visit}.folder(*opened, std::string{prefix},
                            prefix == packs ? Level::kPacks : Level::kPlain);
}

}  // namespace reprieve::local
