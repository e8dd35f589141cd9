#include <sodium.h>

#include <algorithm>
#include <array>

#include "crypto/crypto.hpp"
#include "crypto/internal/erase.hpp"
#include "crypto/internal/sodium.hpp"

namespace reprieve::crypto {
namespace {

static_assert(crypto_sign_SEEDBYTES == kKeyBytes);
static_assert(crypto_sign_PUBLICKEYBYTES == sizeof(PublicKey));
static_assert(crypto_sign_BYTES == sizeof(Signature));
static_assert(crypto_scalarmult_SCALARBYTES == kKeyBytes);
static_assert(crypto_scalarmult_BYTES == sizeof(PublicKey));

/// libsodium's form of an Ed25519 private key: the seed, then the public key.
using ExpandedKey = std::array<std::byte, crypto_sign_SECRETKEYBYTES>;

Error wrong_key_length(std::string_view what) {
  return Error{ErrorKind::kInvalid, std::string{what} + ": a key must have 32 bytes"};
}

}  // namespace

SigningKey::SigningKey() = default;
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

SigningKey SigningKey::generate(RandomSource& random) {
  return *from_seed(random_secret(random, crypto_sign_SEEDBYTES));
}

Result<SigningKey> SigningKey::from_seed(const Secret& seed) {
  start_sodium();
  if (seed.size() != crypto_sign_SEEDBYTES) return wrong_key_length("signing key");
  SigningKey key;
  key.seed_ = seed.clone();
  ExpandedKey expanded{};
  const EraseOnExit erase_expanded{expanded};
  REPRIEVE_ASSERT(crypto_sign_seed_keypair(as_u8(key.public_key_.data()), as_u8(expanded.data()),
                                           as_u8(seed.expose().data())) == 0);
  return key;
}

Signature SigningKey::sign(ByteView message) const {
  REPRIEVE_ASSERT(seed_.size() == crypto_sign_SEEDBYTES);
  ExpandedKey expanded{};
  const EraseOnExit erase_expanded{expanded};
  std::ranges::copy(seed_.expose(), expanded.begin());
  std::ranges::copy(public_key_, expanded.begin() + crypto_sign_SEEDBYTES);
  Signature signature{};
  REPRIEVE_ASSERT(crypto_sign_detached(as_u8(signature.data()), nullptr, as_u8(message.data()),
                                       message.size(), as_u8(expanded.data())) == 0);
  return signature;
}

bool verify_signature(const PublicKey& key, ByteView message, const Signature& signature) {
  start_sodium();
  return crypto_sign_verify_detached(as_u8(signature.data()), as_u8(message.data()), message.size(),
                                     as_u8(key.data())) == 0;
}

ExchangeKey::ExchangeKey() = default;
ExchangeKey::ExchangeKey(ExchangeKey&&) noexcept = default;
ExchangeKey& ExchangeKey::operator=(ExchangeKey&&) noexcept = default;
ExchangeKey::~ExchangeKey() = default;

ExchangeKey ExchangeKey::generate(RandomSource& random) {
  return *from_secret(random_secret(random, crypto_scalarmult_SCALARBYTES));
}

Result<ExchangeKey> ExchangeKey::from_secret(const Secret& secret) {
  start_sodium();
  if (secret.size() != crypto_scalarmult_SCALARBYTES) return wrong_key_length("exchange key");
  ExchangeKey key;
  key.secret_ = secret.clone();
  REPRIEVE_ASSERT(
      crypto_scalarmult_base(as_u8(key.public_key_.data()), as_u8(secret.expose().data())) == 0);
  return key;
}

Result<Secret> ExchangeKey::agree(const PublicKey& peer) const {
  REPRIEVE_ASSERT(secret_.size() == crypto_scalarmult_SCALARBYTES);
  Secret shared{crypto_scalarmult_BYTES};
  // Fails only if the product is zero, which is what points of small order give (RFC 7748, 6.1).
  const int status = crypto_scalarmult(as_u8(shared.expose_mutable().data()),
                                       as_u8(secret_.expose().data()), as_u8(peer.data()));
  if (status != 0)
    return Error{ErrorKind::kInvalid, "key agreement: the peer's public key is a weak one"};
  return shared;
}

ExchangeKey exchange_key_of(const SigningKey& key) {
  start_sodium();
  ExpandedKey expanded{};
  const EraseOnExit erase_expanded{expanded};
  std::ranges::copy(key.seed().expose(), expanded.begin());
  std::ranges::copy(key.public_key(), expanded.begin() + crypto_sign_SEEDBYTES);
  Secret secret{crypto_scalarmult_SCALARBYTES};
  REPRIEVE_ASSERT(crypto_sign_ed25519_sk_to_curve25519(as_u8(secret.expose_mutable().data()),
                                                       as_u8(expanded.data())) == 0);
  return *ExchangeKey::from_secret(secret);
}

Result<PublicKey> exchange_public_of(const PublicKey& signing_public) {
  start_sodium();
  PublicKey out{};
  if (crypto_sign_ed25519_pk_to_curve25519(as_u8(out.data()), as_u8(signing_public.data())) != 0)
    return Error{ErrorKind::kInvalid, "a signing key that is no point of the curve's large group"};
  return out;
}

Secret random_secret(RandomSource& random, std::size_t size_bytes) {
  Secret secret{size_bytes};
  random.fill(secret.expose_mutable());
  return secret;
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace reprieve::crypto
