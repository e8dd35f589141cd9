#include "source/postgresql/connection.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "source/postgresql/internal/libpq_wait.hpp"

namespace reprieve {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  return text;
}

/// Settings that `uri` does not override, and those that override it (later ones win).
struct Parameters {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  void add(const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  }
};

/// Whether `uri` names a database; kInvalid if it is no connection string.
Result<bool> names_database(const std::string& uri) {
  char* complaint = nullptr;
  PQconninfoOption* const options = PQconninfoParse(uri.c_str(), &complaint);
  const bool is_valid = options != nullptr;
  bool has_database = false;
  for (const PQconninfoOption* o = options; is_valid && o->keyword != nullptr; ++o)
    if (std::string_view{o->keyword} == "dbname") has_database = o->val != nullptr;
  PQconninfoFree(options);
  PQfreemem(complaint);  // Not shown: it repeats the string, and with it a password.
  if (is_valid) return has_database;
  return Error{ErrorKind::kInvalid, "the database's connection string cannot be read",
               "Write it as postgres://user@host:port/database, special characters as %XX."};
}

/// Drives a login without blocking for longer than a person waits after Ctrl-C.
Result<> finish_login(PGconn* handle, Duration timeout, Clock& clock, const CancelToken& cancel) {
  constexpr int kSliceMs = 200;
  const Duration deadline = clock.uptime() + timeout;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (true) {
    REPRIEVE_RETURN_IF_ERROR(cancel.check());
    if (clock.uptime() > deadline)
      return Error{ErrorKind::kTransient, "the server did not answer in time",
                   "Check the network, the address and the port."};
    const short wanted = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    pollfd waiting{PQsocket(handle), wanted, 0};
    const int ready = ::poll(&waiting, 1, kSliceMs);
    if (ready < 0 && errno != EINTR) return error_from_errno(errno, "waiting for the server");
    if (ready <= 0) continue;
    state = PQconnectPoll(handle);
    if (state == PGRES_POLLING_OK) return kOk;
    if (state == PGRES_POLLING_FAILED) {
      const char* const user = PQuser(handle);
      return error_from_login(PQerrorMessage(handle), user != nullptr ? user : "");
    }
  }
}

std::string name_of_server(PGconn* handle) {
  const auto text = [](const char* value) { return std::string{value != nullptr ? value : ""}; };
  std::string host = text(PQhost(handle));
  if (host.empty()) host = "localhost";
  return text(PQuser(handle)) + "@" + host + ":" + text(PQport(handle));
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Where a verbose libpq text has its SQLSTATE: ":  28P01: message".
std::optional<std::pair<std::string_view, std::string_view>> split_sqlstate(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (std::size_t at = text.find(":  "); at != std::string_view::npos;
       at = text.find(":  ", at + 1)) {
    const std::string_view rest = text.substr(at + 3);
    if (rest.size() < 8 || rest.substr(5, 2) != ": ") continue;
    const std::string_view state = rest.substr(0, 5);
    if (state.find_first_not_of(kDigits) != std::string_view::npos) continue;
    const std::string_view message = rest.substr(7);
    return std::pair{state, message.substr(0, message.find('\n'))};
  }
  return std::nullopt;
}

/// The first text in double quotes: in pg_hba.conf's refusal the client's address.
std::string_view first_quoted(std::string_view text) {
  const std::size_t open = text.find('"');
  if (open == std::string_view::npos) return {};
  const std::size_t close = text.find('"', open + 1);
  return close == std::string_view::npos ? std::string_view{}
                                         : text.substr(open + 1, close - open - 1);
}

struct StateRule {
  std::string_view prefix;  ///< Of the SQLSTATE: a whole one, or a class of two characters.
  std::string_view word;    ///< Setting or file named in the message: these are not translated.
  ErrorKind kind;
  std::string_view hint;
};

// PostgreSQL manual, appendix "PostgreSQL Error Codes". The first rule that fits wins.
constexpr std::array kStateRules = {
    StateRule{"55000", "wal_level", ErrorKind::kInvalid,
              "Set wal_level = replica in the server's configuration and restart it."},
    StateRule{"55000", "max_replication_slots", ErrorKind::kInvalid,
              "Set max_replication_slots = 10 in the server's configuration and restart it."},
    StateRule{"53400", "", ErrorKind::kExhausted,
              "Drop a replication slot that nobody uses, or raise max_replication_slots."},
    StateRule{"53300", "(currently 0)", ErrorKind::kInvalid,
              "Set max_wal_senders = 10 in the server's configuration and restart it."},
    StateRule{"53300", "max_wal_senders", ErrorKind::kExhausted,
              "Raise max_wal_senders: a backup needs two of them."},
    StateRule{"53300", "", ErrorKind::kExhausted, "Raise max_connections, or try again later."},
    StateRule{"53", "", ErrorKind::kExhausted, "Free space or memory on the database server."},
    StateRule{"58030", "", ErrorKind::kCorrupt, "Check the database server's disks and its log."},
    StateRule{"58P01", "already been removed", ErrorKind::kNotFound, ""},
    StateRule{"58", "", ErrorKind::kTransient, ""},
    StateRule{"57", "", ErrorKind::kTransient, "The server is starting or stopping: try again."},
    StateRule{"08", "", ErrorKind::kTransient, ""},
    StateRule{"28P01", "", ErrorKind::kDenied,
              "Check the password, or the line for this server in PGPASSFILE or ~/.pgpass."},
    StateRule{"28", "", ErrorKind::kDenied, "Check the user's name and pg_hba.conf."},
    StateRule{"42501", "", ErrorKind::kDenied, "Grant the role what the message names."},
    StateRule{"3D000", "", ErrorKind::kInvalid, "Check the database's name."},
    StateRule{"42704", "", ErrorKind::kNotFound, ""},
    StateRule{"42710", "", ErrorKind::kConflict, ""},
    StateRule{"XX001", "", ErrorKind::kCorrupt, "Check the database server's disks and its log."},
    StateRule{"XX002", "", ErrorKind::kCorrupt, "Check the database server's disks and its log."},
    StateRule{"0A", "", ErrorKind::kInvalid, ""},
    StateRule{"22", "", ErrorKind::kInvalid, ""},
    StateRule{"42", "", ErrorKind::kInvalid, ""},
};

/// Notices would go to standard error, which is not libpq's to write on.
void ignore_notice(void*, const PGresult*) {}

}  // namespace

