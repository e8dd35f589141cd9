#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "tree/tree_codec.hpp"

/// Whatever the bytes: either a refusal, or entries that are safe to walk, whose only encoding
/// these bytes are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  for (const bool is_root : {false, true}) {
    const auto tree = parse_tree(input, is_root);
    if (!tree) {
      REPRIEVE_ASSERT(tree.error().kind == ErrorKind::kCorrupt);
      continue;
    }
    const Bytes again = encode_tree(tree->entries);
    REPRIEVE_ASSERT(std::ranges::equal(again, input));
    static_cast<void>(children_of(*tree));
    std::size_t total = 0;
    for (const std::size_t part : split_tree(tree->entries))
      total += part;
    REPRIEVE_ASSERT(total == tree->entries.size());
    for (const Entry& entry : tree->entries) {
      REPRIEVE_ASSERT(is_root || is_safe_name(entry.name));
      REPRIEVE_ASSERT(stored_size(entry.content) <= entry.content.size);
    }
  }
  return 0;
}
