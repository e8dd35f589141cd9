#pragma once

#include <string>
#include <vector>

#include "base/random.hpp"
#include "storage/object_store.hpp"

namespace reprieve {

/// What a store was seen to do, for one promise of ObjectStore.
struct ProbeFinding {
  std::string promise;  ///< "conditional-create" and its like: stable names.
  bool is_kept = false;
  std::string what;  ///< What was seen, for people.
};

/// Tries the promises that a repository rests on with a few small objects below "probe/", in real
/// calls: of eight writers at once exactly one wins, an object is read and listed once it was put,
/// ranges are exact, and an object can be removed. Removes what it made, where it may. Promises are
/// tried independently, so every one has its finding.
std::vector<ProbeFinding> probe_store(ObjectStore& store, RandomSource& random);

}  // namespace reprieve
