#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/hold_record.hpp"
#include "repository/internal/test_keys.hpp"

/// Holds: a refusal, or what comes back the same once we have written it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  static SeededRandom random{1};
  static const KeyRing keys = keys_for_test();
  const auto hold = parse_hold(std::as_bytes(std::span{bytes, size}), keys);
  if (!hold) return 0;
  const auto again = parse_hold(encode_hold(*hold, keys, random), keys);
  REPRIEVE_ASSERT(again);
  REPRIEVE_ASSERT(again->repository == hold->repository && again->signer == hold->signer);
  REPRIEVE_ASSERT(again->what == hold->what && again->subject == hold->subject);
  REPRIEVE_ASSERT(again->time == hold->time && again->text == hold->text);
  return 0;
}
