#include "backup/find.hpp"

#include <algorithm>
#include <map>

#include "backup/point_tree.hpp"
#include "tree/glob.hpp"
#include "tree/path.hpp"

namespace reprieve::backup {
namespace {

using Points = std::vector<std::size_t>;

/// One state of a name, and the points that have it.
struct Variant {
  Entry entry;
  Points points;
};
using Names = std::map<std::string, std::vector<Variant>>;

/// A directory as some points have it.
struct Version {
  ListRef directory;
  Points points;
};

/// Whether a person would call two states the same: a directory is not what is in it.
bool is_same_state(const Entry& a, const Entry& b) {
  if (a.type != EntryType::kDirectory || b.type != EntryType::kDirectory) return a == b;
  Entry other = b;
  other.directory = a.directory;
  return a == other;
}

std::vector<PointRun> runs_of(Points points) {
  std::ranges::sort(points);
  std::vector<PointRun> runs;
  for (const std::size_t point : points) {
    if (!runs.empty() && runs.back().last + 1 == point)
      runs.back().last = point;
    else
      runs.push_back({point, point});
  }
  return runs;
}

class Search {
 public:
  Search(RestoreReader& reader, const FindQuery& query, const VisitFound& visit)
      : reader_{reader}, query_{query}, visit_{visit} {}

  void fold(const std::string& path, std::vector<Entry> entries, const Points& points,
            Names& names) {
    for (Entry& entry : entries) {
      ++reader_.progress().files;
      const bool is_wanted =
          entry.type == EntryType::kDirectory || matches(query_, path_of(path, entry.name), entry);
      if (!is_wanted) continue;
      auto& variants = names[entry.name];
      const auto same = std::ranges::find(variants, entry, &Variant::entry);
      if (same == variants.end())
        variants.push_back({std::move(entry), points});
      else
        same->points.insert(same->points.end(), points.begin(), points.end());
    }
  }

  Result<> visit_all(const std::string& path, const Names& names) {
    for (const auto& [name, variants] : names) {
      const std::string here = path_of(path, name);
      REPRIEVE_RETURN_IF_ERROR(tell(here, variants));
      std::vector<Version> versions;
      for (const Variant& variant : variants) {
        if (!variant.entry.directory) continue;
        const auto same =
            std::ranges::find(versions, *variant.entry.directory, &Version::directory);
        if (same == versions.end())
          versions.push_back({*variant.entry.directory, variant.points});
        else
          same->points.insert(same->points.end(), variant.points.begin(), variant.points.end());
      }
      REPRIEVE_RETURN_IF_ERROR(descend(here, versions));
    }
    return kOk;
  }

 private:
  /// A root's name is a whole path.
  static std::string path_of(const std::string& path, const std::string& name) {
    if (path.empty()) return name;
    return path.ends_with('/') ? path + name : joined_path(path, name);
  }

  Result<> descend(const std::string& path, const std::vector<Version>& versions) {
    Names names;
    for (const Version& version : versions) {
      REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
      ++reader_.progress().directories;
      auto entries = reader_.read_directory(version.directory);
      if (entries) {
        fold(path, *std::move(entries), version.points, names);
      } else if (entries.error().kind == ErrorKind::kCorrupt ||
                 entries.error().kind == ErrorKind::kNotFound) {
        reader_.report(
            {Problem::Kind::kUnreadable, path, "could not be searched: " + entries.error().what});
      } else {
        return std::move(entries).error();
      }
    }
    return visit_all(path, names);
  }

  Result<> tell(const std::string& path, const std::vector<Variant>& variants) {
    Found found;
    std::vector<Points> points;
    for (const Variant& variant : variants) {
      if (!matches(query_, path, variant.entry)) continue;
      const auto same = std::ranges::find_if(found.states, [&](const Found::State& state) {
        return is_same_state(state.entry, variant.entry);
      });
      const auto at = static_cast<std::size_t>(same - found.states.begin());
      if (same == found.states.end()) {
        found.states.push_back({variant.entry, {}});
        points.emplace_back();
      }
      points[at].insert(points[at].end(), variant.points.begin(), variant.points.end());
    }
    if (found.states.empty()) return kOk;
    found.path = path;
    for (std::size_t i = 0; i < points.size(); ++i)
      found.states[i].runs = runs_of(std::move(points[i]));
    std::ranges::sort(found.states, {},
                      [](const Found::State& state) { return state.runs.front().first; });
    return visit_(found);
  }

  RestoreReader& reader_;
  const FindQuery& query_;
  const VisitFound& visit_;
};

bool matches_pattern(std::string_view pattern, std::string_view path) {
  while (path.starts_with('/'))
    path.remove_prefix(1);
  if (pattern.starts_with('/')) return matches_glob(pattern.substr(1), path);
  const std::size_t segments = static_cast<std::size_t>(std::ranges::count(pattern, '/'));
  if (pattern.starts_with("**/") || segments == 0)
    return matches_glob(pattern, segments == 0 ? path.substr(path.rfind('/') + 1) : path);
  return matches_glob("**/" + std::string{pattern}, path);
}

}  // namespace

Result<> check_query(const FindQuery& query) {
  for (const std::string& pattern : query.patterns) {
    if (pattern.empty())
      return Error{ErrorKind::kInvalid, "an empty pattern matches nothing",
                   "Write a name such as '*.conf'."};
    if (!is_valid_glob(pattern))
      return Error{ErrorKind::kInvalid, "pattern '" + pattern + "' has a '[' without ']'",
                   "Close the bracket, or write '\\[' for the character itself."};
  }
  return kOk;
}

bool matches(const FindQuery& query, std::string_view path, const Entry& entry) {
  if (query.type && entry.type != *query.type) return false;
  if (query.newer && entry.modified <= *query.newer) return false;
  if (query.older && entry.modified >= *query.older) return false;
  if (entry.content.size < query.size_min || entry.content.size > query.size_max) return false;
  return query.patterns.empty() ||
         std::ranges::any_of(query.patterns, [&](const std::string& pattern) {
           return matches_pattern(pattern, path);
         });
}

Result<> find(RestoreReader& reader, std::span<const std::vector<Entry>> roots,
              const FindQuery& query, const VisitFound& visit) {
  Search search{reader, query, visit};
  Names names;
  for (std::size_t point = 0; point < roots.size(); ++point)
    search.fold("", roots[point], {point}, names);
  return search.visit_all("", names);
}

}  // namespace reprieve::backup
