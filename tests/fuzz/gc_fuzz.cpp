#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "crypto/crypto.hpp"
#include "repository/internal/gc_record.hpp"
#include "repository/internal/loss_record.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/session_record.hpp"

namespace {

using reprieve::Bytes;
using reprieve::ByteView;

/// Whether two signed records are the same but for their signatures.
bool says_the_same(ByteView a, const Bytes& b) {
  constexpr std::size_t kSignature = reprieve::repository::kSignatureBytes;
  return a.size() == b.size() && std::ranges::equal(a.first(a.size() - kSignature),
                                                    ByteView{b}.first(b.size() - kSignature));
}

}  // namespace

/// Sessions, plans, tombs and losses: a refusal, or what encodes to the same bytes again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  static SeededRandom random{1};
  static const auto signer = crypto::SigningKey::generate(random);
  const ByteView input = std::as_bytes(std::span{bytes, size});
  if (const auto session = parse_session(input))
    REPRIEVE_ASSERT(says_the_same(input, encode_session(*session, signer)));
  if (const auto plan = parse_gc_plan(input))
    REPRIEVE_ASSERT(says_the_same(input, encode_gc_plan(*plan, signer)));
  if (const auto tomb = parse_tomb(input))
    REPRIEVE_ASSERT(says_the_same(input, encode_tomb(*tomb, signer)));
  if (const auto loss = parse_loss(input))
    REPRIEVE_ASSERT(says_the_same(input, encode_loss(*loss, signer)));
  return 0;
}
