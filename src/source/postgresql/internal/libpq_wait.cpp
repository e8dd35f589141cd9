#include "source/postgresql/internal/libpq_wait.hpp"

#include <poll.h>

#include <cerrno>

namespace reprieve {
namespace {

/// How long a wait goes on before it asks whether it was cancelled.
constexpr int kSliceMs = 200;

/// One wait for a server's bytes, in slices.
class Wait {
 public:
  Wait(Connection& connection, const CancelToken& cancel, Duration limit, std::string_view doing)
      : connection_{connection},
        cancel_{cancel},
        limit_{limit},
        doing_{doing},
        heard_{connection.clock().uptime()} {}

  Result<> slice() {
    REPRIEVE_RETURN_IF_ERROR(cancel_.check());
    REPRIEVE_TRY(const bool is_ready, wait_readable(connection_, kSliceMs));
    const Duration now = connection_.clock().uptime();
    if (is_ready) {
      heard_ = now;
      if (PQconsumeInput(connection_.handle()) == 0) return connection_.failure(doing_);
    } else if (now - heard_ > limit_) {
      return connection_.silence(doing_, limit_);
    }
    return kOk;
  }

 private:
  Connection& connection_;
  const CancelToken& cancel_;
  const Duration limit_;
  const std::string_view doing_;
  Duration heard_;
};

}  // namespace

Result<bool> wait_readable(const Connection& connection, int timeout_ms) {
  pollfd waiting{PQsocket(connection.handle()), POLLIN, 0};
  if (waiting.fd < 0) return connection.failure("waiting for the server");
  const int ready = ::poll(&waiting, 1, timeout_ms);
  if (ready < 0 && errno != EINTR) return error_from_errno(errno, "waiting for the server");
  return ready > 0;
}

Result<PgResult> next_result(Connection& connection, const CancelToken& cancel, Duration limit) {
  Wait wait{connection, cancel, limit, "waiting for an answer"};
  while (PQisBusy(connection.handle()) != 0)
    REPRIEVE_RETURN_IF_ERROR(wait.slice());
  return PgResult{PQgetResult(connection.handle())};
}

Result<std::optional<CopyMessage>> next_message(Connection& connection, const CancelToken& cancel,
                                                Duration limit) {
  Wait wait{connection, cancel, limit, "receiving data"};
  while (true) {
    char* memory = nullptr;
    const int length = PQgetCopyData(connection.handle(), &memory, 1);
    if (length > 0)
      return std::optional{CopyMessage{std::unique_ptr<char, PgMemoryCloser>{memory},
                                       static_cast<std::size_t>(length)}};
    if (length == -1) return std::optional<CopyMessage>{};
    if (length < 0) return connection.failure("receiving data");
    REPRIEVE_RETURN_IF_ERROR(wait.slice());
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
