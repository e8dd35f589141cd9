#include "repository/internal/session_record.hpp"

#include "base/codec.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {

Bytes encode_session(const SessionRecord& session, const crypto::SigningKey& writer) {
  Encoder out;
  out.raw(session.repository);
  out.raw(session.writer);
  out.raw(session.random);
  out.u64(session.gc_seen);
  out.i64(session.started.nanoseconds);
  return encode_signed_record(RecordKind::kSession, out.view(), writer);
}

SessionId session_id_of(ByteView record) {
  return crypto::sha256(record);
}

Result<SessionRecord> parse_session(ByteView record) {
  REPRIEVE_TRY(const ByteView body, parse_signed_record(record, RecordKind::kSession));
  Decoder in{body};
  SessionRecord session;
  session.repository = in.array<16>();
  session.writer = in.array<16>();
  session.random = in.array<16>();
  session.gc_seen = in.u64();
  session.started = Instant{in.i64()};
  REPRIEVE_RETURN_IF_ERROR(in.finish("session"));
  return session;
}

}  // namespace reprieve::repository
