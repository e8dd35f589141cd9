#include "app/sources.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>

#include "crypto/crypto.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "source/filesystem/capture.hpp"
#include "source/postgresql/postgres_source.hpp"

namespace reprieve::app {
namespace {

bool is_postgres_url(std::string_view text) {
  return text.starts_with("postgres://") || text.starts_with("postgresql://");
}

/// The URL without the password that may stand in it: names of sources are shown and stored.
std::string without_password(const std::string& url) {
  const std::size_t authority = url.find("://") + 3;
  const std::size_t end = std::min(url.find_first_of("/?", authority), url.size());
  const std::size_t at = url.rfind('@', end);
  if (at == std::string::npos || at < authority) return url;
  const std::size_t colon = url.find(':', authority);
  if (colon == std::string::npos || colon > at) return url;
  return url.substr(0, colon) + url.substr(at);
}

std::string normal_path(const std::string& base, const std::string& path) {
  std::string text = (std::filesystem::path{base} / path).lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/'))
    text.pop_back();
  return text;
}

std::string current_folder() {
  return std::filesystem::current_path().string();
}

NamedSource from_plan(const plan::Source& source) {
  return std::visit([&](const auto& kind) { return NamedSource{source.name, kind}; }, source.kind);
}

}  // namespace

std::string_view NamedSource::kind_name() const {
  constexpr std::array<std::string_view, 3> kNames = {"files", "postgres", "command"};
  return kNames[kind.index()];
}

Result<NamedSource> find_source(const Workspace& workspace, const std::string& given) {
  if (const LoadedPlan* loaded = workspace.plan_if_any()) {
    if (const plan::Source* source = loaded->plan.find_source(given)) return from_plan(*source);
  }
  if (is_postgres_url(given)) {
    plan::PostgresSource postgres;
    postgres.url = given;
    return NamedSource{without_password(given), postgres};
  }
  const std::string path = normal_path(current_folder(), given);
  if (io::exists(path)) {
    plan::FilesSource files;
    files.paths = {path};
    return NamedSource{path, files};
  }
  return Error{ErrorKind::kNotFound,
               given + " is neither a source of the plan nor a path that exists",
               "Give a name from the plan's `sources`, a path, or a postgres:// URL."};
}

Result<std::vector<NamedSource>> all_sources(const Workspace& workspace) {
  REPRIEVE_TRY(const LoadedPlan* loaded, workspace.plan());
  std::vector<NamedSource> sources;
  std::ranges::transform(loaded->plan.sources, std::back_inserter(sources), from_plan);
  return sources;
}

std::string point_source_name(const Workspace& workspace, const std::string& given) {
  const LoadedPlan* loaded = workspace.plan_if_any();
  if (loaded != nullptr && loaded->plan.find_source(given) != nullptr) return given;
  if (is_postgres_url(given)) return without_password(given);
  if (given.find('/') == std::string::npos && !io::exists(given)) return given;
  return normal_path(current_folder(), given);
}

std::vector<std::string> absolute_paths(const Workspace& workspace,
                                        const plan::FilesSource& files) {
  const LoadedPlan* loaded = workspace.plan_if_any();
  const std::string base = loaded != nullptr ? io::parent_of(loaded->path) : current_folder();
  std::vector<std::string> paths;
  std::ranges::transform(files.paths, std::back_inserter(paths),
                         [&](const std::string& path) { return normal_path(base, path); });
  return paths;
}

Result<PostgresAddress> address_of(const Workspace& workspace, const plan::PostgresSource& source) {
  PostgresAddress address;
  address.uri = source.url;
  if (source.password) {
    REPRIEVE_TRY(const Secret password, workspace.secret(source.password->text));
    address.password = Password{as_text(password.expose())};
  }
  return address;
}

Result<std::unique_ptr<Source>> make_source(const Workspace& workspace, const NamedSource& source,
                                            const std::string& repository_hex,
                                            Duration checkpoint_interval) {
  if (const auto* command = std::get_if<CommandSourceOptions>(&source.kind))
    return std::unique_ptr<Source>{std::make_unique<CommandSource>(*command)};
  if (const auto* files = std::get_if<plan::FilesSource>(&source.kind)) {
    const std::string name_hash = to_hex(crypto::sha256(as_bytes(source.name))).substr(0, 16);
    CaptureOptions options;
    options.paths = absolute_paths(workspace, *files);
    options.exclude = files->exclude;
    options.one_file_system = files->one_file_system;
    options.honour_cachedir_tag = files->cachedir_tag;
    options.checkpoint_interval = checkpoint_interval;
    const std::string caches = workspace.cache_dir() + "/files";
    ignore_error(io::create_directories_durably(caches),
                 "without a cache every file is read again, no more");
    options.cache_path = caches + "/" + repository_hex + "-" + name_hash;
    return std::unique_ptr<Source>{std::make_unique<FilesystemSource>(std::move(options))};
  }
  PostgresSourceOptions options;
  REPRIEVE_TRY(options.address, address_of(workspace, std::get<plan::PostgresSource>(source.kind)));
  return std::unique_ptr<Source>{
      std::make_unique<PostgresSource>(std::move(options), system_clock(), system_random())};
}

}  // namespace reprieve::app
