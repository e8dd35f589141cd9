#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/credentials.hpp"

/// A file that somebody took for a key file: told what is wrong with it, or a key of 32 bytes that
/// our own file would give back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  const auto key = parse_key_file(input);
  if (!key) {
    REPRIEVE_ASSERT(key.error().kind == ErrorKind::kInvalid && !key.error().hint.empty());
    return 0;
  }
  const auto again = parse_key_file(as_bytes(key_file_text(*key, as_text(input))));
  REPRIEVE_ASSERT(again && copy_of(again->expose()) == copy_of(key->expose()));
  return 0;
}
