#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "app/sources.hpp"
#include "app/workspace.hpp"
#include "backup/wal_archiver.hpp"
#include "base/cancel.hpp"

namespace reprieve::app {

struct WalReceptionChoices {
  std::string slot = "reprieve";
  /// When nothing came for so long, the server is asked to commit a word, so that the log says how
  /// far it reaches in time. Zero: never.
  Duration heartbeat = std::chrono::minutes{1};
};

/// Receives the log of a PostgreSQL source into the repository until `cancel`, through every
/// failure that may pass: a server that is gone, a store that does not answer. `tell` is called
/// about once a second, and with `event`, a sentence, whenever something happened that a person
/// should know. Everything that was received is stored before it returns, if the store allows.
/// Errors: those that do not pass: kConflict (another server, another history, a second receiver),
/// kInvalid, kDenied; after `cancel` the store's, if something is left on this disk.
using TellReception =
    std::function<void(const backup::WalArchiverStatus& status, const std::string& event)>;
Result<> receive_wal(const Workspace& workspace, OpenRepository& open, const NamedSource& source,
                     const WalReceptionChoices& choices, const TellReception& tell,
                     const CancelToken& cancel);

}  // namespace reprieve::app
