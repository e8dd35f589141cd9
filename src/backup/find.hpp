#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/source.hpp"

namespace reprieve::backup {

/// What is looked for: a name that one of the patterns matches and that is all of the rest.
struct FindQuery {
  /// Globs (tree/glob.hpp) over raw bytes. Without '/': of a name at any depth. With '/' in front:
  /// of the whole path as it was captured. With another '/': of the path's last segments. Empty:
  /// all.
  std::vector<std::string> patterns = {};
  std::optional<EntryType> type = {};
  std::optional<FileTime> newer = {};  ///< Modified after it.
  std::optional<FileTime> older = {};  ///< Modified before it.
  std::uint64_t size_min = 0;          ///< Files; anything else has size 0.
  std::uint64_t size_max = UINT64_MAX;
};

/// Errors: kInvalid, naming the pattern that cannot be meant.
Result<> check_query(const FindQuery& query);

/// Whether `entry`, which lies at `path`, is what is looked for. Pure.
bool matches(const FindQuery& query, std::string_view path, const Entry& entry);

/// Neighbouring recovery points of a source, by their place in its list; both included.
struct PointRun {
  std::size_t first = 0;
  std::size_t last = 0;
  friend bool operator==(const PointRun&, const PointRun&) = default;
};

/// A name that was found, in all the states that it has in the points.
struct Found {
  struct State {
    Entry entry;
    std::vector<PointRun> runs;  ///< Ascending: the points in which it is in this state.
  };
  std::string path;           ///< Raw bytes, whole as it was captured.
  std::vector<State> states;  ///< By their first point.
};

/// Searches the trees of one source's points, `roots` as RepositoryReader::roots_of() gives them,
/// oldest first. Calls `visit` in path order. A directory that several points share is read once.
/// Holds the differing states of one directory and of those above it, no more. A directory that
/// cannot be read is reported to the reader and passed over. Errors: the visitor's and the
/// reader's.
using VisitFound = std::function<Result<>(const Found&)>;
Result<> find(RestoreReader& reader, std::span<const std::vector<Entry>> roots,
              const FindQuery& query, const VisitFound& visit);

}  // namespace reprieve::backup
