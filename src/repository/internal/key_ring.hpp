#pragma once

#include <array>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "repository/credentials.hpp"
#include "repository/internal/config.hpp"
#include "repository/write_session.hpp"

namespace reprieve::repository {

using Commitment = std::array<std::byte, 16>;

/// A session's public half, as labels and indexes carry it.
struct SessionKeyEntry {
  crypto::PublicKey ephemeral{};
  std::uint32_t epoch = 0;
  Commitment commitment{};
};

/// The keys of an open repository and every derivation of docs/format.md section 4. Immutable,
/// thread-safe.
class KeyRing {
 public:
  /// Adds what the config hands over to whom the credentials belong to. Errors: kDenied if config
  /// and credentials name different roots or repositories; kCorrupt.
  static Result<KeyRing> make(Credentials credentials, const Config& config);

  [[nodiscard]] const Credentials& credentials() const;
  [[nodiscard]] const Config& config() const;
  [[nodiscard]] const RepositoryId& repository_id() const;
  [[nodiscard]] ChunkId chunk_id(ChunkType type, ByteView plaintext) const;
  [[nodiscard]] std::array<std::uint64_t, 256> gear_table() const;

  /// Metadata under K_meta. `kind` is the record kind (9 for a pack's trailer).
  /// Layout: u32 epoch | salt 32 | sealed. Sealing asserts that the current epoch's key is held
  /// (can_seal_metadata()). Errors of open: kCorrupt; kDenied if the epoch's key is not held.
  [[nodiscard]] Bytes seal_metadata(RandomSource& random, std::uint8_t kind, ByteView associated,
                                    ByteView plaintext) const;
  [[nodiscard]] Result<Bytes> open_metadata(std::uint8_t kind, ByteView associated,
                                            ByteView sealed) const;

  /// The writer's side of a session: S, and what to publish.
  struct Session {
    Secret shared;
    SessionKeyEntry entry;
  };
  [[nodiscard]] Result<Session> new_session(RandomSource& random) const;
  /// The reader's side. Errors: kDenied without R_sk of that epoch; kCorrupt if the commitment
  /// does not fit.
  [[nodiscard]] Result<Secret> open_session(const SessionKeyEntry& entry) const;

  [[nodiscard]] bool can_read() const;   ///< Holds a key that opens data.
  [[nodiscard]] bool can_write() const;  ///< May run write sessions: an active writer or admin.
  [[nodiscard]] bool can_seal_metadata() const;
  /// Errors: kDenied if the keys of the current epoch were not handed over to this key.
  [[nodiscard]] Result<> check_is_current() const;
  [[nodiscard]] bool can_sign() const;
  [[nodiscard]] const crypto::SigningKey& signing_key() const;  ///< Asserts can_sign().
  [[nodiscard]] WriterId writer_id() const;                     ///< Asserts can_sign().
  /// The root's own pair; null if it is not held.
  [[nodiscard]] const crypto::SigningKey* root_key() const;

  /// Whether a backup may rely on what packs of this writer claim to hold: its own, and an admin's.
  /// Another writer could name a chunk in its trailer that its pack does not hold, and so keep
  /// everybody else from storing it.
  [[nodiscard]] bool may_rely_on(const WriterId& writer) const;

  /// Who signs under an id: a member of the config, or root. Revoked members are there too: what
  /// they signed before stays history.
  struct Signer {
    crypto::PublicKey key{};
    bool may_write = false;  ///< Sessions, packs, indexes, snapshots.
    bool may_prune = false;  ///< GC plans, tombs.
    bool is_root = false;    ///< Indexes of anybody's packs.
    bool is_revoked = false;
    std::uint64_t last_seq = 0;  ///< Of a revoked writer: its last snapshot that counts.
  };
  [[nodiscard]] std::optional<Signer> signer(const WriterId& id) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

/// The key of one frame.
Secret frame_key(const Secret& session_shared, const crypto::Salt16& salt);

/// First 16 bytes of SHA-256(public key).
WriterId writer_id_of(const crypto::PublicKey& key);

}  // namespace reprieve::repository
