#include "source/postgresql/internal/cluster_settings.hpp"

#include <array>

namespace reprieve {
namespace {

constexpr const char* kMain = "postgresql.conf";
constexpr const char* kAuto = "postgresql.auto.conf";

/// The server's own defaults for what hot standby compares.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kDefaults = {{
    {"max_connections", "100"},
    {"max_worker_processes", "8"},
    {"max_wal_senders", "10"},
    {"max_prepared_transactions", "0"},
    {"max_locks_per_transaction", "64"},
}};

std::string text_of(const std::map<std::string, std::string>& files, const std::string& name) {
  const auto found = files.find(name);
  return found == files.end() ? "" : found->second;
}

/// The captured text of a file outside the data directory.
std::optional<std::string> captured(const ClusterFacts& facts, std::string_view setting) {
  for (const auto& file : facts.configuration)
    if (file.setting == setting) return file.content;
  return std::nullopt;
}

/// postgresql.conf for a cluster that kept it elsewhere: what was captured, less all that points to
/// places on the old host.
std::string outside_configuration(const ClusterFacts& facts, std::vector<std::string>& notes) {
  const auto main = captured(facts, "config_file");
  if (!main) {
    notes.push_back(
        "The cluster kept its configuration outside of its data directory and it was not captured: "
        "a minimal postgresql.conf was written. Bring back your own before the cluster goes into "
        "service.");
    return "# Written by reprieve: the original lay outside of the data directory.\n"
           "listen_addresses = 'localhost'\n";
  }
  std::string text = *main;
  for (const auto& file : facts.configuration)
    if (file.setting == "include" && file.content)
      text += "\n# " + file.path + "\n" + *file.content;
  notes.push_back(
      "postgresql.conf was written from the copy that was captured from outside of the data "
      "directory; settings that name other files of the old host are disabled in it.");
  return disable_settings(
      text,
      {"data_directory", "hba_file", "ident_file", "external_pid_file", "include", "include_dir",
       "include_if_exists", "stats_temp_directory", "unix_socket_directories", "ssl", "ssl_*"});
}

void add_access_files(const std::map<std::string, std::string>& present, const ClusterFacts& facts,
                      ConfiguredFiles& out) {
  if (!present.contains("pg_hba.conf")) {
    const auto hba = captured(facts, "hba_file");
    out.files["pg_hba.conf"] =
        hba.value_or("# Written by reprieve: the original was not captured.\nlocal all all peer\n");
    out.notes.push_back(hba ? "pg_hba.conf was written from the captured copy."
                            : "pg_hba.conf was not captured: only local logins by peer work now.");
  }
  if (!present.contains("pg_ident.conf"))
    out.files["pg_ident.conf"] = captured(facts, "ident_file").value_or("");
}

/// Settings that replay needs as large as they were, where the files do not give them.
std::vector<Setting> missing_capacity(const ClusterFacts& facts, const std::string& main,
                                      const std::string& automatic) {
  std::vector<Setting> settings;
  for (const auto& [name, fallback] : kDefaults) {
    const auto needed = facts.recovery_settings.find(std::string{name});
    if (needed == facts.recovery_settings.end()) continue;
    auto given = find_setting(automatic, name);
    if (!given) given = find_setting(main, name);
    if (given.value_or(std::string{fallback}) != needed->second)
      settings.emplace_back(needed->first, needed->second);
  }
  return settings;
}

}  // namespace

ConfiguredFiles configure_cluster(const std::map<std::string, std::string>& present,
                                  const ClusterFacts& facts, const std::vector<Setting>& recovery) {
  ConfiguredFiles out;
  const bool has_main = present.contains(kMain);
  std::string main = has_main ? text_of(present, kMain) : outside_configuration(facts, out.notes);
  // A data_directory of the old host would make `pg_ctl -D` start another cluster than this one,
  // and a second recovery target would keep the server from starting at all.
  std::vector<std::string> unwanted = {"data_directory", "recovery_target*"};
  const std::string cleaned = disable_settings(main, unwanted);
  if (!has_main || cleaned != disable_settings(main, {})) {
    if (has_main)
      out.notes.push_back(
          "Settings of an old place or an old recovery are disabled in "
          "postgresql.conf.");
    main = cleaned;
    out.files[kMain] = main;
  }
  add_access_files(present, facts, out);
  std::string automatic = disable_settings(text_of(present, kAuto), stale_recovery_settings());
  const std::vector<Setting> capacity = missing_capacity(facts, main, automatic);
  if (!capacity.empty())
    out.notes.push_back(
        "postgresql.auto.conf sets connection and worker limits as the old server had them: replay "
        "needs them.");
  automatic += "# Added by reprieve for this recovery.\n";
  for (const Setting& setting : capacity)
    automatic += format_setting(setting);
  for (const Setting& setting : recovery)
    automatic += format_setting(setting);
  out.files[kAuto] = std::move(automatic);
  return out;
}

}  // namespace reprieve
