#pragma once

#include <string_view>

#include "base/random.hpp"
#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "repository/credentials.hpp"

/// Secrets that one side finds with a throw-away key and the other with its own
/// (docs/format.md section 4): HKDF(X25519, "", purpose | repository id | ephemeral | recipient).
namespace reprieve::repository {

struct Agreement {
  crypto::PublicKey ephemeral{};
  Secret shared;  ///< Used for one message only.
};

/// Errors: kInvalid if `recipient` is a weak point.
Result<Agreement> agree_with(const crypto::PublicKey& recipient, std::string_view purpose,
                             const RepositoryId& repository, RandomSource& random);

/// What agree_with() gave the other side. Errors: kCorrupt if `ephemeral` is a weak point.
Result<Secret> agree_as(const crypto::ExchangeKey& recipient, const crypto::PublicKey& ephemeral,
                        std::string_view purpose, const RepositoryId& repository);

/// HMAC(shared, "reprieve commitment"): no two secrets have the same one.
crypto::Digest commitment_to(const Secret& shared);

}  // namespace reprieve::repository
