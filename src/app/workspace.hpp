#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/stores.hpp"
#include "base/cancel.hpp"
#include "base/result.hpp"
#include "plan/model.hpp"
#include "repository/repository.hpp"
#include "storage/object_store.hpp"

namespace reprieve::app {

/// What the user said about where things are; empty members were not said.
struct WorkspaceOptions {
  std::string
      repo;  ///< --repo or REPRIEVE_REPO: a path, a file: or s3: URL, or a storage in the plan.
  std::vector<std::string> replicas;  ///< Further stores of the same repository, each as `repo`.
  std::string password_file;          ///< --password-file or REPRIEVE_PASSWORD_FILE.
  std::string key_file;               ///< --key-file or REPRIEVE_KEY_FILE.
  std::string plan_file;  ///< --plan; else reprieve.yaml in the current folder, if it is there.
  std::string state_dir;  ///< --state-dir or REPRIEVE_STATE_DIR.
  std::string cache_dir;  ///< --cache-dir or REPRIEVE_CACHE_DIR.
  /// Asks on the terminal without echo; not set if there is no terminal to ask on.
  std::function<Result<Secret>(const std::string& prompt)> ask;
  /// Tells a person what must not be missed but stops nothing; may be empty.
  std::function<void(const std::string& line)> warn;
  /// Ends waits for a store that does not answer; may be null. Must outlive what is opened.
  const CancelToken* cancel = nullptr;
};

/// A plan with its text, as it was loaded.
struct LoadedPlan {
  plan::Plan plan;
  std::string path;       ///< Absolute.
  std::string text;       ///< As in the file.
  std::string canonical;  ///< plan::canonical_text().
  std::string hash;  ///< SHA-256 of `canonical`, hexadecimal: what is tested, approved, recorded.
};

/// A repository, the store it lies in, and what was found there when it was opened.
struct OpenRepository {
  std::unique_ptr<ObjectStore> store;
  std::unique_ptr<repository::Repository> repository;
  repository::Repository::SnapshotList listed;  ///< `chains` are in `heads`.
  repository::HeadLook heads;
  std::vector<repository::HeadAlarm> alarms;  ///< In what the store went back or another way.
};

/// What a repository is opened for. Who reads goes on with any of its stores that answers; who
/// writes sees the first one alone, for only that decides who was first
/// (docs/adr/0015-replicas.md); who looks for damage in a store asks that one and no other. A
/// repository that went back or another way (docs/adr/0014-rollback.md) is still read, with a
/// warning, for that may be a recovery; nothing is written to it until a person has decided.
///
/// For streams alone (kReadStreams as kRead, kWriteStreams as kWrite) neither chunks nor points are
/// looked at: it opens at once and in little memory, whatever the repository holds.
enum class Purpose : std::uint8_t { kRead, kReadFirst, kWrite, kReadStreams, kWriteStreams };

/// The surroundings of one invocation: repository, keys, plan and local folders. Not thread-safe.
class Workspace {
 public:
  /// Fills what was not said from the environment and loads the plan if there is one.
  /// Errors: kInvalid for a plan that does not parse (all its problems in the text); kNotFound if
  /// --plan names no file.
  static Result<Workspace> open(WorkspaceOptions options);

  /// Errors: kInvalid if there is no plan (hint names --plan).
  [[nodiscard]] Result<const LoadedPlan*> plan() const;
  [[nodiscard]] const LoadedPlan* plan_if_any() const { return plan_ ? &*plan_ : nullptr; }

  /// Where the repository lies: an absolute path or an s3: URL. Errors: kInvalid if nobody said.
  [[nodiscard]] Result<std::string> repository_path() const;
  /// The same with the account that the plan names. Errors: those of secret().
  [[nodiscard]] Result<StorePlace> store_place() const;
  /// The places of the replicas, in the order in which they were named; if only one store was,
  /// those that the plan has for it. Errors: as store_place().
  [[nodiscard]] Result<std::vector<StorePlace>> replica_places() const;
  /// Also compares it with what this host saw before. Errors: those of unlocking; for kWrite
  /// kConflict if the first store is a replica, kCorrupt if it went back or another way.
  Result<OpenRepository> open_repository(Purpose purpose = Purpose::kRead);
  /// As for kReadFirst, also if a thief hid or overwrote what opens the repository: then that is
  /// brought back from the bucket's earlier versions first.
  Result<OpenRepository> open_robbed_repository();
  /// Only the first store, without a key: for what a storage host can do.
  [[nodiscard]] Result<std::unique_ptr<ObjectStore>> open_store() const;
  /// What was given to unlock with: both members empty if nothing was.
  [[nodiscard]] Result<repository::UnlockKey> given_key();

  /// The key file that the user or the plan's storage names, whether it exists or not; else empty.
  [[nodiscard]] std::string key_file_wanted() const;

  /// Runs, verifications and check results; a folder per user. Made when first written to.
  [[nodiscard]] const std::string& state_dir() const { return state_dir_; }
  [[nodiscard]] const std::string& cache_dir() const { return cache_dir_; }
  /// Where `init` puts key files and where they are looked for when no key was named.
  [[nodiscard]] const std::string& key_dir() const { return key_dir_; }

  /// The value of a secret of the plan. Errors: kNotFound, kDenied, kInvalid, naming the secret.
  [[nodiscard]] Result<Secret> secret(const std::string& name) const;

  /// Passes a warning on to the person, if there is one to tell.
  void warn(const std::string& line) const;

  /// How a child `reprieve` is told the same surroundings: arguments, none of them secret. With
  /// `storage`, an entry of the plan, that one is its repository.
  [[nodiscard]] std::vector<std::string> arguments_for_child(const std::string& storage = {}) const;

 private:
  Workspace() = default;
  [[nodiscard]] const plan::Storage* storage() const;
  [[nodiscard]] Result<StorePlace> place_of(const std::string& location,
                                            const plan::Storage* named) const;
  [[nodiscard]] Result<std::unique_ptr<ObjectStore>> open_any_store() const;
  Result<std::unique_ptr<repository::Repository>> unlock(ObjectStore& store,
                                                         bool is_without_index = false);

  WorkspaceOptions options_;
  std::optional<LoadedPlan> plan_;
  std::string state_dir_;
  std::string cache_dir_;
  std::string key_dir_;
};

/// The first line of a password file, as restic and others read it. Errors: those of reading;
/// kInvalid if it is empty.
Result<Secret> read_password_file(const std::string& path);

/// The folder of runs and verifications for these options, plan or not.
std::string state_dir_of(const WorkspaceOptions& options);

/// The path of this program's file.
Result<std::string> program_path();

}  // namespace reprieve::app
