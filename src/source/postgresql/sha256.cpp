#include "source/postgresql/sha256.hpp"

#include <openssl/evp.h>

#include "base/assert.hpp"

namespace reprieve {

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_{EVP_MD_CTX_new()} {
  REPRIEVE_ASSERT(context_);
  restart();
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::restart() {
  REPRIEVE_ASSERT(EVP_DigestInit_ex2(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(ByteView bytes) {
  REPRIEVE_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest{};
  unsigned int size = 0;
  REPRIEVE_ASSERT(EVP_DigestFinal_ex(context_.get(), as_u8(digest.data()), &size) == 1);
  REPRIEVE_ASSERT(size == digest.size());
  restart();
  return digest;
}

Sha256Digest sha256_of(ByteView bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace reprieve
