#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "source/source.hpp"

namespace reprieve::backup {

/// How much of a point a test restore takes: random files up to both limits.
struct RestoreSample {
  std::uint64_t files_max = 100;
  std::uint64_t bytes_max = 256 * 1024 * 1024;
};

/// What a test restore showed.
struct RestoreCheck {
  std::uint64_t files = 0;  ///< Restored and compared.
  std::uint64_t bytes = 0;
  std::uint64_t files_in_point = 0;
  std::vector<Problem> damages;  ///< Paths that did not come back as they were captured.
};

/// Restores a random sample of a point's files into `folder` and compares what lies on the disk
/// then with what was captured: size, mode and time of each file, and its bytes by the ids of its
/// chunks. Every file has the same chance; one larger than what is left of the bytes is passed
/// over. A database's files are restored as files: whether a server starts from them is for a drill
/// to prove. `folder` is empty and stays the caller's. Damage is in the result, not an Error.
/// Errors: the reader's that are no damage; kExhausted if the disk is full; kCancelled.
Result<RestoreCheck> check_restore(RestoreReader& reader, const std::vector<Entry>& roots,
                                   const RestoreSample& sample, const std::string& folder,
                                   SeededRandom& random);

}  // namespace reprieve::backup
