#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "repository/snapshot.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve::backup {

/// Where a recovery point of a PostgreSQL cluster stands in its log.
struct WalPlace {
  std::string system_identifier;
  std::uint32_t timeline = 0;
  Lsn end;  ///< Where it is consistent; recovery goes on from here.
};

/// Nothing if the point does not say so: it is of something else, or cannot be read.
std::optional<WalPlace> wal_place_of(const repository::Snapshot& point);

}  // namespace reprieve::backup
