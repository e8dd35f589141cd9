#include "tests/postgres/cluster.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "io/user.hpp"

namespace reprieve::test {
namespace {

constexpr Duration kPatience = std::chrono::seconds{120};

Result<io::Completed> run(io::Command command) {
  io::RunOptions options;
  options.timeout = std::chrono::minutes{5};
  return io::run(command, options, system_clock());
}

std::string text_of(const io::Completed& completed) {
  return completed.out + completed.err;
}

}  // namespace

std::string server_user() {
  return ::geteuid() == 0 ? "postgres" : "";
}

std::optional<std::string> programs_of(int version) {
  static std::map<int, std::optional<std::string>> known;
  const auto found = known.find(version);
  if (found != known.end()) return found->second;
  auto& programs = known[version];
  const auto provided = run({.argv = {REPRIEVE_TESTS_DIR "/provide.sh", std::to_string(version)}});
  if (provided && provided->is_success()) {
    std::string path = provided->out;
    while (path.ends_with('\n'))
      path.pop_back();
    programs = path;
  }
  return programs;
}

Result<io::TemporaryFolder> shared_folder() {
  REPRIEVE_TRY(io::TemporaryFolder folder, io::TemporaryFolder::create());
  if (::geteuid() == 0) {
    REPRIEVE_TRY(const io::User user, io::find_user("postgres"));
    if (::chown(folder.path().c_str(), user.uid, user.gid) != 0)
      return error_from_errno(errno, "chown");
  }
  return folder;
}

Result<std::string> run_as_server(std::vector<std::string> argv) {
  const std::string name = argv[0];
  REPRIEVE_TRY(const io::Completed completed,
               run({.argv = std::move(argv), .folder = "/", .user = server_user()}));
  if (!completed.is_success())
    return Error{ErrorKind::kInvalid, name + ": " + completed.text() + ": " + text_of(completed)};
  return text_of(completed);
}

Result<std::uint16_t> free_port() {
  const io::FileHandle socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.fd(), generic, size) != 0 || ::getsockname(socket.fd(), generic, &size) != 0)
    return error_from_errno(errno, "bind");
  return ntohs(address.sin_port);
}

Cluster::Cluster(std::string programs, std::string folder, std::string data_directory)
    : programs_{std::move(programs)},
      folder_{std::move(folder)},
      data_directory_{std::move(data_directory)} {}

Result<Cluster> Cluster::create(std::string programs, const std::string& folder,
                                const std::string& name, const Options& options) {
  Cluster cluster{std::move(programs), folder, folder + "/" + name};
  std::vector<std::string> argv = {cluster.programs_ + "/initdb",
                                   "-D",
                                   cluster.data_directory_,
                                   "-U",
                                   "postgres",
                                   "-A",
                                   "trust",
                                   "--no-sync",
                                   "--locale=C.UTF-8"};
  argv.insert(argv.end(), options.initdb.begin(), options.initdb.end());
  REPRIEVE_RETURN_IF_ERROR(run_as_server(argv));
  const std::string path = cluster.data_directory_ + "/postgresql.conf";
  REPRIEVE_TRY(const io::FileHandle file, io::open_file(path, O_WRONLY | O_APPEND));
  REPRIEVE_RETURN_IF_ERROR(io::write_all(
      file, as_bytes("fsync = off\nshared_buffers = 16MB\n" + options.configuration)));
  return cluster;
}

Cluster Cluster::adopt(std::string programs, const std::string& folder,
                       std::string data_directory) {
  return Cluster{std::move(programs), folder, std::move(data_directory)};
}

Cluster::~Cluster() {
  if (!is_started_ || data_directory_.empty()) return;
  ignore_error(stop(), "the test is over");
}

Result<> Cluster::start(const std::string& options) {
  REPRIEVE_TRY(port_, free_port());
  const std::string settings = "-c port=" + std::to_string(port_) +
                               " -c listen_addresses=127.0.0.1 -c unix_socket_directories='" +
                               folder_ + "' " + options;
  const auto started =
      run_as_server({programs_ + "/pg_ctl", "-D", data_directory_, "-w", "-t", "60", "-l",
                     data_directory_ + ".log", "-o", settings, "start"});
  if (!started) return Error{ErrorKind::kInvalid, started.error().what + log()};
  is_started_ = true;
  return kOk;
}

Result<> Cluster::stop() {
  is_started_ = false;
  // pg_ctl signals the process that the data directory's own lock names, and no other.
  REPRIEVE_RETURN_IF_ERROR(run_as_server(
      {programs_ + "/pg_ctl", "-D", data_directory_, "-m", "immediate", "-w", "stop"}));
  return kOk;
}

std::string Cluster::uri() const {
  return "host=" + folder_ + " port=" + std::to_string(port_) + " user=postgres dbname=postgres";
}

std::string Cluster::tcp_uri(const std::string& user) const {
  return "postgres://" + user + "@127.0.0.1:" + std::to_string(port_) + "/postgres";
}

Result<std::string> Cluster::sql(const std::string& statements) const {
  CancelToken cancel;
  PostgresAddress address;
  address.uri = uri();
  address.silence_limit = std::chrono::minutes{10};  // Fills tables in one statement.
  REPRIEVE_TRY(Connection session,
               Connection::open(address, Connection::Mode::kQuery, system_clock(), cancel));
  REPRIEVE_TRY(const auto rows, session.query(statements));
  if (rows.empty() || rows[0].empty()) return std::string{};
  return rows[0][0].value_or("");
}

Result<> Cluster::await(const std::string& query, std::string_view wanted) const {
  Clock& clock = system_clock();
  const Duration deadline = clock.uptime() + kPatience;
  while (clock.uptime() < deadline) {
    const auto answer = sql(query);
    if (answer && *answer == wanted) return kOk;
    clock.sleep_for(std::chrono::milliseconds{50});
  }
  return Error{ErrorKind::kTransient, query + " never became true:\n" + log()};
}

Result<> Cluster::await_writable() const {
  return await("SELECT pg_is_in_recovery()", "f");
}

std::string Cluster::log() const {
  const auto text = io::read_text_file(data_directory_ + ".log", {16 << 20});
  return text ? *text : "";
}

}  // namespace reprieve::test
