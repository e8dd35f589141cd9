#include <algorithm>
#include <array>
#include <memory>

#include "base/assert.hpp"
#include "crypto/crypto.hpp"
#include "crypto/internal/erase.hpp"
#include "crypto/internal/hmac.hpp"

namespace reprieve::crypto {
namespace {

constexpr std::size_t kBlockBytes = SHA256_CBLOCK;
constexpr std::size_t kPrefixBytesMax = 64;

// The low-level calls fail only for a null context or a wrong digest length, hence the asserts.
void start(SHA256_CTX& context) {
  REPRIEVE_ASSERT(SHA256_Init(&context) == 1);
}

void add(SHA256_CTX& context, ByteView bytes) {
  if (bytes.empty()) return;
  REPRIEVE_ASSERT(SHA256_Update(&context, bytes.data(), bytes.size()) == 1);
}

Digest end(SHA256_CTX& context) {
  Digest digest;
  REPRIEVE_ASSERT(SHA256_Final(as_u8(digest.data()), &context) == 1);
  return digest;
}

MutableByteView memory_of(SHA256_CTX& context) {
  return std::as_writable_bytes(std::span{&context, 1});
}

}  // namespace

Digest sha256(ByteView bytes) {
  SHA256_CTX context;
  start(context);
  add(context, bytes);
  return end(context);
}

struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_{std::make_unique<State>()} {
  start(state_->context);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(ByteView bytes) {
  add(state_->context, bytes);
}

Digest Sha256::finish() {
  const Digest digest = end(state_->context);
  start(state_->context);
  return digest;
}

HmacState::HmacState(ByteView key) {
  std::array<std::byte, kBlockBytes> block{};
  const EraseOnExit erase_block{block};
  if (key.size() > kBlockBytes) {
    Digest short_key = sha256(key);
    std::ranges::copy(short_key, block.begin());
    erase(short_key);
  } else {
    std::ranges::copy(key, block.begin());
  }
  for (std::byte& b : block)
    b ^= std::byte{0x36};
  start(inner_);
  add(inner_, block);
  for (std::byte& b : block)
    b ^= std::byte{0x36 ^ 0x5c};
  start(outer_);
  add(outer_, block);
}

HmacState::~HmacState() {
  erase(memory_of(inner_));
  erase(memory_of(outer_));
}

Digest HmacState::mac(ByteView a, ByteView b, ByteView c) const {
  SHA256_CTX context = inner_;
  const EraseOnExit erase_context{memory_of(context)};
  add(context, a);
  add(context, b);
  add(context, c);
  const Digest inner_digest = end(context);
  context = outer_;
  add(context, inner_digest);
  return end(context);
}

struct HmacKey::State {
  explicit State(ByteView key) : hmac{key} {}
  HmacState hmac;
};

HmacKey::HmacKey(const Secret& key) : state_{std::make_unique<State>(key.expose())} {}
HmacKey::HmacKey(HmacKey&&) noexcept = default;
HmacKey::~HmacKey() = default;

Digest HmacKey::mac(ByteView prefix, ByteView bytes) const {
  REPRIEVE_ASSERT(prefix.size() <= kPrefixBytesMax);
  return state_->hmac.mac(prefix, bytes);
}

}  // namespace reprieve::crypto
