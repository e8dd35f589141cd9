#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "base/codec.hpp"
#include "repository/internal/frame.hpp"

/// What stands behind a frame's seal comes from whoever holds a writer's key. Whatever the bytes:
/// either a refusal, or as many bytes as the index promised.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  Decoder in{std::as_bytes(std::span{bytes, size})};
  const auto codec = static_cast<Codec>(in.u8());
  const std::uint32_t raw_length = in.u32();
  if (!in.ok()) return 0;
  Bytes raw;
  const auto unpacked = unpack_payload(codec, raw_length, in.raw(in.remaining()), raw);
  REPRIEVE_ASSERT(!unpacked || raw.size() == raw_length);
  REPRIEVE_ASSERT(unpacked || unpacked.error().kind == ErrorKind::kCorrupt);
  return 0;
}
