#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "repository/internal/gc_record.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/test_repository.hpp"
#include "repository/prune.hpp"
#include "repository/verify.hpp"

/// Writers and collectors against one store, in an order that a seed chooses: whenever one of them
/// lists the store, or changes something in it that another one looks at, others may act first, to
/// their end or a part of it, and so on inside of them. Any of them may die there. Clocks are off
/// by years. A failing seed prints itself; REPRIEVE_SEED runs it alone.
namespace reprieve::repository {
namespace {

class World;

/// Hands calls on; before those that matter to others, others may act. Only calls from the test's
/// own thread count, so that the order does not hang on threads of the code under test.
class InterruptingStore : public ObjectStore {
 public:
  InterruptingStore(World& world, MemoryStore& disk) : world_{world}, disk_{disk} {}

  Result<> put(const ObjectKey& key, ByteView body) override {
    REPRIEVE_RETURN_IF_ERROR(pause(!key.starts_with("pack/") && !key.starts_with("idx/")));
    return disk_.put(key, body);
  }
  Result<> sync() override { return check(); }
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override {
    REPRIEVE_RETURN_IF_ERROR(check());
    return disk_.get(key, range);
  }
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override {
    REPRIEVE_RETURN_IF_ERROR(check());
    return disk_.get(key, size_max);
  }
  Result<ObjectInfo> stat(const ObjectKey& key) override {
    REPRIEVE_RETURN_IF_ERROR(pause(true));
    return disk_.stat(key);
  }
  Result<> list(std::string_view prefix, const Visit& visit) override {
    REPRIEVE_RETURN_IF_ERROR(pause(true));
    std::vector<ObjectInfo> objects;
    REPRIEVE_RETURN_IF_ERROR(disk_.list(prefix, [&](const ObjectInfo& object) -> Result<> {
      objects.push_back(object);
      return kOk;
    }));
    for (const ObjectInfo& object : objects)
      REPRIEVE_RETURN_IF_ERROR(visit(object));
    return kOk;
  }
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override {
    return disk_.replace_damaged(key, body);
  }
  Result<> remove(const ObjectKey& key) override {
    REPRIEVE_RETURN_IF_ERROR(pause(true));
    return disk_.remove(key);
  }
  [[nodiscard]] std::string describe() const override { return "simulated"; }

 private:
  Result<> pause(bool matters);
  [[nodiscard]] Result<> check() const {
    if (is_dead_) return Error{ErrorKind::kTransient, "died"};
    return kOk;
  }

  World& world_;
  MemoryStore& disk_;
  std::atomic<bool> is_dead_{false};
};

/// A process: a store of its own that may die, a clock, an open repository.
struct Process {
  Process(World& world, MemoryStore& disk, std::uint64_t seed, Instant now)
      : store{world, disk}, random{seed}, clock{now} {}
  InterruptingStore store;
  SeededRandom random;
  ManualClock clock;
  std::unique_ptr<Repository> repository;
};

/// What one backup holds: lists of chunks, by number.
using Folders = std::vector<std::vector<int>>;

struct Backup {
  Backup(World& world, MemoryStore& disk, std::uint64_t seed, Instant now, bool is_of_a,
         Folders content)
      : process{world, disk, seed, now}, source{is_of_a ? "a" : "b"}, folders{std::move(content)} {}
  Process process;
  std::string source;
  Folders folders;
  Progress progress;
  std::unique_ptr<WriteSession> session;
  std::vector<ChunkRef> lists;
  std::vector<ChunkId> list_ids;
};

class World {
 public:
  explicit World(std::uint64_t seed) : seed_{seed}, choice_{seed} {}

  void run() {
    for (int i = 0; i < 10; ++i)
      act();
    while (!backups_.empty() && chance(2))
      step(choice_.next() % backups_.size());
    backups_.clear();
    is_calm_ = true;
    check_points();
    settle();
  }

  Result<> interrupt() {
    if (is_calm_ || std::this_thread::get_id() != thread_) return kOk;
    if (chance(60)) return Error{ErrorKind::kTransient, "died"};
    if (depth_ < 3 && chance(6)) {
      ++depth_;
      act();
      --depth_;
    }
    return kOk;
  }

 private:
  bool chance(std::uint64_t one_in) { return choice_.next() % one_in == 0; }

