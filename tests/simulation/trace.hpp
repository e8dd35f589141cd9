#pragma once

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "base/bytes.hpp"
#include "base/format.hpp"

namespace reprieve::simulation {

/// All that happened in a world, in order, as one number; printed as it happens if asked for.
class Trace {
 public:
  enum class Printing : std::uint8_t { kNo, kYes };
  explicit Trace(Printing printing) : printing_{printing} {}

  void add(std::string_view event) {
    constexpr std::uint64_t kPrime = 0x100000001b3U;  // FNV-1a.
    for (const std::byte byte : as_bytes(event))
      hash_ = (hash_ ^ std::to_integer<std::uint64_t>(byte)) * kPrime;
    ++events_;
    if (printing_ == Printing::kYes)
      std::fputs(fmt::format("{:>6} {}\n", events_, event).c_str(), stderr);
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  const Printing printing_;
  std::uint64_t hash_ = 0xcbf29ce484222325U;
  std::uint64_t events_ = 0;
};

}  // namespace reprieve::simulation
