#include "app/workspace.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "app/head_check.hpp"
#include "crypto/crypto.hpp"
#include "io/directory.hpp"
#include "io/file.hpp"
#include "io/http.hpp"
#include "plan/canonical.hpp"
#include "plan/parse.hpp"
#include "repository/replica.hpp"
#include "storage/replicated/replicated_store.hpp"
#include "storage/s3/version_view.hpp"

namespace reprieve::app {
namespace {

constexpr ByteCount kSecretFileMax{64 * 1024};
constexpr ByteCount kPlanFileMax{4 * 1024 * 1024};
constexpr std::string_view kDefaultPlan = "reprieve.yaml";

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void fill(std::string& member, const char* variable) {
  if (member.empty()) member = from_environment(variable);
}

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

/// REPRIEVE_REPO may name several stores: a comma before an absolute path or a URL parts them.
void split_repositories(WorkspaceOptions& options) {
  const auto begins_one = [](std::string_view text) {
    return text.starts_with('/') || text.starts_with("file://") || text.starts_with("s3://");
  };
  const std::string all = std::exchange(options.repo, "");
  std::vector<std::string> parts = {""};
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == ',' && begins_one(std::string_view{all}.substr(i + 1)))
      parts.emplace_back();
    else
      parts.back() += all[i];
  }
  options.repo = parts.front();
  options.replicas.assign(parts.begin() + 1, parts.end());
}

/// A folder of this user for `what` ("state", "cache", "config"), after the XDG base directory
/// specification; the system's own for root.
std::string user_folder(const char* xdg_variable, const char* below_home, const char* for_root) {
  if (const std::string xdg = from_environment(xdg_variable); !xdg.empty())
    return xdg + "/reprieve";
  const std::string home = from_environment("HOME");
  if (::geteuid() == 0 || home.empty()) return for_root;
  return home + "/" + below_home + "/reprieve";
}

Result<Secret> read_key_file(const std::string& path) {
  auto bytes = io::read_file(path, kSecretFileMax);
  if (!bytes)
    return std::move(bytes)
        .error()
        .at("read the key file")
        .with_hint("Name a readable key file with --key-file or REPRIEVE_KEY_FILE.");
  auto secret = repository::parse_key_file(*bytes);
  if (!secret) return std::move(secret).error().at(path);
  return secret;
}

Result<LoadedPlan> load_plan(const std::string& path) {
  REPRIEVE_TRY(const Bytes bytes, io::read_file(path, kPlanFileMax));
  REPRIEVE_TRY(plan::Plan plan, plan::load_plan(bytes, path));
  LoadedPlan loaded{std::move(plan), absolute(path), std::string{as_text(bytes)}, "", ""};
  loaded.canonical = plan::canonical_text(loaded.plan);
  loaded.hash = to_hex(crypto::sha256(as_bytes(loaded.canonical)));
  return loaded;
}

Result<std::string> path_of_location(const std::string& location) {
  constexpr std::string_view kFileScheme = "file://";
  if (location.starts_with(kFileScheme)) {
    const std::string path = location.substr(kFileScheme.size());
    if (path.starts_with('/')) return path;
    return Error{ErrorKind::kInvalid, "repository " + location + ": a file: URL names no host",
                 "Write file:///absolute/path."};
  }
  if (s3::is_s3_url(location)) {
    REPRIEVE_RETURN_IF_ERROR(s3::parse_location(location));
    return location;
  }
  if (location.find("://") != std::string::npos)
    return Error{ErrorKind::kInvalid,
                 "repository " + io::without_secrets(location) +
                     ": this version keeps repositories in folders and in S3",
                 "Give a path, a file: URL or s3://BUCKET/PREFIX."};
  return absolute(location);
}

Result<> refuse_replica(ObjectStore& store) {
  REPRIEVE_TRY(const bool is_replica, repository::is_replica(store));
  if (!is_replica) return kOk;
  return Error{ErrorKind::kConflict,
               store.describe() + " is a replica: it is written to by its primary alone",
               "Name the primary first. If that is lost for ever, make this one the primary with "
               "`reprieve repo promote`."};
}

}  // namespace

