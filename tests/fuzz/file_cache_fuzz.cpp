#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "source/filesystem/internal/file_cache.hpp"

/// A record of the file cache, past its checksum: either a refusal, or one entry for each key.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve::filesystem;
  const auto record = parse_record(std::as_bytes(std::span{bytes, size}), 0, 0);
  if (record) REPRIEVE_ASSERT(record->keys.size() == record->entries.size());
  return 0;
}