Error error_from_sqlstate(std::string_view sqlstate, std::string_view message) {
  for (const StateRule& rule : kStateRules)
    if (sqlstate.starts_with(rule.prefix) && contains(message, rule.word))
      return Error{rule.kind, std::string{trimmed(message)}, std::string{rule.hint}};
  return Error{ErrorKind::kTransient, std::string{trimmed(message)}};
}

Error error_from_login(std::string_view libpq_text, std::string_view user) {
  if (const auto split = split_sqlstate(libpq_text)) {
    const auto& [state, message] = *split;
    Error error = error_from_sqlstate(state, message);
    const std::string role{user};
    if (state == "42501") {
      error.hint = "Run on the server: ALTER ROLE \"" + role + "\" REPLICATION;";
    } else if (contains(message, "pg_hba.conf")) {
      const std::string_view address = first_quoted(message);
      const std::string from = contains(address, ".") || contains(address, ":")
                                   ? "host replication " + role + " " + std::string{address} +
                                         (contains(address, ":") ? "/128" : "/32")
                                   : "local replication " + role;
      error.hint = "Add the line \"" + from +
                   " scram-sha-256\" to pg_hba.conf on the server (for " +
                   "an ordinary session with the database's name in place of replication) and " +
                   "run: SELECT pg_reload_conf();";
    }
    return error;
  }
  const std::string what{trimmed(libpq_text)};
  if (contains(libpq_text, "no password supplied"))
    return {ErrorKind::kDenied, what, "Give the password, or put it into PGPASSFILE or ~/.pgpass."};
  if (contains(libpq_text, "certificate") || contains(libpq_text, "SSL error"))
    return {ErrorKind::kDenied, what, "Check sslmode, sslrootcert and the server's certificate."};
  if (contains(libpq_text, "does not support SSL"))
    return {ErrorKind::kInvalid, what, "Turn TLS on on the server, or lower sslmode."};
  return {ErrorKind::kTransient, what,
          "Check that the server runs and that host and port are right."};
}

Result<> check_version(int version) {
  if (version >= kPostgresVersionMin) return kOk;
  const std::string shown = version >= 100000 ? std::to_string(version / 10000)
                                              : std::to_string(version / 10000) + "." +
                                                    std::to_string(version / 100 % 100);
  return Error{ErrorKind::kInvalid, "the server runs PostgreSQL " + shown + ", which is too old",
               "PostgreSQL 13 or later is needed; back an older one up with pg_dump."};
}