Result<Workspace> Workspace::open(WorkspaceOptions options) {
  Workspace workspace;
  if (options.repo.empty()) {
    fill(options.repo, "REPRIEVE_REPO");
    split_repositories(options);
  }
  fill(options.password_file, "REPRIEVE_PASSWORD_FILE");
  fill(options.key_file, "REPRIEVE_KEY_FILE");
  fill(options.cache_dir, "REPRIEVE_CACHE_DIR");
  fill(options.plan_file, "REPRIEVE_PLAN");
  workspace.state_dir_ = state_dir_of(options);
  workspace.cache_dir_ = options.cache_dir.empty()
                             ? user_folder("XDG_CACHE_HOME", ".cache", "/var/cache/reprieve")
                             : absolute(options.cache_dir);
  workspace.key_dir_ = user_folder("XDG_CONFIG_HOME", ".config", "/etc/reprieve") + "/keys";
  if (options.plan_file.empty() && io::exists(std::string{kDefaultPlan}))
    options.plan_file = kDefaultPlan;
  if (!options.plan_file.empty()) {
    auto loaded = load_plan(options.plan_file);
    if (!loaded) return std::move(loaded).error().with_hint("Name the plan's file with --plan.");
    workspace.plan_ = *std::move(loaded);
  }
  workspace.options_ = std::move(options);
  return workspace;
}

Result<const LoadedPlan*> Workspace::plan() const {
  if (plan_) return &*plan_;
  return Error{ErrorKind::kInvalid, "no plan: there is no reprieve.yaml in this folder",
               "Name the plan's file with --plan, or write one (docs/plan.md)."};
}

const plan::Storage* Workspace::storage() const {
  if (!plan_) return nullptr;
  if (options_.repo.empty())
    return plan_->plan.storages.empty() ? nullptr : &plan_->plan.storages.front();
  return plan_->plan.find_storage(options_.repo);
}

Result<std::string> Workspace::repository_path() const {
  if (const plan::Storage* named = storage()) return path_of_location(named->location);
  if (options_.repo.empty())
    return Error{ErrorKind::kInvalid, "no repository was named",
                 "Name it with --repo or REPRIEVE_REPO, or in the plan under `storage`."};
  return path_of_location(options_.repo);
}

Result<StorePlace> Workspace::store_place() const {
  REPRIEVE_TRY(const std::string location, repository_path());
  return place_of(location, storage());
}

Result<std::vector<StorePlace>> Workspace::replica_places() const {
  std::vector<StorePlace> places;
  if (const plan::Storage* primary = storage(); primary != nullptr && options_.replicas.empty()) {
    for (const plan::Storage* replica : plan_->plan.replicas_of(primary->name)) {
      REPRIEVE_TRY(StorePlace place, place_of(replica->location, replica));
      places.push_back(std::move(place));
    }
  }
  for (const std::string& replica : options_.replicas) {
    const plan::Storage* named = plan_ ? plan_->plan.find_storage(replica) : nullptr;
    REPRIEVE_TRY(const std::string location,
                 path_of_location(named == nullptr ? replica : named->location));
    REPRIEVE_TRY(StorePlace place, place_of(location, named));
    places.push_back(std::move(place));
  }
  return places;
}

Result<StorePlace> Workspace::place_of(const std::string& location,
                                       const plan::Storage* named) const {
  StorePlace place;
  place.location = location;
  place.cancel = options_.cancel;
  if (named == nullptr || !named->access_key) return place;
  StoreAccount account;
  REPRIEVE_TRY(account.access_key, secret(named->access_key->text));
  REPRIEVE_TRY(account.secret_key, secret(named->secret_key->text));
  place.account = std::move(account);
  return place;
}

Result<std::unique_ptr<ObjectStore>> Workspace::open_store() const {
  REPRIEVE_TRY(const StorePlace place, store_place());
  return app::open_store(place);
}

/// Every store of the repository that can be reached, as one.
Result<std::unique_ptr<ObjectStore>> Workspace::open_any_store() const {
  REPRIEVE_TRY(auto places, replica_places());
  REPRIEVE_TRY(StorePlace first, store_place());
  if (places.empty()) return app::open_store(first);
  places.insert(places.begin(), std::move(first));
  std::vector<std::unique_ptr<ObjectStore>> stores;
  std::optional<Error> failure;
  for (const StorePlace& place : places) {
    auto store = app::open_store(place);
    if (store) {
      stores.push_back(*std::move(store));
      continue;
    }
    warn("warning: " + store.error().what + "; going on with the repository's other stores");
    if (!failure) failure = std::move(store).error();
  }
  if (stores.empty()) return *std::move(failure);
  return std::make_unique<ReplicatedStore>(
      std::move(stores), [warn = options_.warn](const ObjectStore& store, const Error& error) {
        if (warn)
          warn("warning: " + store.describe() + " fails (" + error.what +
               "); going on with the repository's other stores");
      });
}

