#include "recovery/check_runner.hpp"

#include <utility>

namespace reprieve::recovery {

ThreadedCheckRunner::~ThreadedCheckRunner() {
  for (auto& [ticket, attempt] : tries_)
    attempt->thread.join();
}

Result<std::uint64_t> ThreadedCheckRunner::start(const std::string& name) {
  const plan::Check* const check = environment_.plan.find_check(name);
  if (check == nullptr) return Error{ErrorKind::kNotFound, "the plan has no check " + name};
  auto attempt = std::make_unique<Try>();
  attempt->thread = std::thread{[this, check, &slot = *attempt] {
    CheckResult result = try_check(environment_, *check);
    const std::lock_guard lock{slot.mutex};
    slot.result = std::move(result);
  }};
  tries_.emplace(++last_ticket_, std::move(attempt));
  return last_ticket_;
}

std::optional<CheckResult> ThreadedCheckRunner::poll(std::uint64_t ticket) {
  const auto it = tries_.find(ticket);
  if (it == tries_.end()) return std::nullopt;
  std::optional<CheckResult> result;
  {
    const std::lock_guard lock{it->second->mutex};
    result = it->second->result;
  }
  if (!result) return std::nullopt;
  it->second->thread.join();
  tries_.erase(it);
  return result;
}

}  // namespace reprieve::recovery
