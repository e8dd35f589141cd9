#pragma once

#include <atomic>
#include <cstdint>

#include "base/bytes.hpp"

namespace reprieve {

/// The only source of randomness; keys come from it, so the real one must be the kernel's.
/// Passed in by constructor. Thread-safe.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(MutableByteView out) = 0;
};

/// getrandom(2). Aborts if the kernel cannot deliver: there is no safe way on.
RandomSource& system_random();

/// A reproducible stream of a seed, for tests and simulation only; never for keys that matter.
/// Threads that share one get distinct values, in an order that is theirs.
class SeededRandom : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_{seed} {}
  void fill(MutableByteView out) override;
  std::uint64_t next();  ///< splitmix64.

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace reprieve
