#include <sodium.h>

#include "crypto/crypto.hpp"

namespace reprieve::crypto {

std::string base64(ByteView bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), kVariant);
  text.pop_back();  // The zero that ends C's strings.
  return text;
}

}  // namespace reprieve::crypto
