#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "recovery/context.hpp"
#include "recovery/host.hpp"
#include "recovery/internal/act_run.hpp"

namespace reprieve::recovery {

/// The command that an act's arguments hold.
HostCommand command_of(const Json& args);

/// A keyed child with an end, as the acts use it: start, watch, bring to an end.
class Child {
 public:
  explicit Child(const Context& context) : context_{context} {}

  Result<> start(const ActTry& attempt, HostCommand command);
  /// What became of the try of a process that is gone: under way again, ended (poll() tells), not
  /// applied (and from now on it cannot be), or unknown.
  Result<ActStatus::Kind> recover(const ActTry& attempt);
  /// Nothing while it runs. Errors: kConflict if it is lost.
  Result<std::optional<ChildView>> poll();
  /// Asks it to end; the next calls insist.
  Result<> stop();

  [[nodiscard]] const ChildKey& key() const { return key_; }
  [[nodiscard]] std::uint64_t output_bytes() const { return output_bytes_; }
  std::string last_line();
  /// Why it failed, in the words of its own last output.
  std::string describe_failure(const ChildView& view);

 private:
  Result<> insist();
  std::string own_error();

  const Context& context_;
  ChildKey key_;
  std::uint64_t output_bytes_ = 0;
  std::optional<Duration> asked_to_stop_at_;
  bool was_asked_ = false;  ///< The first signal reached it.
  std::optional<Duration> started_at_;
};

/// The last line that is not blank, cut to what a screen can show.
std::string last_line_of(const std::string& text);

}  // namespace reprieve::recovery
