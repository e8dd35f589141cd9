#pragma once

#include "simulation/world.hpp"

/// What has to be true of a world when all is quiet; what is not, is complained of.
namespace reprieve::simulation {

/// Of the backup that made a point.
int number_of(const repository::Snapshot& snapshot);

/// Every point that was reported is there, or a tomb says who removed it. Every point that is there
/// and whose session was not fenced restores byte for byte, reported or not.
void judge_points(World& world);

/// A few prunes later only what points need is left, and the repository verifies.
void judge_end(World& world);

/// Beyond what a store promises: objects that it had made durable are torn or gone. No point gives
/// wrong bytes, verify names what is damaged, and repair says what it could not heal.
void judge_lying_disk(World& world);

}  // namespace reprieve::simulation
