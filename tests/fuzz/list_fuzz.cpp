#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "tree/tree_codec.hpp"

/// Whatever the bytes: either a refusal, or a list whose only encoding these bytes are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  const auto children = parse_list(input);
  if (!children) {
    REPRIEVE_ASSERT(children.error().kind == ErrorKind::kCorrupt);
    return 0;
  }
  REPRIEVE_ASSERT(!children->empty() && children->size() <= kListChildrenMax);
  REPRIEVE_ASSERT(std::ranges::equal(encode_list(*children), input));
  return 0;
}
