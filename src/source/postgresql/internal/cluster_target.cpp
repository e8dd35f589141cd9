#include "source/postgresql/internal/cluster_target.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/json.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"

namespace reprieve {
namespace {

constexpr std::uint64_t kSmallFileMax = 64 * 1024;
constexpr std::uint64_t kMarkerMax = 16 * 1024 * 1024;
constexpr std::string_view kControlPath = "/global/pg_control";

Error conflict(std::string what, std::string hint) {
  return Error{ErrorKind::kConflict, std::move(what), std::move(hint)};
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

/// Whether the system says that process `pid` is no PostgreSQL server: numbers are used again.
bool is_other_program(std::int64_t pid) {
  const auto name = io::read_text_file("/proc/" + std::to_string(pid) + "/comm", {kSmallFileMax});
  return name && !name->starts_with("postgres") && !name->starts_with("postmaster");
}

/// Whether process `pid` works in `path`, as a postmaster does in its data directory. If the system
/// does not tell, a PostgreSQL server is taken for that one.
bool works_in(std::int64_t pid, const std::string& path) {
  struct stat wanted {};
  struct stat found {};
  const std::string link = "/proc/" + std::to_string(pid) + "/cwd";
  if (::stat(path.c_str(), &wanted) != 0) return false;
  if (::stat(link.c_str(), &found) != 0)
    return (errno == EACCES || errno == EPERM) && !is_other_program(pid);
  return wanted.st_dev == found.st_dev && wanted.st_ino == found.st_ino;
}

/// Whether a server answers on the socket that the lock names and says that it is this one: it may
/// run in another container, where its number means nothing to us.
bool answers_on_socket(const PostmasterLock& lock) {
  if (lock.socket_directory.empty() || lock.port.empty()) return false;
  const std::string path = lock.socket_directory + "/.s.PGSQL." + lock.port;
  const auto socket_lock = io::read_text_file(path + ".lock", {kSmallFileMax});
  if (!socket_lock) return false;
  const auto owner = parse_postmaster_lock(*socket_lock);
  if (!owner || owner->data_directory != lock.data_directory) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const io::FileHandle socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket.is_open()) return false;
  const int connected =
      ::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return connected == 0 || errno == EAGAIN;
}

Result<> refuse_running(const std::string& path) {
  const auto text = io::read_text_file(path + "/postmaster.pid", {kSmallFileMax});
  if (!text) {
    if (text.error().kind == ErrorKind::kNotFound) return kOk;
    return text.error();
  }
  const auto lock = parse_postmaster_lock(*text);
  if (!lock || (!works_in(lock->pid, path) && !answers_on_socket(*lock))) return kOk;
  return conflict(
      "a PostgreSQL server is running in " + path + " (process " + std::to_string(lock->pid) + ")",
      "Stop it with pg_ctl stop, or restore into another directory.");
}

std::vector<std::string> tablespace_links(const std::string& path) {
  std::vector<std::string> targets;
  const std::string folder = path + "/pg_tblspc";
  const auto names = io::list_dir(folder);
  if (!names) return targets;
  for (const std::string& name : *names) {
    char target[4096];
    const ssize_t length = ::readlink(io::path_in(folder, name).c_str(), target, sizeof target);
    if (length > 0) targets.emplace_back(target, static_cast<std::size_t>(length));
  }
  return targets;
}

bool counts(const std::string& name) {
  return name != "lost+found";
}

Error foreign(const std::string& path, const std::string& found, const std::string& wanted) {
  return conflict(path + " holds another cluster: its system identifier is " + found +
                      ", the recovery point's is " + wanted,
                  "Name another directory; this one is not touched.");
}

Result<RestoreTarget> inspect_cluster(const std::string& path, const std::string& system_identifier,
                                      PresentCluster present) {
  const auto control = io::read_file(path + std::string{kControlPath}, {kSmallFileMax});
  const auto found = control ? control_identifier(*control) : std::nullopt;
  if (!found)
    return conflict(path + " is not empty and holds no PostgreSQL cluster",
                    "Name a new or an empty directory; this one is not touched.");
  if (*found != system_identifier) return foreign(path, *found, system_identifier);
  if (present == PresentCluster::kRefuse)
    return conflict(path + " is not empty: it holds this cluster already",
                    "Name another directory, or say --delta to write only what differs, or "
                    "--replace to empty it first.");
  return RestoreTarget{TargetState::kReplaceable, tablespace_links(path), {}};
}

/// Of a directory with a marker and without pg_control. One that a full restore began holds nothing
/// but what that wrote; one that a delta began holds somebody's data, and their old log.
Result<RestoreTarget> inspect_unfinished(const std::string& path,
                                         const std::string& system_identifier,
                                         PresentCluster present, RestoreMarker marker) {
  const bool is_other = marker.system_identifier != system_identifier;
  if (is_other && (marker.is_delta || present == PresentCluster::kDelta))
    return foreign(path, marker.system_identifier, system_identifier);
  if (marker.is_delta && present == PresentCluster::kRefuse)
    return conflict("a delta restore into " + path + " was interrupted",
                    "Say --delta again to go on with it, or --replace to empty the directory and "
                    "its old log first.");
  return RestoreTarget{TargetState::kUnfinished, std::move(marker.tablespaces),
                       std::move(marker.old_wal)};
}

Result<> write_marker(const std::string& path, const RestoreMarker& marker) {
  return io::write_file_durably(path + "/" + std::string{kUnfinishedMarker},
                                as_bytes(encode_marker(marker)));
}

Result<> remove_control(const io::Directory& root) {
  const auto global = root.open_directory("global");
  // Whatever else has that name, such as a link, would lead a server to a pg_control.
  const io::Directory& folder = global ? *global : root;
  const auto removed = folder.remove_file(global ? "pg_control" : "global");
  if (!removed && removed.error().kind != ErrorKind::kNotFound) return removed.error();
  return folder.sync();
}

}  // namespace

std::optional<PostmasterLock> parse_postmaster_lock(std::string_view text) {
  const std::vector<std::string> lines = lines_of(text);
  if (lines.empty()) return std::nullopt;
  PostmasterLock lock;
  const std::string& number = lines[0];
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), lock.pid);
  if (error != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  // A single-user server writes its number with a minus sign.
  if (lock.pid < 0 && lock.pid != INT64_MIN) lock.pid = -lock.pid;
  if (lock.pid <= 0) return std::nullopt;
  if (lines.size() > 1) lock.data_directory = lines[1];
  if (lines.size() > 3) lock.port = lines[3];
  if (lines.size() > 4) lock.socket_directory = lines[4];
  return lock;
}

