#pragma once

#include <functional>

#include "repository/snapshot.hpp"
#include "source/source.hpp"

namespace reprieve::backup {

/// What reading one recovery point from end to end showed.
struct PointCheck {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  std::vector<Problem> damages;  ///< Paths whose bytes or listings could not be had.
};

/// Walks the point's trees and, if `is_reading_data`, decrypts every chunk and checks its id:
/// what a restore would do, without writing. Damage is in the result, not an Error.
Result<PointCheck> check_point(RestoreReader& reader, const std::vector<Entry>& roots,
                               bool is_reading_data);

/// Walks the point's trees and finds what `is_lost` says is lost, without reading data.
Result<PointCheck> find_losses(RestoreReader& reader, const std::vector<Entry>& roots,
                               const std::function<bool(const ChunkId&)>& is_lost);

}  // namespace reprieve::backup
