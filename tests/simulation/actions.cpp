#include "repository/prune.hpp"
#include "simulation/keys.hpp"
#include "simulation/world.hpp"
#include "tree/tree_codec.hpp"

/// What processes of a world do.
namespace reprieve::simulation {
namespace {

using namespace repository;

constexpr std::size_t kBackupsAtOnce = 5;

SessionOptions small_packs() {
  SessionOptions options;
  options.workers = Workers::kCaller;
  options.pack_bytes = 2'000;
  options.frame_bytes = 1'000;
  options.index_chunks = 4;
  return options;
}

/// Faults, deaths, other collectors that were quicker: what a run may fail with here.
bool is_expected(const Error& error) {
  return error.kind == ErrorKind::kTransient || error.kind == ErrorKind::kCancelled ||
         error.kind == ErrorKind::kConflict;
}

}  // namespace

void World::act() {
  const std::uint64_t kind = dice_.below(8);
  if (kind < 2) {
    collect();
  } else if (kind < 5 && backups_.size() < kBackupsAtOnce) {
    begin_backup();
  } else if (!backups_.empty()) {
    step(dice_.below(backups_.size()));
  }
}

void World::begin_backup() {
  auto backup = std::make_unique<Backup>();
  backup->number = ++backups_begun_;
  backup->source = std::string(1, dice_.one_in(2) ? 'a' : 'b');
  backup->folders = some_folders(dice_);
  const std::uint64_t who = dice_.below(kWriterKeys.size() + 1);
  backup->process = new_process(who == kWriterKeys.size() ? kAdminKey : kWriterKeys.at(who));
  attempted_[backup->number] = backup->folders;
  if (auto opened = backup->process->open(); !opened) return settle_puts(*backup->process);
  auto session =
      WriteSession::begin(backup->process->repository(), small_packs(), backup->progress);
  if (!session) return settle_puts(*backup->process);
  backup->session = *std::move(session);
  backups_.push_back(std::move(backup));
}

/// Stores one folder more, or commits.
void World::step(std::size_t which) {
  // Taken out while it acts: nobody else may act in its place.
  std::unique_ptr<Backup> backup = std::move(backups_[which]);
  backups_.erase(backups_.begin() + static_cast<std::ptrdiff_t>(which));
  if (dice_.one_in(8)) {
    backup->process->clock().jump_to(some_offset());
    ++tally_.clock_jumps;
  }
  if (go_on(*backup))
    backups_.push_back(std::move(backup));
  else
    settle_puts(*backup->process);
}

/// False: it has ended, in one way or another.
bool World::go_on(Backup& backup) {
  if (backup.lists.size() == backup.folders.size()) {
    commit(backup);
    return false;
  }
  if (dice_.one_in(25)) {
    ignore_error(backup.session->abandon(), "it promises nothing");
    return false;
  }
  const auto stored = store_folder(backup.process->repository(), *backup.session,
                                   backup.folders[backup.lists.size()]);
  if (stored) backup.lists.push_back(*stored);
  return stored && !dice_.one_in(25);
}

void World::commit(Backup& backup) {
  std::vector<ChunkRef> refs;
  for (const ChunkId& id : backup.lists)
    refs.push_back({id, 1});
  const auto root = backup.session->put(ChunkType::kList, encode_list(refs), backup.lists);
  if (!root) return;
  Description description;
  description.source = backup.source;
  description.name = std::to_string(backup.number);
  const auto made = backup.session->commit({*root, 1}, {}, description);
  if (!made) return;
  ++tally_.reported;
  reported_[made->id] = backup.number;
  trace_.add(fmt::format("backup {} is reported", backup.number));
}

void World::collect() {
  const auto process = new_process(dice_.one_in(4) ? kPrunerKey : kAdminKey);
  PruneOptions options;
  for (const char* source : {"a", "b"})
    options.rules[source] = {RetentionRule{.last = 1, .min_age = {}}};
  options.unused_max = dice_.one_in(2) ? 0.3 : 0.0;
  options.is_fencing_now = dice_.one_in(4);
  if (!process->open()) return;
  const CancelToken never;
  const auto report = prune(process->repository(), options, never);
  settle_puts(*process);
  if (report) {
    ++tally_.collected;
    tally_.packs_deleted += report->packs_deleted;
  } else if (!is_expected(report.error())) {
    complain("prune: " + report.error().what);
  }
}

}  // namespace reprieve::simulation
