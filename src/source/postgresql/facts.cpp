#include "source/postgresql/facts.hpp"

#include <charconv>

#include "base/json.hpp"

namespace reprieve {
namespace {

constexpr int kFormat = 1;
constexpr std::size_t kFactsBytesMax = 64 * 1024 * 1024;

/// Adds `text` as `name`, or as `name`_hex if it is no UTF-8 and JSON would lose bytes.
void add_raw(Json& object, const std::string& name, const std::string& text) {
  const auto copy = parse_json(to_text(Json(text)));
  const bool is_kept = copy && copy->is_string() && copy->get_ref<const std::string&>() == text;
  if (is_kept)
    object[name] = text;
  else
    object[name + "_hex"] = to_hex(as_bytes(text));
}

/// Reads members of one JSON object; the first that is missing or of another type is remembered.
class Members {
 public:
  explicit Members(const Json& object) : object_{object} {
    if (!object.is_object()) is_good_ = false;
  }
  std::string text(const char* name) {
    const Json* const value = find(name);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    is_good_ = false;
    return {};
  }
  std::uint64_t number(const char* name, std::uint64_t limit = UINT64_MAX) {
    const Json* const value = find(name);
    if (value != nullptr && value->is_number_unsigned() && value->get<std::uint64_t>() <= limit)
      return value->get<std::uint64_t>();
    is_good_ = false;
    return 0;
  }
  bool flag(const char* name) {
    const Json* const value = find(name);
    if (value != nullptr && value->is_boolean()) return value->get<bool>();
    is_good_ = false;
    return false;
  }
  Lsn lsn(const char* name) {
    const auto value = parse_lsn(text(name));
    if (!value) is_good_ = false;
    return value.value_or(Lsn{});
  }
  Instant instant(const char* name) {
    const auto value = parse_rfc3339(text(name));
    if (!value) is_good_ = false;
    return value.value_or(Instant{});
  }
  /// What add_raw() added; nothing if neither form is there.
  std::optional<std::string> raw(const std::string& name) {
    if (const Json* const value = find(name.c_str())) {
      if (value->is_string()) return value->get<std::string>();
      is_good_ = false;
    }
    if (const Json* const value = find((name + "_hex").c_str())) {
      const auto bytes = from_hex(value->is_string() ? value->get<std::string>() : "x");
      if (bytes) return std::string{as_text(*bytes)};
      is_good_ = false;
    }
    return std::nullopt;
  }
  std::vector<Json> list(const char* name) {
    const Json* const value = find(name);
    if (value != nullptr && value->is_array()) return {value->begin(), value->end()};
    is_good_ = false;
    return {};
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> found;
    for (const Json& item : list(name)) {
      if (item.is_string())
        found.push_back(item.get<std::string>());
      else
        is_good_ = false;
    }
    return found;
  }
  [[nodiscard]] const Json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  void require(bool condition) { is_good_ = is_good_ && condition; }
  [[nodiscard]] bool is_good() const { return is_good_; }

