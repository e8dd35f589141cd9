#include "source/postgresql/internal/libpq_wait.hpp"

#include <poll.h>

#include <cerrno>

namespace reprieve {
namespace {

/// How long a wait goes on before it asks whether it was cancelled.
constexpr int kSliceMs = 200;

}  // namespace

Result<bool> wait_readable(const Connection& connection, int timeout_ms) {
  pollfd waiting{PQsocket(connection.handle()), POLLIN, 0};
  if (waiting.fd < 0) return connection.failure("waiting for the server");
  const int ready = ::poll(&waiting, 1, timeout_ms);
  if (ready < 0 && errno != EINTR) return error_from_errno(errno, "waiting for the server");
  return ready > 0;
}

Result<PgResult> next_result(Connection& connection, const CancelToken& cancel) {
  while (PQisBusy(connection.handle()) != 0) {
    REPRIEVE_RETURN_IF_ERROR(cancel.check());
    REPRIEVE_TRY(const bool is_ready, wait_readable(connection, kSliceMs));
    if (is_ready && PQconsumeInput(connection.handle()) == 0)
      return connection.failure("waiting for an answer");
  }
  return PgResult{PQgetResult(connection.handle())};
}

Result<std::optional<CopyMessage>> next_message(Connection& connection, const CancelToken& cancel) {
  while (true) {
    char* memory = nullptr;
    const int length = PQgetCopyData(connection.handle(), &memory, 1);
    if (length > 0)
      return std::optional{CopyMessage{std::unique_ptr<char, PgMemoryCloser>{memory},
                                       static_cast<std::size_t>(length)}};
    if (length == -1) return std::optional<CopyMessage>{};
    if (length < 0) return connection.failure("receiving data");
    REPRIEVE_RETURN_IF_ERROR(cancel.check());
    REPRIEVE_TRY(const bool is_ready, wait_readable(connection, kSliceMs));
    if (is_ready && PQconsumeInput(connection.handle()) == 0)
      return connection.failure("receiving data");
  }
}

Error error_of(const PgResult& result, const Connection& connection, std::string_view doing) {
  const char* const state = result ? PQresultErrorField(result.get(), PG_DIAG_SQLSTATE) : nullptr;
  const char* const message =
      result ? PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY) : nullptr;
  if (state == nullptr || message == nullptr) return connection.failure(doing);
  return error_from_sqlstate(state, message).at(connection.name() + ": " + std::string{doing});
}

}  // namespace reprieve
