#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/slot.hpp"

/// Whatever the bytes: a refusal, or a slot whose derivation is within limits and whose parts make
/// up the record. A key file's slot and a recipient's are also tried, which no bytes but the right
/// ones survive.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const ByteView record = std::as_bytes(std::span{bytes, size});
  const auto slot = parse_slot(record);
  if (!slot) return 0;
  REPRIEVE_ASSERT(slot->associated.size() + slot->sealed.size() == size);
  if (slot->kind == SlotKind::kPassphrase) {
    REPRIEVE_ASSERT(slot->cost.within_limits() && slot->salt.size() == 16);
  } else {
    REPRIEVE_ASSERT(slot->kind == SlotKind::kRecipient ||
                    (slot->kind == SlotKind::kKeyFile && slot->salt.size() == 32));
    REPRIEVE_ASSERT(!open_slot(*slot, Secret{32}));
  }
  return 0;
}
