#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/merged_index.hpp"

/// A merged index of the local cache: a refusal, or packs that each have an owner, and a merge of
/// it alone that says the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  static_cast<void>(members_of_merged_index(input));
  const auto merged = parse_merged_index(input);
  if (!merged) {
    REPRIEVE_ASSERT(merged.error().kind == ErrorKind::kCorrupt);
    return 0;
  }
  IndexUnit unit{
      .members = merged->members, .owners = merged->owners, .view = merged->view, .backing = {}};
  for (std::uint32_t i = 0; i < unit.view.pack_count(); ++i)
    REPRIEVE_ASSERT(unit.owners.of(i) < unit.members.size());
  const MergeSource source{.unit = &unit, .is_gone = {}};
  Bytes again;
  const auto written =
      write_merged_index({&source, 1}, [&](MergedPart, ByteView piece) -> Result<> {
        again.insert(again.end(), piece.begin(), piece.end());
        return kOk;
      });
  if (!written) return 0;  // More keys than a merge takes.
  const auto same = parse_merged_index(again);
  REPRIEVE_ASSERT(same && same->members == merged->members);
  REPRIEVE_ASSERT(same->view.chunk_count() == unit.view.chunk_count());
  REPRIEVE_ASSERT(same->view.frame_count() == unit.view.frame_count());
  return 0;
}
