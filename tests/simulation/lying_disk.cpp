#include <algorithm>
#include <set>

#include "repository/verify.hpp"
#include "simulation/judgement.hpp"

namespace reprieve::simulation {
namespace {

using namespace repository;

constexpr std::size_t kSectorBytes = 512;

/// A write cache that was lost leaves an object short, with zeros at its end, or with one sector of
/// something else.
enum class Tear : std::uint8_t { kSector, kTruncated, kZeroTail, kEmpty };

void tear(Bytes& bytes, Tear how, std::uint64_t chance) {
  if (bytes.empty()) return;
  const std::size_t sectors = (bytes.size() + kSectorBytes - 1) / kSectorBytes;
  const std::size_t at = chance % sectors * kSectorBytes;
  const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  switch (how) {
    case Tear::kSector:
      std::fill(
          from,
          bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + kSectorBytes, bytes.size())),
          std::byte{0x5a});
      return;
    case Tear::kTruncated:
      return bytes.resize(chance % bytes.size());
    case Tear::kZeroTail:
      return std::fill(from, bytes.end(), std::byte{0});
    case Tear::kEmpty:
      return bytes.clear();
  }
}

struct Torn {
  std::set<ObjectKey> objects;
  bool is_healable = true;  ///< One sector is what parity, labels and twins are for.
};

/// Up to three objects, all in the same way. Config and slots are the way in, which a person keeps
/// copies of; without them there is nothing to judge.
Torn tear_some(World& world) {
  Dice& dice = world.dice();
  std::vector<ObjectKey> keys;
  const auto listed = world.disk().list("", [&](const ObjectInfo& object) -> Result<> {
    if (!object.key.starts_with("config/") && !object.key.starts_with("slots/"))
      keys.push_back(object.key);
    return kOk;
  });
  Torn torn;
  if (!listed || keys.empty()) return torn;
  const auto how = static_cast<Tear>(dice.below(4));
  torn.is_healable = how == Tear::kSector;
  for (std::uint64_t i = dice.below(3) + 1; i > 0; --i) {
    const ObjectKey& key = keys[dice.below(keys.size())];
    if (torn.objects.contains(key)) continue;
    Bytes before;
    Bytes after;
    const std::uint64_t chance = dice.next();
    world.disk().damage(key, [&](Bytes& bytes) {
      before = bytes;
      tear(bytes, how, chance);
      after = bytes;
    });
    if (before == after) continue;
    torn.objects.insert(key);
    ++world.tally().torn;
    world.trace().add(fmt::format("torn {} {}", static_cast<int>(how), key));
  }
  return torn;
}

/// No wrong bytes; and what is healable comes back whole.
void judge_restores(World& world, bool must_succeed) {
  const auto process = world.observer();
  if (!process) return world.complain("a torn object keeps the repository from opening");
  const auto list = process->repository().snapshots();
  if (!list) return world.complain("points cannot be listed: " + list.error().what);
  if (must_succeed && !list->damaged.empty())
    world.complain(list->damaged.front() + " should have healed");
  for (const Snapshot& snapshot : list->snapshots) {
    if (!world.reported().contains(snapshot.id)) continue;
    const Folders& folders = world.attempted().at(number_of(snapshot));
    const auto restored = restore(process->repository(), snapshot, folders);
    if (restored) continue;
    const Error& error = restored.error();
    // kNotFound: the pack and all that knew of it are torn.
    const bool is_honest = error.kind == ErrorKind::kCorrupt || error.kind == ErrorKind::kNotFound;
    if (must_succeed || !is_honest)
      world.complain(fmt::format("torn: backup {}: {} {}", number_of(snapshot),
                                 static_cast<int>(error.kind), error.what));
  }
}

void judge_verify(World& world, const std::set<ObjectKey>& torn) {
  const auto process = world.observer();
  if (!process) return;
  Progress progress;
  const CancelToken never;
  const auto report = verify(process->repository(), VerifyLevel::kData, 1, progress, never);
  if (!report) return world.complain("verify of torn objects: " + report.error().what);
  std::set<ObjectKey> named;
  for (const Damage& damage : report->damages)
    named.insert(damage.object);
  for (const ObjectKey& key : torn)
    if (!named.contains(key)) world.complain("verify does not name " + key + ", which is torn");
}

/// True if it left nothing.
bool judge_repair(World& world) {
  const auto process = world.observer();
  if (!process) return false;
  Progress progress;
  const CancelToken never;
  const auto report =
      repair(process->repository().store(), &process->repository(), false, 1, progress, never);
  if (!report) world.complain("repair: " + report.error().what);
  return report && report->left.empty();
}

}  // namespace

void judge_lying_disk(World& world) {
  const Torn torn = tear_some(world);
  judge_restores(world, torn.is_healable);
  judge_verify(world, torn.objects);
  const bool is_whole = judge_repair(world);
  if (torn.is_healable && !is_whole) world.complain("repair does not heal a sector");
  judge_restores(world, is_whole);
  if (is_whole) judge_end(world);
}

}  // namespace reprieve::simulation