void Connection::Closer::operator()(pg_conn* handle) const {
  PQfinish(handle);
}
Connection::Connection(pg_conn* handle, Duration silence_limit, Clock& clock)
    : handle_{handle},
      name_{name_of_server(handle)},
      silence_limit_{silence_limit},
      clock_{&clock} {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const PostgresAddress& address, Mode mode, Clock& clock,
                                    const CancelToken& cancel) {
  REPRIEVE_TRY(const bool has_database, names_database(address.uri));
  Parameters parameters;
  parameters.add("dbname", address.uri.c_str());
  parameters.add("fallback_application_name", address.application_name.c_str());
  // A peer that vanished without a word is noticed within a minute.
  parameters.add("keepalives_idle", "30");
  parameters.add("keepalives_interval", "10");
  parameters.add("keepalives_count", "3");
  // The same for bytes that nobody acknowledges: keepalives are not sent while some are on their
  // way.
  parameters.add("tcp_user_timeout", "60000");
  if (mode == Mode::kReplication)
    parameters.add("replication", "true");
  else if (!has_database)
    parameters.add("dbname", "postgres");
  if (!address.password.empty()) parameters.add("password", address.password.expose().c_str());
  parameters.add(nullptr, nullptr);
  Connection connection{
      PQconnectStartParams(parameters.keywords.data(), parameters.values.data(), 1),
      address.silence_limit, clock};
  PGconn* const handle = connection.handle();
  if (handle == nullptr) return Error{ErrorKind::kExhausted, "no memory for a connection"};
  PQsetErrorVerbosity(handle, PQERRORS_VERBOSE);  // The SQLSTATE of a refused login is only there.
  PQsetNoticeReceiver(handle, ignore_notice, nullptr);
  const std::string where = "connecting to " + connection.name();
  if (PQstatus(handle) == CONNECTION_BAD)
    return error_from_login(PQerrorMessage(handle), PQuser(handle)).at(where);
  if (auto login = finish_login(handle, address.connect_timeout, clock, cancel); !login)
    return std::move(login).error().at(where);
  PQsetErrorVerbosity(handle, PQERRORS_DEFAULT);
  connection.name_ = name_of_server(handle);  // Of several hosts, the one that answered.
  if (auto fits = check_version(PQserverVersion(handle)); !fits)
    return std::move(fits).error().at(connection.name());
  return connection;
}

Result<std::vector<PostgresRow>> Connection::query(const std::string& statement,
                                                   std::size_t row_limit) {
  if (PQsendQuery(handle(), statement.c_str()) == 0) return failure("running a command");
  // Statements are few and short-lived, so that nobody waits long for Ctrl-C to be obeyed.
  const CancelToken never;
  REPRIEVE_TRY(PgResult result, next_result(*this, never, silence_limit_));
  if (!result) return failure("running a command");
  const ExecStatusType status = PQresultStatus(result.get());
  while (true) {  // Until the connection is ready for the next; of several results the last counts.
    REPRIEVE_TRY(PgResult next, next_result(*this, never, silence_limit_));
    if (!next) break;
    result = std::move(next);
  }
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    const char* const state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    const char* const message = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
    if (state == nullptr || message == nullptr) return failure("running a command");
    return error_from_sqlstate(state, message).at(name());
  }
  const auto row_count = static_cast<std::size_t>(PQntuples(result.get()));
  if (row_count > row_limit)
    return Error{ErrorKind::kExhausted, name() + ": an answer has too many rows"};
  std::vector<PostgresRow> rows(row_count);
  for (int row = 0; row < PQntuples(result.get()); ++row)
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      auto& cells = rows[static_cast<std::size_t>(row)];
      if (PQgetisnull(result.get(), row, column) != 0)
        cells.emplace_back();
      else
        cells.emplace_back(
            std::string{PQgetvalue(result.get(), row, column),
                        static_cast<std::size_t>(PQgetlength(result.get(), row, column))});
    }
  return rows;
}

std::optional<std::string> Connection::show(std::string_view setting) {
  const auto rows = query("SHOW " + std::string{setting}, 1);
  if (!rows || rows->size() != 1 || (*rows)[0].size() != 1) return std::nullopt;
  return (*rows)[0][0];
}

int Connection::version() const {
  return PQserverVersion(handle());
}
const std::string& Connection::name() const {
  return name_;
}
pg_conn* Connection::handle() const {
  return handle_.get();
}

Error Connection::failure(std::string_view doing) const {
  return Error{
      ErrorKind::kTransient,
      name_ + ": " + std::string{doing} + ": " + std::string{trimmed(PQerrorMessage(handle()))},
      "Check the network and the server's log, then run it again."};
}

Error Connection::silence(std::string_view doing, Duration limit) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit).count();
  return Error{ErrorKind::kTransient,
               name_ + ": " + std::string{doing} + ": the server said nothing for " +
                   std::to_string(seconds) + " s",
               "Check the network, tunnels and proxies between here and the server, then run it "
               "again."};
}

}  // namespace reprieve
