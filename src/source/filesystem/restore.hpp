#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "source/source.hpp"

namespace reprieve {

/// Where to write files back and how.
struct RestoreOptions {
  enum class Owners : std::uint8_t {
    kByName,   ///< The ids that this system has for the names; the numbers where it has none.
    kNumeric,  ///< The numbers.
    kSkip,     ///< Everything belongs to who restores.
  };

  std::string target;  ///< Directory; made if it does not exist.
  /// Restores only these and what lies below them: whole paths as they were captured, or paths
  /// relative to the recovery point's root. Raw bytes; empty for everything.
  std::vector<std::string> only;
  bool dry_run = false;  ///< Writes nothing, and counts what it would.
  bool delete_extra =
      false;  ///< Removes what the recovery point does not have, and what is in the way.
  /// Takes a file of the same size and modification time for the same. False: compares contents.
  bool trust_times = true;
  Owners owners = Owners::kByName;
  bool sync = false;     ///< Waits until everything is on the disk.
  unsigned threads = 0;  ///< 0: as many as there are cores, at least two.
};

struct RestoreSummary {
  std::uint64_t files = 0;  ///< Of any type but directories.
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0;  ///< Of all files.
  std::uint64_t files_written = 0;
  std::uint64_t bytes_written = 0;    ///< Brought from the repository.
  std::uint64_t bytes_kept = 0;       ///< Of the files written: taken over from what was there.
  std::uint64_t files_unchanged = 0;  ///< Had their content already; their metadata was put right.
  std::uint64_t deleted = 0;
  std::uint64_t problems = 0;  ///< Reported to the reader.
};

/// Writes `roots`, the entries of a snapshot's root tree, below `options.target`. A single root
/// directory's content goes straight into the target, and its metadata onto it; a single root of
/// another type becomes target/<its last name>; several become target/<their whole path>.
///
/// Nothing outside of the target is touched, whatever names and links the entries and the target
/// hold: every directory is opened relative to its parent's descriptor and never through a symlink.
/// What differs is written under a temporary name and renamed, so that each name always has its old
/// or its new content; a run that was interrupted is simply run again. Of a file that is there, or
/// that an interrupted run left half-written, the chunks that are right are found by their ids and
/// not brought again: a file that was only touched gets its metadata back and no more. A file that
/// the repository cannot give is left out, reported, and the rest goes on. Nothing is deleted
/// unless asked for: a directory in the way of a file, or a file in the way of a directory, is
/// reported and stays.
///
/// Errors: kNotFound if something in `only` does not exist; kExhausted if the disk is full, naming
/// the file; kDenied if the target cannot be written to; kInvalid; kCancelled; the reader's.
Result<RestoreSummary> restore_files(RestoreReader& reader, std::vector<Entry> roots,
                                     const RestoreOptions& options);

}  // namespace reprieve
