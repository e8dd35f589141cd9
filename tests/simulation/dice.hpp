#pragma once

#include <cstdint>

#include "base/random.hpp"

namespace reprieve::simulation {

/// Every decision of a simulated world, from its seed.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_{seed} {}
  std::uint64_t next() { return random_.next(); }
  std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  SeededRandom random_;
};

}  // namespace reprieve::simulation
