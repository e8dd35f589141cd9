#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/pack_check.hpp"

/// Whatever the bytes of a pack's object, also under a label that fits: what is called healable
/// heals to an object that is whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  if (size < 12) return 0;
  // The front label names the pack, whatever it says: so the fuzzer gets behind the hash.
  const std::size_t claimed =
      std::to_integer<std::size_t>(input[8]) | std::to_integer<std::size_t>(input[9]) << 8;
  const ByteView label = input.first(std::min(claimed, size));
  const PackId id = pack_id_of(label);
  const PackCheck check = check_pack(id, input, label);
  REPRIEVE_ASSERT(check.is_whole() == check.describe().empty());
  const auto healed = heal_pack(id, check, input);
  if (healed) {
    REPRIEVE_ASSERT(check.is_healable());
    REPRIEVE_ASSERT(check_pack(id, *healed).is_whole());
  }
  REPRIEVE_ASSERT(!check.is_whole() || healed);
  return 0;
}