std::optional<std::string> control_identifier(ByteView control) {
  if (control.size() < 8) return std::nullopt;
  // The first member of the file, in the server's byte order, which is that of this machine.
  std::uint64_t value = 0;
  std::memcpy(&value, control.data(), sizeof value);
  return std::to_string(value);
}

Result<RestoreTarget> inspect_target(const std::string& path, const std::string& system_identifier,
                                     PresentCluster present) {
  if (!io::exists(path)) return RestoreTarget{};
  REPRIEVE_TRY(const auto names, io::list_dir(path));
  const auto count = std::ranges::count_if(names, counts);
  if (count == 0) return RestoreTarget{TargetState::kEmpty, {}, {}};
  REPRIEVE_RETURN_IF_ERROR(refuse_running(path));
  const auto marker = io::read_text_file(path + "/" + std::string{kUnfinishedMarker}, {kMarkerMax});
  if (marker && !io::exists(path + std::string{kControlPath}))
    return inspect_unfinished(path, system_identifier, present, parse_marker(*marker));
  return inspect_cluster(path, system_identifier, present);
}

Result<> inspect_tablespace(const std::string& path, const std::string& folder,
                            const std::vector<std::string>& own) {
  if (!io::exists(path)) return kOk;
  REPRIEVE_TRY(const auto names, io::list_dir(path));
  const bool is_own = std::ranges::find(own, path) != own.end();
  for (const std::string& name : names) {
    if (!counts(name) || (is_own && name == folder)) continue;
    // Other versions' clusters may share an old cluster's directory; they are not in the way.
    if (is_own && name.starts_with("PG_")) continue;
    return conflict("the tablespace directory " + path + " is not empty",
                    "Map the tablespace to another directory, or empty this one.");
  }
  return kOk;
}

std::string encode_marker(const RestoreMarker& marker) {
  Json json = {{"system_identifier", marker.system_identifier}, {"tablespaces", Json::array()}};
  for (const std::string& path : marker.tablespaces)
    json["tablespaces"].push_back(to_hex(as_bytes(path)));
  if (marker.is_delta) json["delta"] = {{"old_wal", marker.old_wal}};
  return to_text(json) + "\n";
}

RestoreMarker parse_marker(std::string_view text) {
  RestoreMarker marker;
  const auto json = parse_json(text);
  if (!json || !json->is_object()) return marker;
  const auto text_of = [](const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  marker.system_identifier = text_of(*json, "system_identifier");
  if (json->contains("tablespaces")) {
    for (const Json& item : (*json)["tablespaces"]) {
      const auto path = item.is_string() ? from_hex(item.get<std::string>()) : std::nullopt;
      if (path) marker.tablespaces.emplace_back(as_text(*path));
    }
  }
  const auto delta = json->find("delta");
  marker.is_delta = delta != json->end() && delta->is_object();
  if (marker.is_delta) marker.old_wal = text_of(*delta, "old_wal");
  return marker;
}

Result<> claim_target(const std::string& path, TargetState state, const RestoreMarker& marker) {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(path));
  REPRIEVE_RETURN_IF_ERROR(write_marker(path, marker));
  if (state == TargetState::kAbsent || state == TargetState::kEmpty) return kOk;
  REPRIEVE_TRY(const io::Directory root, io::Directory::open(path));
  REPRIEVE_RETURN_IF_ERROR(remove_control(root));
  REPRIEVE_TRY(const auto names, io::list_dir(path));
  for (const std::string& name : names)
    if (counts(name) && name != kUnfinishedMarker)
      REPRIEVE_RETURN_IF_ERROR(io::remove_tree(io::path_in(path, name)));
  return root.sync();
}

Result<> claim_for_delta(const std::string& path, const RestoreMarker& marker) {
  REPRIEVE_RETURN_IF_ERROR(write_marker(path, marker));
  REPRIEVE_TRY(const io::Directory root, io::Directory::open(path));
  return remove_control(root);
}

}  // namespace reprieve
