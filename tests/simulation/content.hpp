#pragma once

#include <vector>

#include "repository/repository.hpp"
#include "repository/write_session.hpp"
#include "simulation/dice.hpp"

namespace reprieve::simulation {

/// What a backup holds: folders of chunks, which go by number. Runs share many.
using Folders = std::vector<std::vector<int>>;

Folders some_folders(Dice& dice);

/// Stores one folder; one that is known whole is not looked into, as a backup does with what has
/// not changed. Returns the id of its list.
Result<ChunkId> store_folder(repository::Repository& repository, repository::WriteSession& session,
                             const std::vector<int>& numbers);

/// kInvalid if other bytes come back than were stored: then the repository lied.
Result<> restore(const repository::Repository& repository, const repository::Snapshot& snapshot,
                 const Folders& folders);

}  // namespace reprieve::simulation
