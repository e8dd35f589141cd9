#pragma once

#include <cstdint>

#include "base/random.hpp"
#include "base/result.hpp"
#include "repository/credentials.hpp"
#include "repository/internal/config.hpp"

/// How the keys of a new epoch reach those who have access already, while their passwords and key
/// files lie elsewhere: sealed in the config to each member's signing key
/// (docs/adr/0013-keys-change-in-epochs.md). Pure but for randomness.
namespace reprieve::repository {

/// `epochs` holds the keys of all epochs that the member may have, and nothing else of credentials.
/// Errors: kCorrupt if the member's key is no key.
Result<Config::Handover> hand_over(const Credentials& epochs, const crypto::PublicKey& member,
                                   std::uint32_t epoch, RandomSource& random);

/// What was handed over to the holder of `own`. Errors: kCorrupt.
Result<Credentials> take_over(const Config::Handover& handover, const Config& config,
                              const crypto::SigningKey& own);

/// Adds the epochs of `news` that `credentials` does not hold yet.
void add_epochs(Credentials& credentials, const Credentials& news);

}  // namespace reprieve::repository
