#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>

#include "base/assert.hpp"
#include "crypto/crypto.hpp"
#include "crypto/internal/erase.hpp"

namespace reprieve::crypto {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::array<std::byte, kNonceBytes> kZeroNonce{};
constexpr std::array<std::byte, kKeyBytes> kZeroKey{};
/// EVP counts in int.
constexpr std::size_t kPieceBytesMax = std::size_t{1} << 30;
/// SP 800-38D, 5.2.1.1: at most 2^39 - 256 bits of plaintext under one nonce.
constexpr std::uint64_t kPlaintextBytesMax = ((std::uint64_t{1} << 39) - 256) / 8;

struct FreeCipher {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
};
struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

/// Looked up once: a fetch by name takes longer than to seal a small message.
const EVP_CIPHER* aes_256_gcm() {
  static const std::unique_ptr<EVP_CIPHER, FreeCipher> cipher{
      EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)};
  REPRIEVE_ASSERT(cipher != nullptr);
  return cipher.get();
}

enum class Direction : int { kOpen = 0, kSeal = 1 };

/// This thread's context, keyed for one message; the key schedule is overwritten on the way out.
class Message {
 public:
  Message(Direction direction, const Secret& key) : direction_{direction} {
    REPRIEVE_ASSERT(key.size() == kKeyBytes);
    thread_local const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> reused{EVP_CIPHER_CTX_new()};
    REPRIEVE_ASSERT(reused != nullptr);
    context_ = reused.get();
    set_key(key.expose());
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() { set_key(kZeroKey); }

  void associate(ByteView bytes) {
    for_each_piece(bytes, [&](ByteView piece) {
      int done = 0;
      REPRIEVE_ASSERT(update(nullptr, &done, piece));
    });
  }

  /// Writes as many bytes to `out` as `in` has.
  void process(ByteView in, std::byte* out) {
    for_each_piece(in, [&](ByteView piece) {
      int done = 0;
      REPRIEVE_ASSERT(update(as_u8(out), &done, piece));
      REPRIEVE_ASSERT(static_cast<std::size_t>(done) == piece.size());
      out += piece.size();
    });
  }

  void finish_seal(std::byte* tag) {
    int done = 0;
    std::array<std::uint8_t, kTagBytes> rest{};
    REPRIEVE_ASSERT(EVP_CipherFinal_ex(context_, rest.data(), &done) == 1 && done == 0);
    REPRIEVE_ASSERT(EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) == 1);
  }

  /// Whether all that was processed is what was sealed with `tag`.
  [[nodiscard]] bool finish_open(ByteView tag) {
    std::array<std::byte, kTagBytes> expected;
    std::ranges::copy(tag, expected.begin());
    REPRIEVE_ASSERT(
        EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, kTagBytes, expected.data()) == 1);
    int done = 0;
    std::array<std::uint8_t, kTagBytes> rest{};
    return EVP_CipherFinal_ex(context_, rest.data(), &done) == 1;
  }

 private:
  void set_key(ByteView key) {
    REPRIEVE_ASSERT(EVP_CipherInit_ex2(context_, aes_256_gcm(), as_u8(key.data()),
                                       as_u8(kZeroNonce.data()), static_cast<int>(direction_),
                                       nullptr) == 1);
  }
  bool update(std::uint8_t* out, int* done, ByteView in) {
    return EVP_CipherUpdate(context_, out, done, as_u8(in.data()), static_cast<int>(in.size())) ==
           1;
  }
  template <class Visit>
  static void for_each_piece(ByteView bytes, const Visit& visit) {
    while (!bytes.empty()) {
      const std::size_t size = std::min(bytes.size(), kPieceBytesMax);
      visit(bytes.first(size));
      bytes = bytes.subspan(size);
    }
  }

  Direction direction_;
  EVP_CIPHER_CTX* context_ = nullptr;
};

}  // namespace

void seal_once(const Secret& key, ByteView associated, ByteView plaintext, Bytes& out) {
  REPRIEVE_ASSERT(plaintext.size() <= kPlaintextBytesMax);
  out.resize(plaintext.size() + kTagBytes);
  Message message{Direction::kSeal, key};
  message.associate(associated);
  message.process(plaintext, out.data());
  message.finish_seal(out.data() + plaintext.size());
}

Result<> open_once_into(const Secret& key, ByteView associated, ByteView sealed,
                        MutableByteView out) {
  if (sealed.size() < kTagBytes || sealed.size() - kTagBytes > kPlaintextBytesMax)
    return Error{ErrorKind::kCorrupt, "sealed bytes: wrong length"};
  REPRIEVE_ASSERT(out.size() == sealed.size() - kTagBytes);
  Message message{Direction::kOpen, key};
  message.associate(associated);
  message.process(sealed.first(out.size()), out.data());
  if (message.finish_open(sealed.last(kTagBytes))) return kOk;
  erase(out);  // Nobody may use, even by mistake, what is not what was sealed.
  return Error{ErrorKind::kCorrupt, "sealed bytes: not what was sealed, or another key"};
}

Result<Bytes> open_once(const Secret& key, ByteView associated, ByteView sealed) {
  Bytes plaintext(sealed.size() < kTagBytes ? 0 : sealed.size() - kTagBytes);
  REPRIEVE_RETURN_IF_ERROR(open_once_into(key, associated, sealed, plaintext));
  return plaintext;
}

}  // namespace reprieve::crypto
