#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "simulation/judgement.hpp"

/// Seeds 1 to REPRIEVE_SEEDS, or so many from REPRIEVE_FIRST_SEED on; REPRIEVE_SEED runs one alone
/// and prints all that happens. tools/simulate does it on all cores.
namespace reprieve::simulation {
namespace {

constexpr std::uint64_t kSeedsOfABuild = 8;

struct Outcome {
  std::vector<std::string> problems;
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  Tally tally;
};

Outcome simulate(std::uint64_t seed, Trace::Printing printing = Trace::Printing::kNo) {
  World world{seed, printing};
  world.run();
  judge_points(world);
  if (world.problems().empty()) judge_end(world);
  if (world.problems().empty() && seed % 2 == 0) judge_lying_disk(world);
  return {world.problems(), world.trace().hash(), world.trace().events(), world.tally()};
}

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::stoull(value);
}

void expect_faults(const Tally& tally, std::uint64_t seeds) {
  EXPECT_GT(tally.restored, seeds) << "else it tried nothing";
  EXPECT_GT(tally.collected, 0U);
  EXPECT_GT(tally.packs_deleted, 0U);
  EXPECT_GT(tally.deaths, 0U);
  EXPECT_GT(tally.power_cuts, 0U);
  EXPECT_GT(tally.lost_calls, 0U);
  EXPECT_GT(tally.came_again, 0U);
  EXPECT_GT(tally.listed_late, 0U);
  EXPECT_GT(tally.clock_jumps, 0U);
  EXPECT_GT(tally.torn, 0U);
}

TEST(Simulation, EveryReportedPointSurvivesWhateverHappens) {
  const std::uint64_t alone = setting("REPRIEVE_SEED", 0);
  const std::uint64_t first = alone != 0 ? alone : setting("REPRIEVE_FIRST_SEED", 1);
  const std::uint64_t count = alone != 0 ? 1 : setting("REPRIEVE_SEEDS", kSeedsOfABuild);
  const auto printing = alone != 0 ? Trace::Printing::kYes : Trace::Printing::kNo;
  Tally tally;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = simulate(seed, printing);
    for (const std::string& problem : outcome.problems)
      ADD_FAILURE() << "seed " << seed << ": " << problem;
    tally.add(outcome.tally);
  }
  // The fewest seeds by which all of it comes about for certain.
  if (count >= kSeedsOfABuild) expect_faults(tally, count);
}

TEST(Simulation, ASeedRepeatsItselfExactly) {
  const Outcome once = simulate(4);
  const Outcome again = simulate(4);
  EXPECT_GT(once.events, 1'000U);
  EXPECT_EQ(once.events, again.events);
  EXPECT_EQ(once.hash, again.hash);
  EXPECT_NE(once.hash, simulate(5).hash);
}

}  // namespace
}  // namespace reprieve::simulation