Result<OpenRepository> Workspace::open_robbed_repository() {
  auto opened = open_repository(Purpose::kReadFirst);
  if (opened) return opened;
  const ErrorKind kind = opened.error().kind;
  if (kind != ErrorKind::kNotFound && kind != ErrorKind::kDenied && kind != ErrorKind::kCorrupt)
    return opened;
  REPRIEVE_TRY(const StorePlace place, store_place());
  REPRIEVE_TRY(auto bucket, open_s3(place));
  REPRIEVE_TRY(auto view, S3VersionView::open(std::move(bucket), S3VersionView::Pick::kOldest));
  REPRIEVE_TRY(const auto repository, unlock(*view));
  REPRIEVE_TRY(const auto store, app::open_store(place));
  REPRIEVE_RETURN_IF_ERROR(repository::bring_back_entry(*repository, *store, *view));
  return open_repository(Purpose::kReadFirst);
}

void Workspace::warn(const std::string& line) const {
  if (options_.warn) options_.warn(line);
}

Result<repository::UnlockKey> Workspace::given_key() {
  repository::UnlockKey key;
  if (!options_.key_file.empty()) {
    REPRIEVE_TRY(key.key_file_secret, read_key_file(options_.key_file));
  }
  if (!options_.password_file.empty()) {
    REPRIEVE_TRY(key.passphrase, read_password_file(options_.password_file));
  }
  const bool is_given = !key.passphrase.empty() || !key.key_file_secret.empty();
  if (is_given) return key;
  if (const plan::Storage* named = storage()) {
    REPRIEVE_TRY(Secret value, secret(named->secret.text));
    if (named->unlock == plan::Storage::Unlock::kPassword) {
      key.passphrase = std::move(value);
    } else {
      auto parsed = repository::parse_key_file(value.expose());
      if (!parsed) return std::move(parsed).error().at("secret " + named->secret.text);
      key.key_file_secret = *std::move(parsed);
    }
    return key;
  }
  if (const std::string password = from_environment("REPRIEVE_PASSWORD"); !password.empty())
    key.passphrase = Secret::copy_of(as_bytes(password));
  return key;
}

std::string Workspace::key_file_wanted() const {
  if (!options_.key_file.empty()) return absolute(options_.key_file);
  const plan::Storage* named = storage();
  if (named == nullptr || named->unlock != plan::Storage::Unlock::kKey) return "";
  const plan::Secret* reference = plan_->plan.find_secret(named->secret.text);
  if (reference == nullptr || reference->from != plan::Secret::From::kFile) return "";
  return reference->where;
}

Result<std::unique_ptr<repository::Repository>> Workspace::unlock(ObjectStore& store,
                                                                  bool is_without_index) {
  const auto open_with = [&](const repository::UnlockKey& key) {
    repository::OpenOptions options;
    options.cache_dir = cache_dir_ + "/index";
    options.is_without_index = is_without_index;
    return repository::Repository::open(store, key, system_random(), system_clock(), options);
  };
  REPRIEVE_TRY(repository::UnlockKey key, given_key());
  if (!key.passphrase.empty() || !key.key_file_secret.empty()) return open_with(key);

  // Key files that `init` made on this machine open their repositories without being named. A key
  // file costs no derivation, so each may be tried.
  if (const auto names = io::list_dir(key_dir_)) {
    for (const std::string& name : *names) {
      auto secret = read_key_file(key_dir_ + "/" + name);
      if (!secret) continue;
      auto opened = open_with({Secret{}, *std::move(secret)});
      if (opened || opened.error().kind != ErrorKind::kDenied) return opened;
    }
  }
  if (options_.ask) {
    REPRIEVE_TRY(key.passphrase, options_.ask("Password of the repository: "));
    return open_with(key);
  }
  REPRIEVE_TRY(const bool is_there, repository::is_repository(store));
  if (!is_there)
    return Error{ErrorKind::kNotFound, store.describe() + " holds no repository",
                 "Make one with `reprieve init`, or name another with --repo."};
  return Error{
      ErrorKind::kDenied, "no key was given for the repository " + store.describe(),
      "Give --password-file or --key-file (or REPRIEVE_PASSWORD_FILE, REPRIEVE_KEY_FILE)."};
}

