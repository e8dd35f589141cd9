#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "repository/repository.hpp"

/// Takes a file or folder out of recovery points that were made already
/// (docs/adr/0017-erasing-rewrites-points.md).
namespace reprieve::backup {

struct EraseOptions {
  std::string path;    ///< Whole, as it was captured; raw bytes.
  std::string source;  ///< Only points of this source; empty: of all.
  bool is_dry_run = false;
};

struct EraseReport {
  enum class Outcome : std::uint8_t {
    kErased,
    kWouldBeErased,  ///< Dry run.
    kHeld,           ///< Somebody holds the point: it stays as it is.
    kTooNew,         ///< It was rewritten and stays beside it until a prune has seen it.
  };
  struct Point {
    repository::Snapshot original;
    std::string replacement;  ///< Id, hexadecimal; empty if there is none.
    Outcome outcome = Outcome::kErased;
    std::uint64_t files = 0;  ///< Of any type but directories.
    std::uint64_t directories = 0;
    std::uint64_t bytes = 0;
    /// Files that had other names in the point (hard links): the content stays under these.
    std::uint64_t linked_files = 0;
  };
  std::vector<Point> points;        ///< Those that held the path, oldest first.
  std::vector<std::string> other;   ///< Points that do not consist of files, by id: not looked at.
  std::uint64_t chunks = 0;         ///< Of what was erased, each once.
  std::uint64_t chunks_needed = 0;  ///< Of them, what something else needs: it stays.
};

/// Commits each point that holds the path anew without it, and removes the original. The bytes are
/// gone once a prune has rewritten the packs that hold them (repository::PruneOptions::unused_max
/// of 0). May be stopped at any time: the next call goes on. Errors: kNotFound if no point holds
/// the path; kInvalid for a path that is not whole; kDenied unless an admin's key is at hand;
/// kCorrupt if a point cannot be read: nothing was changed then; kConflict if points were removed
/// meanwhile; the store's; kCancelled.
Result<EraseReport> erase(repository::Repository& repository, const EraseOptions& options,
                          Progress& progress, const CancelToken& cancel);

}  // namespace reprieve::backup
