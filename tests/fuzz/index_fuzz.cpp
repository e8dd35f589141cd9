#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/index_record.hpp"
#include "repository/internal/index_view.hpp"

/// An index's envelope, and its plain bytes: a refusal, or rows that all lead somewhere and
/// look-ups that find every row.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  static_cast<void>(parse_index_envelope(input));
  const auto view = IndexView::parse(input);
  if (!view) {
    REPRIEVE_ASSERT(view.error().kind == ErrorKind::kCorrupt);
    return 0;
  }
  for (std::uint32_t i = 0; i < view->pack_count(); ++i) {
    const auto pack = view->pack(i);
    REPRIEVE_ASSERT(!pack.row.label.empty() && view->find_pack(pack.row.id));
  }
  for (std::uint64_t row = 0; row < view->chunk_count(); ++row) {
    const auto chunk = view->chunk(row);
    const auto frame = view->frame(chunk.frame);
    REPRIEVE_ASSERT(chunk.offset + chunk.length <= frame.raw_length);
    static_cast<void>(view->key(frame.key));
    ChunkId id;
    std::ranges::copy(chunk.id_prefix, id.bytes.begin());
    const std::uint64_t found = view->lower_bound(id);
    REPRIEVE_ASSERT(found <= row && view->is_row_of(found, id));
  }
  return 0;
}
