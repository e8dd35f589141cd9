#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulation/condemned_watch.hpp"
#include "simulation/content.hpp"
#include "simulation/dice.hpp"
#include "simulation/process.hpp"
#include "simulation/trace.hpp"

namespace reprieve::simulation {

/// One backup that runs, or ran.
struct Backup {
  int number = 0;
  std::string source;
  Folders folders;
  std::unique_ptr<Process> process;
  Progress progress;
  std::unique_ptr<repository::WriteSession> session;  // Before what it is made of goes.
  std::vector<ChunkId> lists;
};

/// How often each fault really happened.
struct Tally {
  std::uint64_t reported = 0;
  std::uint64_t collected = 0;
  std::uint64_t packs_deleted = 0;
  std::uint64_t deaths = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t lost_calls = 0;
  std::uint64_t came_again = 0;
  std::uint64_t listed_late = 0;
  std::uint64_t clock_jumps = 0;
  std::uint64_t restored = 0;
  std::uint64_t torn = 0;
  void add(const Tally& other);
};

/// Writers and collectors against one store that breaks its calls, in an order that a seed chooses:
/// before any call to the store others may act, to their end or a part of it, and so on inside of
/// them; any may die there, or all of them with the store's power. Nothing in it depends on threads
/// or on the machine's time.
class World {
 public:
  World(std::uint64_t seed, Trace::Printing printing);

  /// Lets them all act for a while, then ends what still runs and lets requests under way arrive.
  void run();

  /// For whoever judges the world afterwards: a process that meets no fault, or nothing.
  std::unique_ptr<Process> observer();
  void complain(const std::string& what);

  [[nodiscard]] Dice& dice() { return dice_; }
  [[nodiscard]] MemoryStore& disk() { return disk_; }
  [[nodiscard]] Trace& trace() { return trace_; }
  [[nodiscard]] Tally& tally() { return tally_; }
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  /// What each backup captured, by number: points carry it as their name.
  [[nodiscard]] const std::map<int, Folders>& attempted() const { return attempted_; }
  /// What was not durable when the power went.
  [[nodiscard]] const std::set<ObjectKey>& lost_with_power() const { return lost_with_power_; }
  /// The points that were reported as done.
  [[nodiscard]] const std::map<SnapshotId, int>& reported() const { return reported_; }

 private:
  void found();
  Duration some_offset();
  std::unique_ptr<Process> new_process(std::byte key);
  Result<CallFate> before_call(Process& process, StoreCall call, std::string_view key);
  void others_act(std::uint64_t one_in);
  void request_arrives(std::size_t number);
  void settle_puts(const Process& process);
  void cut_power();
  Result<CallFate> fate_of(const Process& process, StoreCall call, std::string_view key);
  bool is_gone(Process& process) const;
  void note_last_put();
  void check_removal(const ObjectKey& key);

  void act();
  void begin_backup();
  void step(std::size_t which);
  bool go_on(Backup& backup);
  void commit(Backup& backup);
  void collect();

  Dice dice_;
  Trace trace_;
  Tally tally_;
  VirtualTime time_;
  MemoryStore disk_;
  ChaoticHost host_{disk_};
  const BeforeCall before_;
  std::unique_ptr<Process> founder_;  // Its keys are the watch's.
  std::optional<CondemnedWatch> watch_;
  bool is_calm_ = true;
  int depth_ = 0;
  std::uint64_t processes_ = 0;
  int backups_begun_ = 0;
  ObjectKey last_put_;  // What the watch has not looked at yet.
  std::vector<std::unique_ptr<Backup>> backups_;
  std::map<int, Folders> attempted_;
  std::map<SnapshotId, int> reported_;
  std::vector<std::string> problems_;
  std::set<ObjectKey> lost_with_power_;
};

}  // namespace reprieve::simulation
