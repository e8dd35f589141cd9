#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/label.hpp"

/// Whatever the bytes: either a refusal, or a label whose lengths agree with each other and whose
/// copies can be found under its hash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  const PackId id = pack_id_of(input);
  static_cast<void>(find_label(PackId{}, input));
  const auto label = parse_label(input);
  if (!label) {
    REPRIEVE_ASSERT(label.error().kind == ErrorKind::kCorrupt);
    return 0;
  }
  REPRIEVE_ASSERT(label->label_bytes == size);
  REPRIEVE_ASSERT(label->shard_hashes.size() == label->geometry.shards());
  REPRIEVE_ASSERT(label->trailer_offset + label->trailer_length <= label->geometry.body_bytes());
  REPRIEVE_ASSERT(label->object_bytes() <= kPackObjectMax);
  REPRIEVE_ASSERT(find_label(id, input).front.has_value());
  REPRIEVE_ASSERT(!label_is_signed_by(input, crypto::PublicKey{}));
  return 0;
}
