#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "source/postgresql/connection.hpp"
#include "source/postgresql/wal_header.hpp"

namespace reprieve {

struct WalReceiverOptions {
  PostgresAddress address;
  std::string source;             ///< Into WalOrigin.
  std::string slot = "reprieve";  ///< A physical slot, made if it is not there.
  /// Begins at what the server has now, whatever is missing before.
  bool is_anew = false;
};

/// Takes what a receiver gets, in its thread.
class WalTaker {
 public:
  virtual ~WalTaker() = default;
  /// A timeline's log comes, from the returned position on: a segment's start. `kept_from` is the
  /// earliest that the server keeps for us; `is_anew`: what came before cannot be gone on with, for
  /// the server has removed what follows. Errors: kConflict if this is not the server, or not the
  /// history, that came before.
  virtual Result<Lsn> begin(const WalOrigin& origin, Lsn kept_from, bool is_anew) = 0;
  virtual Result<> write(Lsn at, ByteView bytes) = 0;
  /// Makes durable what was written; returns up to where it holds the log, which is farther than
  /// what was written while that was held before.
  virtual Result<Lsn> sync() = 0;
  /// By its own clock, the server's log ended there at that moment.
  virtual void heard(Lsn server_end, Instant sent) = 0;
};

/// Streams a server's log until something goes wrong, timeline after timeline. What the taker made
/// durable is reported as flushed, so that a synchronous standby's promise holds and the slot lets
/// go of it. Reports as soon as it is asked and whenever all that has come is durable.
/// Errors: kTransient for what a new try may mend; kNotFound if the server has removed what comes
/// next, so that there will be a gap; kConflict; kInvalid; kDenied; kCancelled.
Result<> receive_wal(const WalReceiverOptions& options, WalTaker& taker, Clock& clock,
                     const CancelToken& cancel);

}  // namespace reprieve
