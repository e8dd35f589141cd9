#include <cstddef>
#include <cstdint>
#include <span>

#include "app/known_heads.hpp"
#include "app/pack_rota.hpp"
#include "base/assert.hpp"

/// What a host remembers of a repository: a refusal, or what encodes and parses to the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::app;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  if (const auto proofs = parse_pack_proofs(input)) {
    const auto again = parse_pack_proofs(encode_pack_proofs(*proofs));
    REPRIEVE_ASSERT(again.has_value());
  }
  if (const auto known = parse_known_heads(as_text(input))) {
    const auto again = parse_known_heads(encode_known_heads(*known));
    REPRIEVE_ASSERT(again && again->heads() == known->heads());
  }
  return 0;
}
