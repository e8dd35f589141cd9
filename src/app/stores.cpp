#include "app/stores.hpp"

#include <cstdlib>

#include "base/format.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "repository/needed_objects.hpp"
#include "repository/repository.hpp"
#include "storage/local/local_store.hpp"
#include "storage/retrying/retrying_store.hpp"

namespace reprieve::app {
namespace {

std::string from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

std::unique_ptr<ObjectStore> retrying(std::unique_ptr<ObjectStore> store,
                                      const CancelToken* cancel) {
  return std::make_unique<RetryingStore>(std::move(store), system_clock(), system_random(), cancel);
}

Error not_empty(const std::string& place, std::string_view name) {
  return {ErrorKind::kConflict, fmt::format("{} is not empty (it holds {})", place, name),
          "Name an empty or new place with --repo."};
}

/// What an `init` that did not end may have left.
bool is_of_unfinished_init(std::string_view name) {
  return name == "slots" || name == "_tmp";
}

Result<> refuse_repository(ObjectStore& store) {
  REPRIEVE_TRY(const bool is_there, repository::is_repository(store));
  if (!is_there) return kOk;
  return Error{ErrorKind::kConflict, store.describe() + " holds a repository already",
               "Use it as it is, or name another place with --repo."};
}

/// The same in a folder: it may hold that of a config that did not come, too.
Result<bool> is_of_unfinished_init(const std::string& path, const std::string& name) {
  if (is_of_unfinished_init(name)) return true;
  if (name != "config") return false;
  REPRIEVE_TRY(const auto configs, io::list_dir(io::path_in(path, name)));
  return configs.empty();
}

Result<std::unique_ptr<ObjectStore>> make_folder(const std::string& path) {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(io::parent_of(path)));
  bool is_new = !io::exists(path);
  if (!is_new) {
    REPRIEVE_TRY(const auto names, io::list_dir(path));
    is_new = names.empty();
    for (const std::string& name : names) {
      REPRIEVE_TRY(const bool is_ours, is_of_unfinished_init(path, name));
      if (is_ours) continue;
      REPRIEVE_TRY(auto opened, LocalStore::open(path));
      REPRIEVE_RETURN_IF_ERROR(refuse_repository(*opened));
      return not_empty(path, name);
    }
  }
  if (is_new) {
    REPRIEVE_TRY(auto created, LocalStore::create(path));
    return std::unique_ptr<ObjectStore>{std::move(created)};
  }
  REPRIEVE_TRY(auto opened, LocalStore::open(path));
  return std::unique_ptr<ObjectStore>{std::move(opened)};
}

Result<std::unique_ptr<ObjectStore>> make_prefix(const StorePlace& place) {
  REPRIEVE_TRY(std::unique_ptr<ObjectStore> store, open_store(place));
  REPRIEVE_RETURN_IF_ERROR(refuse_repository(*store));
  // Before a key is written for a repository that could not be.
  REPRIEVE_TRY(const auto bucket, open_s3(place));
  REPRIEVE_RETURN_IF_ERROR(bucket->check_writers_are_apart());
  REPRIEVE_RETURN_IF_ERROR(store->list("", [&](const ObjectInfo& object) -> Result<> {
    if (is_of_unfinished_init(object.key.substr(0, object.key.find('/')))) return kOk;
    return not_empty(store->describe(), object.key);
  }));
  return store;
}

}  // namespace

Result<std::unique_ptr<S3Store>> open_s3(const StorePlace& place) {
  s3::ClientOptions options;
  REPRIEVE_TRY(options.location, s3::parse_location(place.location));
  s3::Profile profile;
  if (place.account) {
    profile.credentials.access_key = as_text(place.account->access_key.expose());
    profile.credentials.secret_key = place.account->secret_key.clone();
    profile.region = from_environment("AWS_REGION");
  } else {
    auto found = s3::find_profile(options.location.profile, from_environment);
    if (!found) return std::move(found).error().at(options.location.describe());
    profile = *std::move(found);
  }
  options.credentials = std::move(profile.credentials);
  options.region = options.location.region.empty() ? profile.region : options.location.region;
  if (options.region.empty()) options.region = "us-east-1";  // Most other stores take this one too.
  options.ca_file = from_environment("AWS_CA_BUNDLE");
  options.cancel = place.cancel;
  return std::make_unique<S3Store>(std::move(options), repository::is_to_be_locked);
}

Result<std::unique_ptr<ObjectStore>> open_store(const StorePlace& place) {
  if (s3::is_s3_url(place.location)) {
    REPRIEVE_TRY(auto store, open_s3(place));
    return retrying(std::move(store), place.cancel);
  }
  auto store = LocalStore::open(place.location);
  if (!store && store.error().kind == ErrorKind::kNotFound)
    return std::move(store).error().with_hint(
        "There is no repository yet: make one with `reprieve init`, or name another with --repo.");
  if (!store) return std::move(store).error();
  return retrying(*std::move(store), place.cancel);
}

Result<std::unique_ptr<ObjectStore>> make_store(const StorePlace& place) {
  if (s3::is_s3_url(place.location)) return make_prefix(place);
  REPRIEVE_TRY(auto store, make_folder(place.location));
  return retrying(std::move(store), place.cancel);
}

}  // namespace reprieve::app
