#include <algorithm>
#include <array>

#include "base/format.hpp"
#include "plan/internal/sections.hpp"

/// The sections that say what is backed up, where to and when: secrets, sources, storage, backup.
namespace reprieve::plan {
namespace {

constexpr std::string_view kSecretHint =
    "Write {from: \"file:/path\"} or {from: \"env:NAME\"}: a plan is shared, kept in version "
    "control and copied into every run's record.";

bool is_variable_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// None of the messages here shows what was found: it may be the secret itself.
void parse_secret(const Value& value, Secret& secret) {
  if (!value.is_mapping())
    return value.fail("a secret's value must not stand in a plan", std::string{kSecretHint});
  Fields fields{value, ""};
  if (const auto from = fields.require("from", std::string{kSecretHint})) {
    const std::string& text = from->node().text;
    if (text.starts_with("file:/")) {
      secret.from = Secret::From::kFile;
      secret.where = text.substr(5);
    } else if (text.starts_with("env:") && is_variable_name(std::string_view{text}.substr(4))) {
      secret.from = Secret::From::kEnvironment;
      secret.where = text.substr(4);
    } else {
      from->fail("expected \"file:/path\" or \"env:NAME\"", std::string{kSecretHint});
    }
  }
  constexpr std::array<std::string_view, 2> kLater = {"escrow", "drill"};
  fields.finish(kLater);
}

std::vector<std::string> parse_paths(const Value& value) {
  if (value.is_list()) {
    auto paths = value.texts("");
    if (value.node().items.empty()) value.expected("a path or a list of paths");
    return paths;
  }
  auto path = value.text("a path or a list of paths");
  if (!path) return {};
  return {*std::move(path)};
}

FilesSource parse_files_source(Fields& fields) {
  FilesSource source;
  if (const auto path = fields.require("path", "Write path: /srv/data, or a list of paths."))
    source.paths = parse_paths(*path);
  fields.texts("exclude", source.exclude);
  fields.boolean("one_file_system", source.one_file_system);
  fields.boolean("cachedir_tag", source.cachedir_tag);
  return source;
}

PostgresSource parse_postgres_source(Fields& fields) {
  PostgresSource source;
  if (const auto url = fields.require("url", "Write url: postgres://user@host:5432/database."))
    parse_postgres_url(*url, source);
  if (const auto password = fields.find("password"))
    source.password = Name{password->node().text, password->at()};
  if (const auto data_dir = fields.find("data_dir"))
    source.data_dir = parse_absolute_path(*data_dir).value_or("");
  fields.text("user", source.os_user);
  return source;
}

enum class SourceType : std::uint8_t { kFiles, kPostgres };
constexpr std::array<std::pair<std::string_view, SourceType>, 2> kSourceTypes = {{
    {"files", SourceType::kFiles},
    {"postgres", SourceType::kPostgres},
}};

bool parse_source(const Value& value, Source& source) {
  Fields fields{value, "a source, such as {type: files, path: /srv/data}"};
  const auto type = fields.require("type", "Write type: files or type: postgres.");
  const auto chosen =
      type ? type->one_of(std::span<const std::pair<std::string_view, SourceType>>{kSourceTypes})
           : std::nullopt;
  if (!chosen) return false;
  if (*chosen == SourceType::kFiles)
    source.kind = parse_files_source(fields);
  else
    source.kind = parse_postgres_source(fields);
  constexpr std::array<std::string_view, 3> kLater = {"method", "host", "site"};
  fields.finish(kLater);
  return true;
}

/// What an s3: URL says is read when the store is opened; here only what would give secrets away.
void parse_storage_url(const Value& url, Storage& storage) {
  const std::string wanted = "an absolute path or a URL such as file:///srv/repo";
  const auto text = url.text(wanted);
  if (!text) return;
  if (text->starts_with("s3://")) {
    if (text->find('@') != text->npos)
      url.fail("an s3: URL holds no credentials",
               "Name them with access_key: NAME and secret_key: NAME, entries of the secrets "
               "section.");
    storage.location = *text;
    return;
  }
  storage.location = text->starts_with("file://") ? text->substr(7) : *text;
  if (text->find("://") != text->npos && !text->starts_with("file://"))
    url.fail("this version stores in folders and in S3",
             "Write a URL such as file:///srv/repo or s3://BUCKET/PREFIX?region=NAME.");
  else if (!storage.location.starts_with('/'))
    url.expected(wanted);
}

/// The account at the store. Without it, the environment's and the user's profiles are tried.
void parse_account(Fields& fields, const Value& value, Storage& storage) {
  const auto access_key = fields.find("access_key");
  const auto secret_key = fields.find("secret_key");
  if (!access_key && !secret_key) return;
  if (!access_key || !secret_key)
    return value.fail("needs both `access_key` and `secret_key`, or none",
                      "Write access_key: NAME, secret_key: NAME.");
  if (!storage.location.starts_with("s3://"))
    return value.fail("a folder has no account", "Remove access_key and secret_key.");
  storage.access_key = Name{access_key->node().text, access_key->at()};
  storage.secret_key = Name{secret_key->node().text, secret_key->at()};
}

void parse_storage(const Value& value, Storage& storage) {
  Fields fields{value, "a storage, such as {url: \"file:///srv/repo\", password: repo}"};
  if (const auto url = fields.require("url", "Write url: /srv/repo."))
    parse_storage_url(*url, storage);
  parse_account(fields, value, storage);
  const auto password = fields.find("password");
  const auto key = fields.find("key");
  if (const auto primary = fields.find("replica_of")) {
    storage.replica_of = primary->name("the name of a storage");
    if (password || key)
      value.fail("a replica is unlocked as its primary",
                 "Remove the password or the key; the primary's is used.");
  } else if (password.has_value() == key.has_value() && value.is_mapping()) {
    value.fail("needs exactly one of `password` and `key`",
               "Write password: NAME, where NAME is an entry of the secrets section.");
  } else if (password || key) {
    const Value& secret = password ? *password : *key;
    storage.unlock = password ? Storage::Unlock::kPassword : Storage::Unlock::kKey;
    storage.secret = Name{secret.node().text, secret.at()};
  }
  constexpr std::array<std::string_view, 2> kLater = {"region", "lock"};
  fields.finish(kLater);
}

std::optional<DailySchedule> parse_daily(std::string_view text) {
  if (!text.starts_with("daily ")) return std::nullopt;
  text.remove_prefix(6);
  if (text.size() > 2 && text.starts_with('"') && text.ends_with('"'))
    text = text.substr(1, text.size() - 2);
  if (text.size() != 9 || text[2] != ':' || !text.ends_with(" UTC")) return std::nullopt;
  for (const std::size_t digit : {0U, 1U, 3U, 4U})
    if (text[digit] < '0' || text[digit] > '9') return std::nullopt;
  const auto two = [&](std::size_t from) {
    return static_cast<std::uint32_t>((text[from] - '0') * 10 + (text[from + 1] - '0'));
  };
  if (two(0) > 23 || two(3) > 59) return std::nullopt;
  return DailySchedule{two(0) * 60 + two(3)};
}

void parse_schedule(const Value& value, BackupPolicy& policy) {
  if (value.is_scalar() && value.node().text.starts_with("daily")) {
    if (const auto daily = parse_daily(value.node().text))
      policy.every = *daily;
    else
      value.expected("a time of day such as daily 02:00 UTC");
    return;
  }
  if (value.is_scalar() && value.node().text == "continuous") {
    policy.every = ContinuousSchedule{};
    return;
  }
  if (const auto interval = value.duration_above_zero()) policy.every = EverySchedule{*interval};
}

void parse_keep(const Value& value, Keep& keep) {
  const std::size_t problems_before = value.problems().count();
  Fields fields{value, "what to keep, such as {daily: 30, weekly: 12}"};
  const auto count = [&](std::string_view key, std::uint32_t& out) {
    if (const auto field = fields.find(key))
      if (const auto number = field->integer_as<std::uint32_t>(0, 100'000)) out = *number;
  };
  count("last", keep.last);
  count("hourly", keep.hourly);
  count("daily", keep.daily);
  count("weekly", keep.weekly);
  count("monthly", keep.monthly);
  count("yearly", keep.yearly);
  fields.duration("within", keep.within);
  constexpr std::array<std::string_view, 1> kLater = {"versions"};
  fields.finish(kLater);
  const bool keeps_none =
      keep.last + keep.hourly + keep.daily + keep.weekly + keep.monthly + keep.yearly == 0 &&
      !keep.within;
  if (keeps_none && value.problems().count() == problems_before)
    value.fail("would keep nothing", "Give a number above zero, or remove `keep` to keep all.");
}

constexpr std::array<std::pair<std::string_view, Proof>, 3> kProofs = {
    {{"reach", Proof::kReach}, {"data", Proof::kData}, {"restore", Proof::kRestore}}};

void parse_backup(const Value& value, Draft& draft) {
  BackupPolicy policy;
  policy.at = value.at();
  Fields fields{value, "a policy, such as {sources: [db], every: 15m}"};
  if (const auto sources = fields.require("sources", "Write sources: [NAME, ...].")) {
    policy.sources = sources->names("a list of sources");
    if (sources->is_list() && sources->node().items.empty())
      sources->expected("at least one source");
  }
  fields.names("to", "a list of storages", policy.to);
  if (const auto every = fields.find("every")) parse_schedule(*every, policy);
  if (const auto keep = fields.find("keep")) parse_keep(*keep, policy.keep);
  fields.duration("estimate", policy.estimate);
  if (const auto verify = fields.find("verify")) policy.verify = verify->one_of<Proof>(kProofs);
  for (const char* key : {"keep", "estimate", "verify"})
    if (const auto field = fields.find(key); field && policy.is_continuous())
      field->fail("a continuous policy takes no backups",
                  "Remove it: log is kept as long as a kept recovery point needs it.");
  constexpr std::array<std::string_view, 4> kLater = {"physical", "wal", "copy", "when_changed"};
  fields.finish(kLater);
  draft.plan.backups.push_back(std::move(policy));
}

}  // namespace

std::optional<std::string> parse_absolute_path(const Value& value) {
  auto path = value.text("an absolute path");
  if (!path || path->starts_with('/')) return path;
  value.expected("an absolute path", "Begin it with a slash.");
  return std::nullopt;
}

void parse_secrets(const Value& section, Draft& draft) {
  if (!section.is_mapping()) draft.doubtful.insert("secrets");
  for (const auto& [name, value] : entries_of(section, "a mapping of secrets")) {
    Secret secret;
    secret.name = name.text;
    secret.at = name.at;
    parse_secret(value, secret);
    draft.plan.secrets.push_back(std::move(secret));
  }
}

void parse_sources(const Value& section, Draft& draft) {
  if (!section.is_mapping()) draft.doubtful.insert("sources");
  for (const auto& [name, value] : entries_of(section, "a mapping of sources")) {
    Source source;
    source.name = name.text;
    source.at = name.at;
    if (!parse_source(value, source)) draft.doubtful.insert("sources." + name.text);
    draft.plan.sources.push_back(std::move(source));
  }
}

void parse_storages(const Value& section, Draft& draft) {
  if (!section.is_mapping()) draft.doubtful.insert("storage");
  for (const auto& [name, value] : entries_of(section, "a mapping of storages")) {
    Storage storage;
    storage.name = name.text;
    storage.at = name.at;
    parse_storage(value, storage);
    draft.plan.storages.push_back(std::move(storage));
  }
}

void parse_backups(const Value& section, Draft& draft) {
  for (const Value& value : section.list("a list of policies"))
    parse_backup(value, draft);
}

}  // namespace reprieve::plan
