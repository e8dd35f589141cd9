#include "app/init_job.hpp"

#include "app/keys_job.hpp"
#include "app/kit.hpp"
#include "app/stores.hpp"
#include "base/format.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"

namespace reprieve::app {
namespace {

Result<Secret> ask_for_new_password(const WorkspaceOptions& options) {
  REPRIEVE_TRY(Secret first, options.ask("New password of the repository: "));
  REPRIEVE_TRY(const Secret again, options.ask("The same again: "));
  if (!crypto::equal_in_constant_time(first.expose(), again.expose()))
    return Error{ErrorKind::kInvalid, "the two passwords differ", "Run the command again."};
  if (first.empty())
    return Error{ErrorKind::kInvalid, "the password is empty", "Choose one of several words."};
  return first;
}

}  // namespace

Result<InitOutcome> init(Workspace& workspace, const WorkspaceOptions& options,
                         std::string key_file_target) {
  InitOutcome outcome;
  REPRIEVE_TRY(outcome.repository_path, workspace.repository_path());
  REPRIEVE_TRY(const StorePlace place, workspace.store_place());
  REPRIEVE_TRY(auto store, make_store(place));

  // A key that was named by the plan or the user is used; if it is a file that does not exist yet,
  // that is where the new one goes.
  repository::UnlockKey key;
  auto given = workspace.given_key();
  if (given) {
    key = *std::move(given);
  } else if (given.error().kind == ErrorKind::kNotFound && key_file_target.empty()) {
    key_file_target = workspace.key_file_wanted();
    if (key_file_target.empty()) return std::move(given).error();
  } else {
    return std::move(given).error();
  }
  if (key.passphrase.empty() && key.key_file_secret.empty() && options.ask) {
    REPRIEVE_TRY(key.passphrase, ask_for_new_password(options));
  }
  const bool has_passphrase = !key.passphrase.empty();
  const bool is_making_key_file = key.key_file_secret.empty();
  if (is_making_key_file) {
    // On disk before the repository exists: a crash in between leaves a key without a lock, not a
    // lock without a key.
    key.key_file_secret = crypto::random_secret(system_random());
    if (key_file_target.empty()) key_file_target = default_key_file(workspace, key.key_file_secret);
    REPRIEVE_TRY(outcome.key_file,
                 write_key_file(key.key_file_secret, key_file_target,
                                "Key of the reprieve repository " + outcome.repository_path));
  } else {
    outcome.key_file = workspace.key_file_wanted();
  }
  const repository::UnlockKey by_file{Secret{}, key.key_file_secret.clone()};
  REPRIEVE_RETURN_IF_ERROR(
      repository::Repository::create(*store, key, system_random(), system_clock()));
  REPRIEVE_TRY(auto opened,
               repository::Repository::open(*store, by_file, system_random(), system_clock(), {}));
  outcome.repository_hex = to_hex(opened->id());
  REPRIEVE_TRY(const std::string program, store_program(*store, workspace.cache_dir()));
  REPRIEVE_TRY(auto facts, kit_facts(workspace, outcome.repository_hex));
  facts.key_file = outcome.key_file;
  facts.has_passphrase = has_passphrase;
  outcome.kit = kit_text(facts, program);
  REPRIEVE_RETURN_IF_ERROR(store_kit_text(*store, outcome.kit));
  REPRIEVE_RETURN_IF_ERROR(store->sync());
  OpenRepository open;
  open.store = std::move(store);
  open.repository = std::move(opened);
  repository::SyncOptions making;
  making.is_new = true;
  Progress progress;
  const CancelToken never;
  REPRIEVE_TRY(outcome.replicas, sync_replicas(workspace, open, making, progress, never));
  return outcome;
}

}  // namespace reprieve::app
