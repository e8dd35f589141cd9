#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "repository/repository.hpp"

namespace reprieve::repository {

/// docs/format.md section 5.
struct Config {
  struct Epoch {
    std::uint32_t epoch = 0;
    crypto::PublicKey reading_public{};
  };
  struct Member {
    Role role = Role::kWriter;
    crypto::PublicKey key{};
    bool is_revoked = false;
    std::string name;
    /// Of a revoked writer: its last snapshot that counts.
    std::uint64_t last_seq = 0;
  };
  /// The keys of all epochs, sealed to one member.
  struct Handover {
    WriterId member{};
    crypto::PublicKey ephemeral{};
    Bytes sealed;
  };
  RepositoryId repository{};
  std::uint32_t format_version = 1;
  std::uint64_t generation = 1;
  std::array<std::byte, 32> previous{};
  Instant created;
  std::vector<std::string> required_features;
  std::vector<std::string> optional_features;
  crypto::PublicKey root{};
  std::vector<Epoch> epochs;
  std::vector<Member> members;
  ChunkerParameters chunker;
  std::vector<Handover> handovers;  ///< None but with the feature kHandoverFeature.
};

/// Required as soon as keys were handed over: without reading them, a member that has been there
/// before cannot go on.
inline constexpr std::string_view kHandoverFeature = "handover";

/// A record, signed by root.
Bytes encode_config(const Config& config, const crypto::SigningKey& root);
/// Errors: kCorrupt; kInvalid (with the hint to upgrade) for a newer format or required feature,
/// named. The signature is checked against the root key inside; the caller pins that key.
Result<Config> parse_config(ByteView record);

}  // namespace reprieve::repository