Result<OpenRepository> Workspace::open_repository(Purpose purpose) {
  const bool is_any = purpose == Purpose::kRead || purpose == Purpose::kReadStreams;
  const bool is_writing = purpose == Purpose::kWrite || purpose == Purpose::kWriteStreams;
  const bool is_for_streams = purpose == Purpose::kReadStreams || purpose == Purpose::kWriteStreams;
  OpenRepository opened;
  REPRIEVE_TRY(opened.store, is_any ? open_any_store() : open_store());
  REPRIEVE_TRY(opened.repository, unlock(*opened.store, is_for_streams));
  if (is_writing) REPRIEVE_RETURN_IF_ERROR(refuse_replica(*opened.store));
  if (!is_for_streams) REPRIEVE_RETURN_IF_ERROR(check_heads(*this, opened, purpose));
  return opened;
}

Result<Secret> Workspace::secret(const std::string& name) const {
  const plan::Secret* reference = plan_ ? plan_->plan.find_secret(name) : nullptr;
  if (reference == nullptr) return Error{ErrorKind::kNotFound, "the plan has no secret " + name};
  if (reference->from == plan::Secret::From::kEnvironment) {
    const std::string value = from_environment(reference->where.c_str());
    if (value.empty())
      return Error{ErrorKind::kNotFound,
                   "secret " + name + ": the variable " + reference->where + " is not set",
                   "Set it for this program, or change `from` in the plan."};
    return Secret::copy_of(as_bytes(value));
  }
  auto bytes = io::read_file(reference->where, kSecretFileMax);
  if (!bytes) return std::move(bytes).error().at("secret " + name);
  std::string_view text = as_text(*bytes);
  // A key file is kept whole; of a password the line end is no part.
  while (text.ends_with('\n') || text.ends_with('\r'))
    text.remove_suffix(1);
  return Secret::copy_of(as_bytes(text));
}

std::vector<std::string> Workspace::arguments_for_child(const std::string& storage) const {
  std::vector<std::string> arguments;
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {flag, value});
  };
  if (plan_) add("--plan", plan_->path);
  const auto add_store = [&](const std::string& store) {
    const bool is_name = plan_ && plan_->plan.find_storage(store) != nullptr;
    const bool is_as_written = store.empty() || is_name || store.find("://") != std::string::npos;
    add("--repo", is_as_written ? store : absolute(store));
  };
  add_store(storage.empty() ? options_.repo : storage);
  if (storage.empty()) std::ranges::for_each(options_.replicas, add_store);
  if (!options_.password_file.empty()) add("--password-file", absolute(options_.password_file));
  if (!options_.key_file.empty()) add("--key-file", absolute(options_.key_file));
  add("--state-dir", state_dir_);
  add("--cache-dir", cache_dir_);
  return arguments;
}

std::string state_dir_of(const WorkspaceOptions& options) {
  std::string named = options.state_dir;
  fill(named, "REPRIEVE_STATE_DIR");
  return named.empty() ? user_folder("XDG_STATE_HOME", ".local/state", "/var/lib/reprieve")
                       : absolute(named);
}

Result<Secret> read_password_file(const std::string& path) {
  auto bytes = io::read_file(path, kSecretFileMax);
  if (!bytes)
    return std::move(bytes)
        .error()
        .at("read the password file")
        .with_hint("Name a readable file with --password-file or REPRIEVE_PASSWORD_FILE.");
  const std::string_view text = as_text(*bytes);
  const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
  if (line.empty())
    return Error{ErrorKind::kInvalid, "the password file " + path + " has an empty first line",
                 "Put the password into the first line of the file."};
  return Secret::copy_of(as_bytes(line));
}

Result<std::string> program_path() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length < 0) return error_from_errno(errno, "find the program's own file");
  return std::string{path.data(), static_cast<std::size_t>(length)};
}

}  // namespace reprieve::app
