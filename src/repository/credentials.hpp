#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "crypto/crypto.hpp"

namespace reprieve::repository {

using RepositoryId = std::array<std::byte, 16>;
using WriterId = std::array<std::byte, 16>;

enum class Role : std::uint8_t { kWriter = 1, kPruner = 2, kReader = 3, kAdmin = 4 };

/// What a key unlocks: docs/format.md section 4. Absent members are what the role does not hold.
struct Credentials {
  struct EpochSecret {
    std::uint32_t epoch = 0;
    Secret secret;
  };
  Role role = Role::kAdmin;
  RepositoryId repository{};
  crypto::PublicKey root_public{};
  Secret chunk_id_key;                     ///< K_id.
  Secret chunker_key;                      ///< K_chunk.
  std::vector<EpochSecret> metadata_keys;  ///< K_meta by epoch.
  std::vector<EpochSecret> reading_keys;   ///< R_sk by epoch.
  Secret signing_seed;
  Secret root_seed;
};

/// Encoded credentials are key material themselves.
Secret encode_credentials(const Credentials& credentials);
/// Errors: kCorrupt.
Result<Credentials> parse_credentials(ByteView bytes);

/// How a user opens a repository: one of the first two is not empty.
struct UnlockKey {
  Secret passphrase;
  Secret key_file_secret;  ///< The 32 bytes that the file holds.
  /// Opens nothing: whom a new slot is sealed to (repository/recipient.hpp).
  std::optional<crypto::PublicKey> recipient = {};
};

/// The text of a new key file (comment lines included), and back. Errors: kInvalid with what is
/// wrong with the file.
std::string key_file_text(const Secret& secret, std::string_view comment);
Result<Secret> parse_key_file(ByteView text);

}  // namespace reprieve::repository
