#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "repository/credentials.hpp"
#include "repository/internal/object_names.hpp"

/// A writer's announcement of its session (docs/format.md section 5). Pure.
namespace reprieve::repository {

/// What a collector's session says in place of the newest plan that it saw.
inline constexpr std::uint64_t kCollectorSession = ~std::uint64_t{0};

struct SessionRecord {
  RepositoryId repository{};
  WriterId writer{};
  std::array<std::byte, 16> random{};
  std::uint64_t gc_seen = 0;
  Instant started;
};

/// The record, signed; its SHA-256 is the session's id. Store it as a twin under
/// id_key(kSessionPrefix, id).
Bytes encode_session(const SessionRecord& session, const crypto::SigningKey& writer);
SessionId session_id_of(ByteView record);
/// Checks the structure, not the signature. Errors: kCorrupt; kInvalid for a newer version.
Result<SessionRecord> parse_session(ByteView record);

}  // namespace reprieve::repository
