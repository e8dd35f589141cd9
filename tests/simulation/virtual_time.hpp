#pragma once

#include "base/clock.hpp"

namespace reprieve::simulation {

/// The one time that passes for everybody in a world.
struct VirtualTime {
  Duration passed{};
};

/// A process's view of it: what it takes for the date is off, and may jump.
class WrongClock : public Clock {
 public:
  WrongClock(VirtualTime& time, Duration off) : time_{time}, off_{off} {}
  Instant now() override { return kEpoch + time_.passed + off_; }
  Duration uptime() override { return time_.passed; }
  void sleep_for(Duration d) override { time_.passed += d; }
  void jump_to(Duration off) { off_ = off; }

 private:
  static constexpr Instant kEpoch{1'700'000'000'000'000'000};
  VirtualTime& time_;
  Duration off_;
};

}  // namespace reprieve::simulation
