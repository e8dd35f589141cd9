#include "app/wal_reception.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "crypto/crypto.hpp"
#include "source/postgresql/wal_receiver.hpp"

namespace reprieve::app {
namespace {

constexpr Duration kFirstWait = std::chrono::seconds{1};
constexpr Duration kLongestWait = std::chrono::seconds{30};
constexpr Duration kTellInterval = std::chrono::seconds{1};
constexpr Duration kSlice = std::chrono::milliseconds{100};

/// One spool for each source of each repository.
std::string spool_folder(const Workspace& workspace, const OpenRepository& open,
                         const NamedSource& source) {
  return workspace.state_dir() + "/wal/" + to_hex(open.repository->id()) + "-" +
         to_hex(crypto::sha256(as_bytes(source.name))).substr(0, 16);
}

/// Whether a new try may do better without a person.
bool passes(const Error& error) {
  return error.kind == ErrorKind::kTransient || error.kind == ErrorKind::kExhausted ||
         error.kind == ErrorKind::kNotFound;
}

/// Makes an idle server write a commit now and then; a standby cannot, and is left alone.
class Heartbeat {
 public:
  Heartbeat(PostgresAddress address, Duration interval, const CancelToken& cancel)
      : address_{std::move(address)}, interval_{interval}, cancel_{cancel} {
    address_.application_name = "reprieve";
  }
  /// Called now and then with how far the log is held. Returns why it gives up, once.
  std::string beat(Lsn durable) {
    const Duration now = system_clock().uptime();
    if (durable != held_) {
      held_ = durable;
      changed_ = now;
    }
    if (is_over_ || interval_ == Duration{0} || durable.value == 0 || now - changed_ < interval_)
      return "";
    changed_ = now;
    auto sent = send();
    if (sent || sent.error().kind == ErrorKind::kTransient) return "";
    is_over_ = true;
    return "no heartbeat while the server is idle: " + sent.error().what;
  }

 private:
  Result<> send() {
    if (!session_) {
      auto opened = Connection::open(address_, Connection::Mode::kQuery, system_clock(), cancel_);
      if (!opened) return std::move(opened).error();
      session_.emplace(*std::move(opened));
    }
    auto done = session_->query(
        "SELECT CASE WHEN NOT pg_is_in_recovery() "
        "THEN pg_logical_emit_message(true, 'reprieve', 'heartbeat') END",
        1);
    if (done) return kOk;
    session_.reset();
    return std::move(done).error();
  }

  PostgresAddress address_;
  const Duration interval_;
  const CancelToken& cancel_;
  std::optional<Connection> session_;
  Lsn held_;
  Duration changed_{};
  bool is_over_ = false;
};

/// Calls `tell` about once a second until it ends.
class Teller {
 public:
  Teller(const backup::WalArchiver& archiver, const TellReception& tell, Heartbeat heartbeat)
      : archiver_{archiver},
        tell_{tell},
        heartbeat_{std::move(heartbeat)},
        thread_{[this] { run(); }} {}
  ~Teller() {
    {
      const std::lock_guard lock{mutex_};
      is_ending_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }
  void event(const std::string& sentence) {
    const std::lock_guard lock{mutex_};
    tell_(archiver_.status(), sentence);
  }

 private:
  void run() {
    while (!is_over_within(kTellInterval)) {
      // Which may take as long as connecting does: nobody waits for it.
      event(heartbeat_.beat(archiver_.status().durable));
    }
  }
  bool is_over_within(Duration pause) {
    std::unique_lock lock{mutex_};
    return ended_.wait_for(lock, pause, [this] { return is_ending_; });
  }
  const backup::WalArchiver& archiver_;
  const TellReception& tell_;
  Heartbeat heartbeat_;  ///< The thread's own.
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_ending_ = false;
  std::thread thread_;
};

/// Connects again and again. Errors: those that do not pass; kCancelled.
Result<> receive_until_told(WalReceiverOptions options, backup::WalArchiver& archiver,
                            Teller& teller, const CancelToken& cancel) {
  Clock& clock = system_clock();
  Duration pause{0};
  while (true) {
    const Lsn before = archiver.status().durable;
    auto received = receive_wal(options, archiver, clock, cancel);
    if (received) continue;
    const Error& error = received.error();
    if (!passes(error)) return received;
    if (archiver.status().durable != before) pause = Duration{0};
    options.is_anew = error.kind == ErrorKind::kNotFound;
    teller.event(
        options.is_anew
            ? "the server has removed log that was not received: there will be a gap from " +
                  format_lsn(archiver.status().durable) +
                  " on. Take a backup: moments in the gap cannot be restored."
            : error.what);
    pause = std::clamp(2 * pause, kFirstWait, kLongestWait);
    for (Duration waited{0}; waited < pause && !options.is_anew; waited += kSlice) {
      REPRIEVE_RETURN_IF_ERROR(cancel.check());
      clock.sleep_for(kSlice);
    }
  }
}

}  // namespace

Result<> receive_wal(const Workspace& workspace, OpenRepository& open, const NamedSource& source,
                     const WalReceptionChoices& choices, const TellReception& tell,
                     const CancelToken& cancel) {
  const auto* postgres = std::get_if<plan::PostgresSource>(&source.kind);
  if (postgres == nullptr)
    return Error{ErrorKind::kInvalid, source.name + " is no PostgreSQL server",
                 "Name a source of kind postgres, or a postgres:// URL."};
  WalReceiverOptions options;
  REPRIEVE_TRY(options.address, address_of(workspace, *postgres));
  REPRIEVE_TRY(PostgresAddress address, address_of(workspace, *postgres));
  options.address.application_name = "reprieve_wal";
  options.source = source.name;
  options.slot = choices.slot;
  REPRIEVE_TRY(auto archiver,
               backup::WalArchiver::open(*open.repository,
                                         {.folder = spool_folder(workspace, open, source)}));
  Result<> stored = kOk;
  std::thread storing{[&] { stored = archiver->run(); }};
  Result<> received = kOk;
  {
    Teller teller{*archiver, tell, {std::move(address), choices.heartbeat, cancel}};
    received = receive_until_told(std::move(options), *archiver, teller, cancel);
    archiver->finish();
    storing.join();
  }
  tell(archiver->status(), "");
  if (!received && received.error().kind != ErrorKind::kCancelled) return received;
  if (!stored)
    return std::move(stored)
        .error()
        .at("what was received last is not in the repository yet")
        .with_hint("It lies in the state folder: start the receiver again.");
  return kOk;
}

}  // namespace reprieve::app
