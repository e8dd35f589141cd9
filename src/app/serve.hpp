#pragma once

#include <functional>
#include <string>

#include "app/workspace.hpp"
#include "base/cancel.hpp"
#include "base/json.hpp"

namespace reprieve::app {

/// Something that a person should know of a job that is served.
struct ServeEvent {
  enum class Kind : std::uint8_t {
    kBegun,    ///< Of a backup; a receiver that has the server's log.
    kDone,     ///< A backup was taken.
    kProved,   ///< A recovery point was read again, as its policy asks.
    kTrouble,  ///< It failed, or needs a person; it is tried again.
    kStands,   ///< Of a receiver, once a minute: how it stands.
  };
  std::string job;
  Kind kind = Kind::kBegun;
  std::string text;
  std::string hint = {};  ///< What to do about it.
  Json details = {};      ///< What the job's command said; null if it said nothing.
};
std::string_view name_of(ServeEvent::Kind kind);
using TellServe = std::function<void(const ServeEvent&)>;

/// Runs what the plan of `workspace` gives to do (app/serve_jobs.hpp), each job as a command of
/// this program in a process of its own, until `cancel`; then asks all of them to stop and waits.
/// Jobs that fail are told and tried again. `tell` is called by one thread at a time.
/// Errors: kInvalid if there is no plan, or nothing in it to do; kConflict if another one serves
/// in this state folder.
Result<> serve(const Workspace& workspace, const TellServe& tell, const CancelToken& cancel);

}  // namespace reprieve::app
