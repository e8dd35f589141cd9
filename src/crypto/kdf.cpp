#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/assert.hpp"
#include "crypto/crypto.hpp"
#include "crypto/internal/erase.hpp"
#include "crypto/internal/hmac.hpp"
#include "crypto/internal/sodium.hpp"

namespace reprieve::crypto {
namespace {

constexpr std::size_t kHkdfBytesMax = 255 * sizeof(Digest);
constexpr std::uint32_t kMemoryKibMin = 8 * 1024;
constexpr std::uint32_t kMemoryKibMax = 1024 * 1024;
constexpr std::uint32_t kPassesMin = 1;
constexpr std::uint32_t kPassesMax = 10;

}  // namespace

Secret hkdf(const Secret& key, ByteView salt, ByteView context, std::size_t out_bytes) {
  REPRIEVE_ASSERT(out_bytes <= kHkdfBytesMax);
  Digest extracted = HmacState{salt}.mac(key.expose());
  const EraseOnExit erase_extracted{extracted};
  const HmacState expand{extracted};
  Secret out{out_bytes};
  Digest block{};
  const EraseOnExit erase_block{block};
  std::size_t done_bytes = 0;
  for (std::uint8_t number = 1; done_bytes < out_bytes; ++number) {
    const std::array<std::byte, 1> counter{std::byte{number}};
    // T(1) has no block before it (RFC 5869, section 2.3).
    block = expand.mac(number == 1 ? ByteView{} : ByteView{block}, context, counter);
    const std::size_t piece = std::min(block.size(), out_bytes - done_bytes);
    std::ranges::copy(ByteView{block}.first(piece),
                      out.expose_mutable().begin() + static_cast<std::ptrdiff_t>(done_bytes));
    done_bytes += piece;
  }
  return out;
}

bool KdfCost::within_limits() const {
  return memory_kib >= kMemoryKibMin && memory_kib <= kMemoryKibMax && passes >= kPassesMin &&
         passes <= kPassesMax;
}

Result<Secret> derive_from_password(const Secret& password, const Salt16& salt, KdfCost cost) {
  static_assert(sizeof(Salt16) == crypto_pwhash_SALTBYTES);
  start_sodium();
  if (!cost.within_limits())
    return Error{ErrorKind::kInvalid, "derive a key from the password: cost out of its limits"};
  Secret key{kKeyBytes};
  const ByteView text = password.expose();
  const int status =
      crypto_pwhash(as_u8(key.expose_mutable().data()), key.size(),
                    reinterpret_cast<const char*>(text.data()), text.size(), as_u8(salt.data()),
                    cost.passes, std::size_t{cost.memory_kib} * 1024, crypto_pwhash_ALG_ARGON2ID13);
  if (status != 0) {
    return Error{ErrorKind::kExhausted, "derive a key from the password: not enough memory",
                 "Free at least 1 GiB of memory, or raise the process's memory limit."};
  }
  return key;
}

}  // namespace reprieve::crypto
