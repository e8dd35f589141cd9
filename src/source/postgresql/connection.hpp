#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "source/postgresql/password.hpp"

struct pg_conn;  // libpq's connection; its types stay out of the other headers.

namespace reprieve {

/// The oldest server whose protocol is spoken: the first with backup manifests.
inline constexpr int kPostgresVersionMin = 130000;

/// Where a server is and as whom it is reached.
struct PostgresAddress {
  /// `postgres://user@host:port/database?sslmode=verify-full` or any other connection string that
  /// libpq takes. What it leaves out comes from PGHOST, PGUSER, PGPASSFILE and so on.
  std::string uri;
  Password password;  ///< Handed to libpq in memory; wins over one in `uri`.
  /// What the server lists it as, unless `uri` says.
  std::string application_name = "reprieve";
  Duration connect_timeout = std::chrono::seconds{10};
  /// How long a server may say nothing while it owes an answer or the stream's next byte. A tunnel
  /// or proxy whose other end is gone keeps its TCP connection, so TCP notices nothing.
  Duration silence_limit = std::chrono::minutes{1};
};

/// One column set of an answer; SQL NULL is nothing.
using PostgresRow = std::vector<std::optional<std::string>>;

/// A session on a server, closed on the way out. Errors name the server as user@host:port, never a
/// password. Not thread-safe.
class Connection {
 public:
  enum class Mode : std::uint8_t {
    kReplication,  ///< Physical replication: no SQL but SHOW.
    kQuery,        ///< An ordinary session.
  };

  /// Errors: kTransient if the server cannot be reached, is starting, stopping or full; kDenied if
  /// the login, the role or pg_hba.conf refuses; kInvalid for a bad `uri`, an unknown database or a
  /// server older than 13; kCancelled.
  static Result<Connection> open(const PostgresAddress& address, Mode mode, Clock& clock,
                                 const CancelToken& cancel);

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  /// Runs one statement that answers with rows, or with none. `row_limit` bounds a hostile answer.
  /// Errors: of error_from_sqlstate(); kTransient if the connection broke, or if no answer came in
  /// the address's `silence_limit`.
  Result<std::vector<PostgresRow>> query(const std::string& statement,
                                         std::size_t row_limit = 1'000'000);
  /// The one value of a SHOW; nothing if the server does not know the setting or hides it from us.
  std::optional<std::string> show(std::string_view setting);

  [[nodiscard]] int version() const;              ///< 150020 for 15.20.
  [[nodiscard]] const std::string& name() const;  ///< "user@host:port".
  [[nodiscard]] pg_conn* handle() const;          ///< For the protocol code of this folder.
  [[nodiscard]] Error failure(std::string_view doing) const;  ///< kTransient, with libpq's words.
  /// kTransient: nothing was heard for longer than `limit`.
  [[nodiscard]] Error silence(std::string_view doing, Duration limit) const;
  [[nodiscard]] Duration silence_limit() const { return silence_limit_; }
  [[nodiscard]] Clock& clock() const { return *clock_; }

 private:
  Connection(pg_conn* handle, Duration silence_limit, Clock& clock);
  struct Closer {
    void operator()(pg_conn* handle) const;
  };
  std::unique_ptr<pg_conn, Closer> handle_;
  std::string name_;
  Duration silence_limit_;
  Clock* clock_;
};

/// Translates a server's SQLSTATE and message. Pure.
Error error_from_sqlstate(std::string_view sqlstate, std::string_view message);

/// Translates libpq's text about a failed login; with verbosity "verbose" it contains the SQLSTATE,
/// which unlike the words is the same in every language. `user` goes into the hints. Pure.
Error error_from_login(std::string_view libpq_text, std::string_view user);

/// kInvalid if a server of this version is too old. Pure.
Result<> check_version(int version);

}  // namespace reprieve
