#include "repository/internal/agreement.hpp"

#include "base/codec.hpp"

namespace reprieve::repository {
namespace {

Secret derive(const Secret& agreed, std::string_view purpose, const RepositoryId& repository,
              const crypto::PublicKey& ephemeral, const crypto::PublicKey& recipient) {
  Encoder context;
  context.raw(as_bytes(purpose));
  context.raw(repository);
  context.raw(ephemeral);
  context.raw(recipient);
  return crypto::hkdf(agreed, {}, context.view());
}

}  // namespace

Result<Agreement> agree_with(const crypto::PublicKey& recipient, std::string_view purpose,
                             const RepositoryId& repository, RandomSource& random) {
  const auto own = crypto::ExchangeKey::generate(random);
  REPRIEVE_TRY(const Secret agreed, own.agree(recipient));
  return Agreement{.ephemeral = own.public_key(),
                   .shared = derive(agreed, purpose, repository, own.public_key(), recipient)};
}

Result<Secret> agree_as(const crypto::ExchangeKey& recipient, const crypto::PublicKey& ephemeral,
                        std::string_view purpose, const RepositoryId& repository) {
  const auto agreed = recipient.agree(ephemeral);
  if (!agreed) return Error{ErrorKind::kCorrupt, "a public key that no key gives"};
  return derive(*agreed, purpose, repository, ephemeral, recipient.public_key());
}

crypto::Digest commitment_to(const Secret& shared) {
  return crypto::HmacKey{shared}.mac({}, as_bytes("reprieve commitment"));
}

}  // namespace reprieve::repository
