#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "repository/repository.hpp"

namespace reprieve::repository {

/// Content-defined cuts with a keyed Gear hash, normalised (docs/format.md section 6). Stateless
/// and thread-safe.
class Chunker {
 public:
  Chunker(const std::array<std::uint64_t, 256>& gear_table, const ChunkerParameters& parameters);

  /// Length of the first chunk of `bytes`: between 1 and max_bytes. If `bytes` is shorter than
  /// max_bytes and is not the end of the content, the caller must read more first. `bytes` is not
  /// empty.
  [[nodiscard]] std::size_t next_cut(ByteView bytes) const;

 private:
  std::array<std::uint64_t, 256> gear_;
  ChunkerParameters parameters_;
};

}  // namespace reprieve::repository
