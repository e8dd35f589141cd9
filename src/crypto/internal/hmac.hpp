#pragma once

#include "base/bytes.hpp"
#include "crypto/crypto.hpp"

// EVP_MD_CTX_copy_ex() allocates, and a MAC per chunk needs two copies of a prepared state. The
// low-level contexts are plain structs; OpenSSL 3 marks them deprecated but keeps them, with the
// same assembly behind. This header is the only place that names them.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace reprieve::crypto {

/// The two SHA-256 states of HMAC (RFC 2104) after their key blocks. Erased on destruction.
class HmacState {
 public:
  explicit HmacState(ByteView key);
  HmacState(const HmacState&) = delete;
  HmacState& operator=(const HmacState&) = delete;
  ~HmacState();

  /// MAC of `a` | `b` | `c`.
  [[nodiscard]] Digest mac(ByteView a, ByteView b = {}, ByteView c = {}) const;

 private:
  SHA256_CTX inner_;
  SHA256_CTX outer_;
};

}  // namespace reprieve::crypto
