#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/credentials.hpp"

/// Whatever the bytes: a refusal, or credentials that encode to the same bytes again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  const auto credentials = parse_credentials(input);
  if (!credentials) {
    REPRIEVE_ASSERT(credentials.error().kind == ErrorKind::kCorrupt);
    return 0;
  }
  REPRIEVE_ASSERT(copy_of(encode_credentials(*credentials).expose()) == copy_of(input));
  return 0;
}
