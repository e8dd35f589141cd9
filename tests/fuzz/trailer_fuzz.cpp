#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/frame.hpp"
#include "repository/internal/trailer.hpp"

namespace {

void check(reprieve::ByteView plain, std::uint8_t pack_type) {
  using namespace reprieve;
  using namespace reprieve::repository;
  PackLabel label;
  label.pack_type = pack_type;
  label.trailer_offset = 20'000;
  label.keys.resize(3);
  const auto contents = parse_trailer(plain, label);
  if (!contents) return;
  for (const PackContents::Frame& frame : contents->frames) {
    REPRIEVE_ASSERT(frame.offset + frame.sealed_length <= label.trailer_offset);
    REPRIEVE_ASSERT(frame.raw_length <= kFrameRawMax && frame.key < label.keys.size());
  }
  for (const PackContents::Chunk& chunk : contents->chunks) {
    const PackContents::Frame& frame = contents->frames[chunk.frame];
    REPRIEVE_ASSERT(chunk.offset + chunk.length <= frame.raw_length);
  }
  // There is one spelling only, but for the order in which nothing is said.
  const Bytes again = encode_trailer(pack_type, contents->frames, contents->chunks);
  REPRIEVE_ASSERT(again.size() <= plain.size());
  REPRIEVE_ASSERT(parse_trailer(again, label));
}

}  // namespace

/// Whatever the bytes: either a refusal, or contents that lie inside the pack.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto input = std::as_bytes(std::span{bytes, size});
  check(input, reprieve::repository::kDataPack);
  check(input, reprieve::repository::kTreePack);
  check(input, reprieve::repository::kStreamPack);
  return 0;
}
