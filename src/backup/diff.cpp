#include "backup/diff.hpp"

namespace reprieve::backup {
namespace {

/// Walks two sorted listings side by side.
class Comparison {
 public:
  Comparison(RestoreReader& reader, const VisitChange& visit) : reader_{reader}, visit_{visit} {}

  Result<> directories(const std::string& path, const std::vector<Entry>& before,
                       const std::vector<Entry>& after) {
    auto a = before.begin();
    auto b = after.begin();
    while (a != before.end() || b != after.end()) {
      if (b == after.end() || (a != before.end() && a->name < b->name)) {
        REPRIEVE_RETURN_IF_ERROR(one_sided(Change::Kind::kRemoved, path, *a++));
      } else if (a == before.end() || b->name < a->name) {
        REPRIEVE_RETURN_IF_ERROR(one_sided(Change::Kind::kAdded, path, *b++));
      } else {
        REPRIEVE_RETURN_IF_ERROR(both(path, *a++, *b++));
      }
    }
    return kOk;
  }

 private:
  static std::string below(const std::string& path, const Entry& entry) {
    if (path.empty() || entry.name.starts_with('/')) return entry.name;
    return path.ends_with('/') ? path + entry.name : path + "/" + entry.name;
  }

  Result<std::vector<Entry>> children(const Entry& entry) {
    REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
    if (!entry.directory) return std::vector<Entry>{};
    return reader_.read_directory(*entry.directory);
  }

  Result<> one_sided(Change::Kind kind, const std::string& path, const Entry& entry) {
    const bool is_added = kind == Change::Kind::kAdded;
    const std::string here = below(path, entry);
    REPRIEVE_RETURN_IF_ERROR(visit_({kind, here, entry.type, is_added ? 0 : entry.content.size,
                                     is_added ? entry.content.size : 0}));
    if (entry.type != EntryType::kDirectory) return kOk;
    REPRIEVE_TRY(const std::vector<Entry> inside, children(entry));
    for (const Entry& child : inside)
      REPRIEVE_RETURN_IF_ERROR(one_sided(kind, here, child));
    return kOk;
  }

  Result<> both(const std::string& path, const Entry& before, const Entry& after) {
    const std::string here = below(path, after);
    if (before.type != after.type) {
      REPRIEVE_RETURN_IF_ERROR(one_sided(Change::Kind::kRemoved, path, before));
      return one_sided(Change::Kind::kAdded, path, after);
    }
    const bool is_same_content = before.content == after.content && before.target == after.target &&
                                 before.device_major == after.device_major &&
                                 before.device_minor == after.device_minor;
    Entry rest = before;
    rest.content = after.content;
    rest.target = after.target;
    rest.directory = after.directory;
    const bool is_same_metadata = rest == after;
    if (!is_same_content || !is_same_metadata) {
      const auto kind = is_same_content ? Change::Kind::kMetadata : Change::Kind::kModified;
      REPRIEVE_RETURN_IF_ERROR(
          visit_({kind, here, after.type, before.content.size, after.content.size}));
    }
    if (after.type != EntryType::kDirectory || before.directory == after.directory) return kOk;
    REPRIEVE_TRY(const std::vector<Entry> old_children, children(before));
    REPRIEVE_TRY(const std::vector<Entry> new_children, children(after));
    return directories(here, old_children, new_children);
  }

  RestoreReader& reader_;
  const VisitChange& visit_;
};

}  // namespace

Result<> compare(RestoreReader& reader, const std::vector<Entry>& before,
                 const std::vector<Entry>& after, const VisitChange& visit) {
  return Comparison{reader, visit}.directories("", before, after);
}

}  // namespace reprieve::backup
