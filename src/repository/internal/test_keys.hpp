#pragma once

#include "base/assert.hpp"
#include "base/random.hpp"
#include "repository/internal/key_ring.hpp"

namespace reprieve::repository {

/// For tests: the keys of a repository that depends on nothing but `seed`.
inline KeyRing keys_for_test(std::uint64_t seed = 1) {
  SeededRandom random{seed};
  const auto root = crypto::SigningKey::generate(random);
  const auto writer = crypto::SigningKey::generate(random);
  const auto reading = crypto::ExchangeKey::generate(random);

  Config config;
  config.repository = crypto::random_array<16>(random);
  config.root = root.public_key();
  config.epochs.push_back({1, reading.public_key()});
  config.members.push_back({Role::kAdmin, writer.public_key(), false, "test"});

  Credentials credentials;
  credentials.repository = config.repository;
  credentials.root_public = config.root;
  credentials.chunk_id_key = crypto::random_secret(random);
  credentials.chunker_key = crypto::random_secret(random);
  credentials.metadata_keys.push_back({1, crypto::random_secret(random)});
  credentials.reading_keys.push_back({1, reading.secret().clone()});
  credentials.signing_seed = writer.seed().clone();
  credentials.root_seed = root.seed().clone();
  auto keys = KeyRing::make(std::move(credentials), config);
  REPRIEVE_ASSERT(keys);
  return *std::move(keys);
}

}  // namespace reprieve::repository
