#pragma once

#include <libpq-fe.h>

#include <memory>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"
#include "source/postgresql/connection.hpp"

/// libpq without blocking: every wait ends soon after the token is set, and when the server was
/// silent for longer than `limit`.
namespace reprieve {

struct PgResultCloser {
  void operator()(PGresult* result) const { PQclear(result); }
};
/// Null at the end of a command's results.
using PgResult = std::unique_ptr<PGresult, PgResultCloser>;

struct PgMemoryCloser {
  void operator()(char* memory) const { PQfreemem(memory); }
};

/// The payload of one CopyData message.
struct CopyMessage {
  std::unique_ptr<char, PgMemoryCloser> memory;
  std::size_t size = 0;
  [[nodiscard]] ByteView bytes() const {
    return std::as_bytes(std::span<const char>{memory.get(), size});
  }
};

/// Waits until the socket has bytes, at most `timeout_ms`. Returns whether it has.
/// Errors: kTransient.
Result<bool> wait_readable(const Connection& connection, int timeout_ms);

/// The next result of the command that was sent. Errors: kTransient, kCancelled.
Result<PgResult> next_result(Connection& connection, const CancelToken& cancel, Duration limit);

/// The next message of a COPY from the server; nothing at its end.
/// Errors: kTransient, kCancelled.
Result<std::optional<CopyMessage>> next_message(Connection& connection, const CancelToken& cancel,
                                                Duration limit);

/// The error that `result` reports, or what the connection says if it reports none.
Error error_of(const PgResult& result, const Connection& connection, std::string_view doing);

}  // namespace reprieve
