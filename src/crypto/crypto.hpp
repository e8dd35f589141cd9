#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "crypto/secret.hpp"

/// Thin wrappers over OpenSSL 3 and libsodium; no algorithm of our own. All functions are
/// thread-safe; objects belong to one thread at a time unless they say otherwise.
namespace reprieve::crypto {

using Digest = std::array<std::byte, 32>;
using Salt16 = std::array<std::byte, 16>;
using Salt32 = std::array<std::byte, 32>;
using PublicKey = std::array<std::byte, 32>;  ///< X25519 (RFC 7748) or Ed25519 (RFC 8032).
using Signature = std::array<std::byte, 64>;

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kTagBytes = 16;  ///< What seal() adds to the plaintext's length.

/// RFC 4648 section 4, with padding.
std::string base64(ByteView bytes);

/// SHA-256 (FIPS 180-4), in one go or in pieces.
Digest sha256(ByteView bytes);
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(ByteView bytes);
  /// The digest of all that came; the object then starts afresh.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// HMAC-SHA256 (RFC 2104) with the key schedule done once. mac() may be called from many threads at
/// once; it runs at the speed of SHA-256 and allocates nothing.
class HmacKey {
 public:
  explicit HmacKey(const Secret& key);
  HmacKey(HmacKey&&) noexcept;
  ~HmacKey();
  /// MAC of `prefix` | `bytes`: the prefix separates domains without a copy. At most 64 bytes.
  [[nodiscard]] Digest mac(ByteView prefix, ByteView bytes) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// HKDF-SHA256 (RFC 5869), extract and expand. `out_bytes` is at most 255 * 32.
Secret hkdf(const Secret& key, ByteView salt, ByteView context, std::size_t out_bytes = kKeyBytes);

/// AES-256-GCM (NIST SP 800-38D) with the all-zero nonce. Safe only because every key here is
/// derived from a fresh random salt and seals exactly one message: callers must never seal twice
/// under one key. `out` is replaced by ciphertext | 16-byte tag.
void seal_once(const Secret& key, ByteView associated, ByteView plaintext, Bytes& out);
/// The same, opened. Errors: kCorrupt if key, associated data or bytes are not what was sealed.
Result<Bytes> open_once(const Secret& key, ByteView associated, ByteView sealed);
/// Into `out`, which must be sealed.size() - kTagBytes long.
Result<> open_once_into(const Secret& key, ByteView associated, ByteView sealed,
                        MutableByteView out);

/// Ed25519 (RFC 8032).
class SigningKey {
 public:
  static SigningKey generate(RandomSource& random);
  /// Errors: kInvalid unless `seed` has 32 bytes.
  static Result<SigningKey> from_seed(const Secret& seed);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();
  [[nodiscard]] Signature sign(ByteView message) const;  ///< Thread-safe.
  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] const Secret& seed() const { return seed_; }

 private:
  SigningKey();
  Secret seed_;
  PublicKey public_key_{};
};
bool verify_signature(const PublicKey& key, ByteView message, const Signature& signature);

/// X25519 (RFC 7748).
class ExchangeKey {
 public:
  static ExchangeKey generate(RandomSource& random);
  static Result<ExchangeKey> from_secret(const Secret& secret);  ///< kInvalid unless 32 bytes.
  ExchangeKey(ExchangeKey&&) noexcept;
  ExchangeKey& operator=(ExchangeKey&&) noexcept;
  ~ExchangeKey();
  /// The shared secret. Errors: kInvalid if `peer` is a point of small order.
  [[nodiscard]] Result<Secret> agree(const PublicKey& peer) const;
  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] const Secret& secret() const { return secret_; }

 private:
  ExchangeKey();
  Secret secret_;
  PublicKey public_key_{};
};

/// Cost of a password derivation. Parsed values are hostile: within_limits() first.
struct KdfCost {
  std::uint32_t memory_kib = 128 * 1024;
  std::uint32_t passes = 3;
  /// At most 1 GiB and 10 passes, at least 8 MiB and 1.
  [[nodiscard]] bool within_limits() const;
};
/// Argon2id (RFC 9106) with one lane, by libsodium. Errors: kExhausted if memory is short;
/// kInvalid if the cost passes its limits.
Result<Secret> derive_from_password(const Secret& password, const Salt16& salt, KdfCost cost);

/// Fills and returns an array of random bytes.
template <std::size_t N>
std::array<std::byte, N> random_array(RandomSource& random) {
  std::array<std::byte, N> out{};
  random.fill(out);
  return out;
}
Secret random_secret(RandomSource& random, std::size_t size_bytes = kKeyBytes);

/// What can be sealed to the holder of a signing key: the birational map from Ed25519 to X25519
/// (RFC 7748, section 4.1). Using both is safe as long as what is signed and what is derived from
/// an agreement never look alike (eprint 2021/509).
ExchangeKey exchange_key_of(const SigningKey& key);
/// Its public half. Errors: kInvalid if `signing_public` is no point of the large subgroup.
Result<PublicKey> exchange_public_of(const PublicKey& signing_public);

/// Compares without telling by its run time where two values differ.
bool equal_in_constant_time(ByteView a, ByteView b);

}  // namespace reprieve::crypto
