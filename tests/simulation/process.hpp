#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "repository/repository.hpp"
#include "simulation/virtual_time.hpp"
#include "storage/faulty/chaotic_store.hpp"
#include "storage/retrying/retrying_store.hpp"

namespace reprieve::simulation {

class Process;

/// Asked before each call of any process to the store.
using BeforeCall = std::function<Result<CallFate>(Process&, StoreCall, std::string_view key)>;

/// What a process is started with.
struct Start {
  std::uint64_t number = 0;
  std::uint64_t seed = 0;
  Duration clock_off{};
  std::byte key{};               ///< Every byte of its key file's secret.
  std::uint64_t power_cuts = 0;  ///< That came before it.
};

/// One running program: a way to the store that is tried again as ours does, a clock, and a
/// repository once open() succeeded. All in the caller's thread.
class Process {
 public:
  Process(ChaoticHost& host, VirtualTime& time, const BeforeCall& before, const Start& start);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  Result<> open();

  /// From here on every call fails; nothing is done any more on the way out.
  void die() { is_dead_ = true; }
  [[nodiscard]] bool is_dead() const { return is_dead_; }
  [[nodiscard]] const Start& start() const { return start_; }
  [[nodiscard]] WrongClock& clock() { return clock_; }
  [[nodiscard]] repository::Repository& repository() { return *repository_; }

 private:
  const Start start_;
  bool is_dead_ = false;
  SeededRandom random_;
  WrongClock clock_;
  RetryingStore store_;
  std::unique_ptr<repository::Repository> repository_;
};

/// The key file whose secret is `key` again and again.
repository::UnlockKey key_of(std::byte key);

}  // namespace reprieve::simulation