  /// Off by up to four years, and now and then right.
  Instant some_time() {
    hours_ += 1;
    std::int64_t off = 0;
    if (chance(3)) off = static_cast<std::int64_t>(choice_.next() % 70'000) - 35'000;
    return test_.clock.now() + std::chrono::hours{hours_ + off};
  }

  void act() {
    const std::uint64_t kind = choice_.next() % 5;
    if (kind == 0) {
      collect();
    } else if (kind < 3 && backups_.size() < 4) {
      begin();
    } else if (!backups_.empty()) {
      step(choice_.next() % backups_.size());
    }
  }

  /// Ten kinds of folder, of which runs share many: what trees and their chunks go through.
  Folders some_folders() {
    Folders folders;
    for (std::uint64_t i = choice_.next() % 3 + 1; i > 0; --i) {
      const int kind = static_cast<int>(choice_.next() % 10);
      folders.push_back({kind, (kind * 3 + 1) % 16, (kind * 5 + 2) % 16});
    }
    return folders;
  }

  static Bytes chunk(int number) {
    SeededRandom source{static_cast<std::uint64_t>(number) + 1};
    Bytes bytes(400);
    source.fill(bytes);
    return bytes;
  }

  std::unique_ptr<Backup> new_backup() {
    const std::uint64_t seed = choice_.next();
    const Instant now = some_time();
    const bool is_of_a = chance(2);
    return std::make_unique<Backup>(*this, test_.disk, seed, now, is_of_a, some_folders());
  }

  Result<> open(Process& process) {
    auto key = TestRepository::unlock_key();
    REPRIEVE_TRY(process.repository,
                 Repository::open(process.store, key, process.random, process.clock, {}));
    return kOk;
  }

  void begin() {
    auto backup = new_backup();
    if (!open(backup->process)) return;
    SessionOptions options = TestRepository::small_packs();
    options.pack_bytes = 2'000;
    options.frame_bytes = 1'000;
    options.index_chunks = 4;
    auto session = WriteSession::begin(*backup->process.repository, options, backup->progress);
    if (!session) return;
    backup->session = *std::move(session);
    backups_.push_back(std::move(backup));
  }

  /// Stores one folder more, or commits. A folder that is known whole is not looked into, as a
  /// backup does with what has not changed.
  void step(std::size_t which) {
    // Taken out while it acts: nobody else may act in its place.
    std::unique_ptr<Backup> backup = std::move(backups_[which]);
    backups_.erase(backups_.begin() + static_cast<std::ptrdiff_t>(which));
    if (backup->lists.size() == backup->folders.size()) return commit(*backup);
    if (store_folder(*backup, backup->folders[backup->lists.size()]) && !chance(20))
      backups_.push_back(std::move(backup));
  }

  static bool store_folder(Backup& backup, const std::vector<int>& numbers) {
    WriteSession& session = *backup.session;
    const KeyRing& keys = backup.process.repository->keys();
    std::vector<ChunkRef> refs;
    std::vector<ChunkId> ids;
    for (const int number : numbers) {
      ids.push_back(keys.chunk_id(ChunkType::kData, chunk(number)));
      refs.push_back({ids.back(), 400});
    }
    const Bytes list = encode_list(refs);
    const ChunkId id = keys.chunk_id(ChunkType::kList, list);
    if (!session.has(id)) {
      for (const int number : numbers)
        if (!session.put(ChunkType::kData, chunk(number))) return false;
      if (!session.put(ChunkType::kList, list, ids)) return false;
    }
    backup.lists.push_back({id, 1});
    backup.list_ids.push_back(id);
    return true;
  }

  void commit(Backup& backup) {
    const auto root =
        backup.session->put(ChunkType::kList, encode_list(backup.lists), backup.list_ids);
    if (!root) return;
    Description description;
    description.source = backup.source;
    const auto made = backup.session->commit({*root, 2}, {}, description);
    if (made) reported_[made->id] = backup.folders;
  }

  void collect() {
    Process process{*this, test_.disk, choice_.next(), some_time()};
    if (!open(process)) return;
    PruneOptions options;
    for (const char* source : {"a", "b"})
      options.rules[source] = {RetentionRule{.last = 1, .min_age = {}}};
    options.unused_max = chance(2) ? 0.3 : 0.0;
    options.is_fencing_now = chance(4);
    const CancelToken never;
    const auto report = prune(*process.repository, options, never);
    if (report) return;
    const ErrorKind kind = report.error().kind;
    EXPECT_TRUE(kind == ErrorKind::kTransient || kind == ErrorKind::kConflict)
        << "seed " << seed_ << ": " << report.error().what;
  }

  static Result<> restore(const Repository& repository, const Snapshot& snapshot,
                          const Folders& folders) {
    ChunkReader reader{repository, 1};
    REPRIEVE_TRY(const Bytes root, reader.read(ChunkType::kList, snapshot.root.id, kTreeBytesMax));
    REPRIEVE_TRY(const auto lists, parse_list(root));
    for (std::size_t i = 0; i < lists.size(); ++i) {
      REPRIEVE_TRY(const Bytes list, reader.read(ChunkType::kList, lists[i].id, kTreeBytesMax));
      REPRIEVE_TRY(const auto refs, parse_list(list));
      for (std::size_t at = 0; at < refs.size(); ++at) {
        REPRIEVE_TRY(const Bytes data, reader.read(ChunkType::kData, refs[at].id, 1'000));
        if (data != chunk(folders.at(i).at(at)))
          return Error{ErrorKind::kCorrupt, "other bytes came back"};
      }
    }
    return kOk;
  }

  void check_points() {
    const auto repository = test_.open();
    const auto list = repository->snapshots();
    ASSERT_TRUE(list) << "seed " << seed_;
    const auto tombs = read_tombs(test_.disk, repository->keys());
    ASSERT_TRUE(tombs);
    std::set<SnapshotId> there;
    for (const Tomb& tomb : tombs->tombs)
      there.insert(tomb.snapshot);
    for (const Snapshot& snapshot : list->snapshots) {
      there.insert(snapshot.id);
      const auto folders = reported_.find(snapshot.id);
      if (folders == reported_.end())
        continue;  // Its writer died, or was fenced: it promises nothing.
      const auto restored = restore(*repository, snapshot, folders->second);
      ASSERT_TRUE(restored) << "seed " << seed_ << ", point " << snapshot.seq << ": "
                            << restored.error().what;
      ++points_checked_;
    }
    for (const auto& [id, folders] : reported_)
      EXPECT_TRUE(there.contains(id)) << "seed " << seed_ << ": a point is gone without a tomb";
  }

  /// When all is quiet, a few prunes later, only what points need is left.
  void settle() {
    const CancelToken never;
    PruneOptions options;
    options.is_fencing_now = true;
    options.fence_after = std::chrono::hours{-1'000'000};
    for (int runs = 0; runs < 4; ++runs) {
      const auto done = prune(*test_.open(), options, never);
      ASSERT_TRUE(done) << "seed " << seed_ << ": " << done.error().what << " "
                        << done.error().hint;
    }
    options.is_dry_run = true;
    const auto left = prune(*test_.open(), options, never);
    ASSERT_TRUE(left);
    EXPECT_TRUE(test_.objects("sess/").empty()) << "seed " << seed_;
    check_packs(*left);
    check_points();
    Progress progress;
    const auto verified = verify(*test_.open(), VerifyLevel::kIndex, 1, progress, never);
    ASSERT_TRUE(verified) << "seed " << seed_;
    for (const Damage& damage : verified->damages)
      ADD_FAILURE() << "seed " << seed_ << ": " << damage.object << ": " << damage.what;
  }

  void check_packs(const PruneReport& left) {
    std::uint64_t bytes = 0;
    ASSERT_TRUE(test_.disk.list("pack/", [&](const ObjectInfo& object) -> Result<> {
      bytes += object.size.value;
      return kOk;
    }));
    EXPECT_EQ(left.bytes_reclaimable, 0U) << "seed " << seed_;
    EXPECT_EQ(bytes, left.bytes_kept) << "seed " << seed_ << ": packs that nobody knows";
  }

  const std::uint64_t seed_;
  SeededRandom choice_;
  const std::thread::id thread_ = std::this_thread::get_id();
  TestRepository test_;
  std::int64_t hours_ = 0;
  int depth_ = 0;
  bool is_calm_ = false;
  std::vector<std::unique_ptr<Backup>> backups_;
  std::map<SnapshotId, Folders> reported_;

 public:
  std::uint64_t points_checked_ = 0;
};

Result<> InterruptingStore::pause(bool matters) {
  REPRIEVE_RETURN_IF_ERROR(check());
  if (!matters) return kOk;
  auto interrupted = world_.interrupt();
  if (!interrupted) is_dead_ = true;
  return interrupted;
}

TEST(GcSimulation, NoOrderOfWritersCollectorsAndDeathsLosesAPointOrSpace) {
  std::uint64_t first = 1;
  std::uint64_t last = 20;
  if (const char* chosen = std::getenv("REPRIEVE_SEED")) first = last = std::stoull(chosen);
  if (const char* count = std::getenv("REPRIEVE_SEEDS")) last = std::stoull(count);
  std::uint64_t points = 0;
  for (std::uint64_t seed = first; seed <= last && !HasFailure(); ++seed) {
    World world{seed};
    world.run();
    points += world.points_checked_;
  }
  EXPECT_GT(points, last - first);  // Else it tried nothing.
}

}  // namespace
}  // namespace reprieve::repository