 private:
  const Json& object_;
  bool is_good_ = true;
};

Json lists_of(const ClusterFacts& facts) {
  Json lists = Json::object();
  lists["tablespaces"] = Json::array();
  for (const TablespaceLink& link : facts.tablespaces) {
    Json item = {{"oid", link.oid}};
    add_raw(item, "location", link.location);
    lists["tablespaces"].push_back(std::move(item));
  }
  lists["configuration"] = Json::array();
  for (const auto& file : facts.configuration) {
    Json item = {{"setting", file.setting}};
    add_raw(item, "path", file.path);
    if (file.content) add_raw(item, "content", *file.content);
    lists["configuration"].push_back(std::move(item));
  }
  lists["databases"] = Json::array();
  for (const auto& database : facts.databases) {
    Json item = Json::object();
    add_raw(item, "name", database.name);
    item["encoding"] = database.encoding;
    item["collate"] = database.collate;
    item["ctype"] = database.ctype;
    item["collation_version"] = database.collation_version;
    lists["databases"].push_back(std::move(item));
  }
  return lists;
}

void parse_lists(Members& members, ClusterFacts& facts) {
  for (const Json& item : members.list("tablespaces")) {
    Members fields{item};
    TablespaceLink link;
    link.oid = static_cast<std::uint32_t>(fields.number("oid", UINT32_MAX));
    link.location = fields.raw("location").value_or("");
    members.require(fields.is_good());
    facts.tablespaces.push_back(std::move(link));
  }
  for (const Json& item : members.list("configuration")) {
    Members fields{item};
    ClusterFacts::ConfigurationFile file;
    file.setting = fields.text("setting");
    file.path = fields.raw("path").value_or("");
    file.content = fields.raw("content");
    members.require(fields.is_good());
    facts.configuration.push_back(std::move(file));
  }
  for (const Json& item : members.list("databases")) {
    Members fields{item};
    ClusterFacts::Database database;
    database.name = fields.raw("name").value_or("");
    database.encoding = fields.text("encoding");
    database.collate = fields.text("collate");
    database.ctype = fields.text("ctype");
    database.collation_version = fields.text("collation_version");
    members.require(fields.is_good());
    facts.databases.push_back(std::move(database));
  }
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<> check_setup(Connection& replication) {
  if (replication.show("wal_level") == "minimal")
    return error_from_sqlstate("55000", "wal_level is minimal").at(replication.name());
  if (replication.show("max_replication_slots") == "0")
    return error_from_sqlstate("55000", "max_replication_slots is 0").at(replication.name());
  return kOk;
}

/// The files that make up the configuration and lie outside PGDATA.
std::vector<std::pair<std::string, std::string>> outside_files(Connection& session,
                                                               const std::string& data_directory) {
  std::vector<std::pair<std::string, std::string>> files;
  const auto add = [&](const std::string& setting, const std::string& path) {
    const bool is_inside = path.starts_with(data_directory + "/");
    for (const auto& [known, known_path] : files)
      if (known_path == path) return;
    if (!path.empty() && !is_inside) files.emplace_back(setting, path);
  };
  for (const char* setting : {"config_file", "hba_file", "ident_file"})
    add(setting, session.show(setting).value_or(""));
  const auto included = session.query("SELECT DISTINCT sourcefile FROM pg_file_settings", 1000);
  if (included)
    for (const PostgresRow& row : *included)
      if (row.size() == 1 && row[0]) add("include", *row[0]);
  return files;
}

/// A string constant for a server with standard_conforming_strings on or off.
std::string quote_literal(std::string_view text) {
  std::string quoted = " E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

void read_configuration(Connection& session, ClusterFacts& facts) {
  const auto data_directory = session.show("data_directory");
  if (!data_directory) {
    facts.notes.push_back(
        "Whether the server has configuration files outside its data directory is not known: the "
        "role may not see that (GRANT pg_read_all_settings).");
    return;
  }
  facts.data_directory = *data_directory;
  for (auto& [setting, path] : outside_files(session, *data_directory)) {
    ClusterFacts::ConfigurationFile file{setting, path, std::nullopt};
    const auto rows = session.query("SELECT encode(pg_read_binary_file(" + quote_literal(path) +
                                    ", 0, 1048576), 'hex')");
    if (rows && rows->size() == 1 && (*rows)[0].size() == 1 && (*rows)[0][0])
      if (const auto bytes = from_hex(*(*rows)[0][0])) file.content = std::string{as_text(*bytes)};
    if (!file.content)
      facts.notes.push_back("The configuration file " + path +
                            " lies outside the data directory and could not be read: back it up "
                            "as a file, or grant the role pg_read_server_files and execution of "
                            "pg_read_binary_file.");
    facts.configuration.push_back(std::move(file));
  }
}

void read_databases(Connection& session, ClusterFacts& facts) {
  const std::string collation_version = session.version() >= 150000 ? "datcollversion" : "NULL";
  const auto rows = session.query(
      "SELECT datname, pg_encoding_to_char(encoding), datcollate, "
      "datctype, " +
      collation_version + " FROM pg_database ORDER BY datname");
  if (!rows) {
    facts.notes.push_back("The list of databases could not be read: " + rows.error().what + ".");
    return;
  }
  for (const PostgresRow& row : *rows)
    if (row.size() == 5)
      facts.databases.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or(""),
                                 row[3].value_or(""), row[4].value_or("")});
}

}  // namespace

std::string encode_facts(const ClusterFacts& facts) {
  Json json = {{"format", kFormat},
               {"system_identifier", facts.system_identifier},
               {"server_version", facts.server_version},
               {"server_version_num", facts.server_version_num},
               {"timeline", facts.timeline},
               {"start_lsn", format_lsn(facts.start)},
               {"end_lsn", format_lsn(facts.end)},
               {"started", format_rfc3339(facts.started)},
               {"finished", format_rfc3339(facts.finished)},
               {"wal_segment_size", facts.wal_segment_size},
               {"block_size", facts.block_size},
               {"label", facts.label},
               {"has_checksums", facts.has_checksums},
               {"is_from_standby", facts.is_from_standby},
               {"is_suspect", facts.is_suspect},
               {"suspects", facts.suspects},
               {"recovery_settings", facts.recovery_settings},
               {"notes", facts.notes}};
  add_raw(json, "data_directory", facts.data_directory);
  json.update(lists_of(facts));
  return to_text(json) + "\n";
}

Result<ClusterFacts> parse_facts(ByteView text) {
  const auto json = text.size() <= kFactsBytesMax ? parse_json(as_text(text)) : std::nullopt;
  if (!json) return Error{ErrorKind::kCorrupt, "reprieve.json cannot be read"};
  Members members{*json};
  if (members.number("format") > kFormat)
    return Error{ErrorKind::kInvalid, "reprieve.json was written by a newer version",
                 "Use the version of reprieve that took this recovery point, or a later one."};
  ClusterFacts facts;
  facts.system_identifier = members.text("system_identifier");
  facts.server_version = members.text("server_version");
  facts.server_version_num = static_cast<int>(members.number("server_version_num", INT32_MAX));
  facts.timeline = static_cast<std::uint32_t>(members.number("timeline", UINT32_MAX));
  facts.start = members.lsn("start_lsn");
  facts.end = members.lsn("end_lsn");
  facts.started = members.instant("started");
  facts.finished = members.instant("finished");
  facts.wal_segment_size = members.number("wal_segment_size");
  facts.block_size = static_cast<std::uint32_t>(members.number("block_size", UINT32_MAX));
  facts.label = members.text("label");
  facts.data_directory = members.raw("data_directory").value_or("");
  facts.has_checksums = members.flag("has_checksums");
  facts.is_from_standby = members.flag("is_from_standby");
  facts.is_suspect = members.flag("is_suspect");
  facts.suspects = members.texts("suspects");
  facts.notes = members.texts("notes");
  if (const Json* const settings = members.find("recovery_settings");
      settings != nullptr && settings->is_object()) {
    for (const auto& [name, value] : settings->items())
      if (value.is_string()) facts.recovery_settings[name] = value.get<std::string>();
  }
  parse_lists(members, facts);
  members.require(is_wal_segment_size(facts.wal_segment_size) && facts.timeline != 0 &&
                  facts.start <= facts.end && parse_unsigned(facts.system_identifier).has_value());
  if (!members.is_good())
    return Error{ErrorKind::kCorrupt, "reprieve.json lacks a member or has a bad one"};
  return facts;
}

std::optional<std::uint64_t> parse_size_setting(std::string_view text) {
  constexpr std::pair<std::string_view, unsigned> kUnits[] = {
      {"kB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}, {"B", 0}};
  unsigned shift = 0;
  for (const auto& [unit, power] : kUnits) {
    if (!text.ends_with(unit)) continue;
    text.remove_suffix(unit.size());
    shift = power;
    break;
  }
  const auto number = parse_unsigned(text);
  if (!number || *number > (UINT64_MAX >> shift)) return std::nullopt;
  return *number << shift;
}

Result<ClusterFacts> read_server_facts(Connection& replication) {
  REPRIEVE_RETURN_IF_ERROR(check_setup(replication));
  ClusterFacts facts;
  REPRIEVE_TRY(const auto identity, replication.query("IDENTIFY_SYSTEM", 1));
  if (identity.size() != 1 || identity[0].size() < 3 || !identity[0][0] || !identity[0][1])
    return Error{ErrorKind::kInvalid, replication.name() + ": does not identify itself"};
  facts.system_identifier = *identity[0][0];
  const auto timeline = parse_unsigned(*identity[0][1]);
  facts.timeline = static_cast<std::uint32_t>(timeline.value_or(0));
  facts.server_version = replication.show("server_version").value_or("");
  facts.server_version_num = replication.version();
  const auto size = [&](const char* name) {
    return parse_size_setting(replication.show(name).value_or(""));
  };
  facts.wal_segment_size = size("wal_segment_size").value_or(0);
  facts.block_size = static_cast<std::uint32_t>(size("block_size").value_or(0));
  facts.has_checksums = replication.show("data_checksums") == "on";
  for (const char* name : {"max_connections", "max_worker_processes", "max_wal_senders",
                           "max_prepared_transactions", "max_locks_per_transaction"})
    if (auto value = replication.show(name)) facts.recovery_settings[name] = *std::move(value);
  if (!parse_unsigned(facts.system_identifier) || facts.timeline == 0 ||
      !is_wal_segment_size(facts.wal_segment_size))
    return Error{ErrorKind::kInvalid, replication.name() + ": its identity makes no sense"};
  return facts;
}

void read_session_facts(const PostgresAddress& address, Clock& clock, const CancelToken& cancel,
                        ClusterFacts& facts) {
  auto session = Connection::open(address, Connection::Mode::kQuery, clock, cancel);
  if (!session) {
    facts.notes.push_back(
        "Databases and configuration files outside the data directory are not recorded, since an "
        "ordinary session was refused: " +
        session.error().what + ".");
    return;
  }
  read_configuration(*session, facts);
  read_databases(*session, facts);
}

}  // namespace reprieve
