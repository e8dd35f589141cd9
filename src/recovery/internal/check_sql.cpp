#include "recovery/internal/check_sql.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace reprieve::recovery {
namespace {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, FinishConnection>;
using QueryResult = std::unique_ptr<PGresult, ClearResult>;

/// libpq's messages are of several lines and end in one.
std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return text;
}

/// Names and values for PQconnectdbParams. The password lives as long as the object.
class ConnectionParameters {
 public:
  void add(const char* name, std::string value) {
    if (value.empty()) return;
    names_.push_back(name);
    texts_.push_back(std::move(value));
  }
  void set_password(Secret password) {
    password_ = Secret{password.size() + 1};  // With the zero that C wants.
    std::ranges::copy(password.expose(), password_.expose_mutable().begin());
    password_.expose_mutable().back() = std::byte{0};
  }
  Connection connect() const {
    std::vector<const char*> names = names_;
    std::vector<const char*> values;
    values.reserve(texts_.size() + 2);
    for (const std::string& text : texts_)
      values.push_back(text.c_str());
    if (!password_.empty()) {
      names.push_back("password");
      values.push_back(reinterpret_cast<const char*>(password_.expose().data()));
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    return Connection{PQconnectdbParams(names.data(), values.data(), 1)};
  }

 private:
  std::vector<const char*> names_;
  std::vector<std::string> texts_;
  Secret password_;
};

Result<> add_source(const CheckEnvironment& environment, const std::string& name,
                    ConnectionParameters& parameters) {
  const plan::Source* const source = environment.plan.find_source(name);
  const auto* const database =
      source == nullptr ? nullptr : std::get_if<plan::PostgresSource>(&source->kind);
  if (database == nullptr)
    return Error{ErrorKind::kInvalid, fmt::format("{} is no database of the plan", name)};
  parameters.add("host", database->host);
  parameters.add("port", std::to_string(database->port));
  parameters.add("user", database->user);
  parameters.add("dbname", database->database);
  if (!database->password) return kOk;
  REPRIEVE_TRY(Secret password, environment.secrets(database->password->text));
  parameters.set_password(std::move(password));
  return kOk;
}

}  // namespace

Result<std::optional<std::string>> query_first_value(const CheckEnvironment& environment,
                                                     const plan::SqlCheck& sql, Duration timeout) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout);
  ConnectionParameters parameters;
  if (sql.source)
    REPRIEVE_RETURN_IF_ERROR(add_source(environment, sql.source->text, parameters));
  else
    parameters.add("dbname", sql.url);
  // libpq takes less than two seconds as two.
  parameters.add("connect_timeout", std::to_string(std::max<std::int64_t>(seconds.count(), 2)));
  parameters.add("tcp_user_timeout", std::to_string(milliseconds.count()));
  parameters.add("application_name", "reprieve check");
  parameters.add("options", fmt::format("-c statement_timeout={}", milliseconds.count()));
  const Connection connection = parameters.connect();
  if (connection == nullptr) return Error{ErrorKind::kExhausted, "no memory for a connection"};
  if (PQstatus(connection.get()) != CONNECTION_OK)
    return Error{ErrorKind::kTransient, one_line(PQerrorMessage(connection.get()))};
  const QueryResult result{PQexec(connection.get(), sql.statement.c_str())};
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK) return std::optional<std::string>{};
  if (status != PGRES_TUPLES_OK)
    return Error{ErrorKind::kTransient, one_line(PQerrorMessage(connection.get()))};
  const bool has_value = PQntuples(result.get()) > 0 && PQnfields(result.get()) > 0 &&
                         PQgetisnull(result.get(), 0, 0) == 0;
  if (!has_value) return std::optional<std::string>{};
  return std::optional{std::string{PQgetvalue(result.get(), 0, 0)}};
}

}  // namespace reprieve::recovery
