#include "source/postgresql/side_instance.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "base/format.hpp"
#include "io/durable_file.hpp"
#include "io/process.hpp"
#include "io/temporary_folder.hpp"
#include "io/user.hpp"
#include "source/postgresql/connection.hpp"

namespace reprieve {
namespace {

constexpr Duration kPollInterval = std::chrono::milliseconds{100};
constexpr Duration kStopTimeout = std::chrono::minutes{2};
constexpr ByteCount kSmallFileMax{64 * 1024};
constexpr std::size_t kLogTail = 2000;

/// "15" of PG_VERSION.
Result<std::string> major_version(const std::string& data_directory) {
  REPRIEVE_TRY(std::string text, io::read_text_file(data_directory + "/PG_VERSION", kSmallFileMax));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string::npos)
    return Error{ErrorKind::kCorrupt, data_directory + "/PG_VERSION names no version"};
  return text;
}

Result<std::string> find_server(const SideInstanceOptions& options) {
  if (!options.programs.empty()) return options.programs + "/postgres";
  REPRIEVE_TRY(const std::string version, major_version(options.data_directory));
  const std::string debian = "/usr/lib/postgresql/" + version + "/bin/postgres";
  if (io::exists(debian)) return debian;
  return Error{ErrorKind::kNotFound, "no server of PostgreSQL " + version + " is installed here",
               "Install postgresql-" + version + ", or name the folder of its programs."};
}

Result<std::string> owner_of(const std::string& path) {
  struct ::stat status = {};
  if (::stat(path.c_str(), &status) != 0) return error_from_errno(errno, path);
  if (status.st_uid == ::geteuid()) return std::string{};
  if (const auto name = io::AccountNames{}.user_name(status.st_uid)) return *name;
  return Error{ErrorKind::kNotFound, path + " belongs to the user " +
                                         std::to_string(status.st_uid) + ", who is not known here"};
}

/// One server of its own, stopped on the way out.
class SideInstance {
 public:
  SideInstance(const SideInstanceOptions& options, Clock& clock, const CancelToken& cancel)
      : options_{options}, clock_{clock}, cancel_{cancel} {}
  SideInstance(const SideInstance&) = delete;
  SideInstance& operator=(const SideInstance&) = delete;
  ~SideInstance() { ignore_error(stop(), "nothing can be done about it on the way out"); }

  Result<> start() {
    if (io::exists(options_.data_directory + "/postmaster.pid"))
      return Error{ErrorKind::kConflict,
                   "a server runs, or has been killed, in " + options_.data_directory,
                   "Stop it; if none runs, remove its postmaster.pid."};
    REPRIEVE_TRY(const std::string server, find_server(options_));
    REPRIEVE_TRY(const std::string owner, owner_of(options_.data_directory));
    REPRIEVE_TRY(folder_, io::TemporaryFolder::create());
    // Whoever may enter the folder may ask; that is its owner, and root.
    REPRIEVE_RETURN_IF_ERROR(
        io::write_file_durably(folder_->path("hba"), as_bytes("local all all trust\n"), 0644));
    REPRIEVE_TRY(const io::FileHandle log,
                 io::open_file(folder_->path("log"), O_WRONLY | O_CREAT | O_APPEND, 0644));
    if (!owner.empty()) REPRIEVE_RETURN_IF_ERROR(hand_over(owner));
    io::Command command;
    command.argv = arguments(server);
    command.folder = "/";
    command.user = owner;
    REPRIEVE_TRY(
        io::Process process,
        io::Process::start(command, {io::ToNull{}, io::ToFile{log.fd()}, io::ToFile{log.fd()}}));
    process_.emplace(std::move(process));
    return wait_until_consistent();
  }

  [[nodiscard]] const std::string& folder() const { return folder_->path(); }

  Result<> stop() {
    if (!process_) return kOk;
    const Duration deadline = clock_.uptime() + kStopTimeout;
    REPRIEVE_RETURN_IF_ERROR(process_->signal(SIGINT));  // "fast": disconnects and shuts down.
    while (clock_.uptime() < deadline) {
      REPRIEVE_TRY(const auto status, process_->try_wait());
      if (status) {
        process_.reset();
        return kOk;
      }
      clock_.sleep_for(kPollInterval);
    }
    REPRIEVE_RETURN_IF_ERROR(process_->signal(SIGQUIT));
    REPRIEVE_TRY(const auto status, process_->wait());
    static_cast<void>(status);
    process_.reset();
    return kOk;
  }

 private:
  [[nodiscard]] std::vector<std::string> arguments(const std::string& server) const {
    std::vector<std::string> argv = {server, "-D", options_.data_directory};
    const auto set = [&](const std::string& setting) { argv.insert(argv.end(), {"-c", setting}); };
    set("listen_addresses=");
    set(fmt::format("port={}", kSideInstancePort));
    set("unix_socket_directories=" + folder_->path());
    set("hba_file=" + folder_->path("hba"));
    set("archive_mode=off");
    set("synchronous_standby_names=");
    set("primary_conninfo=");
    set("logging_collector=off");
    set("log_destination=stderr");
    set("hot_standby=on");
    set("ssl=off");
    // Without recovery.signal these say nothing; with it they stop replay where the data are whole.
    set("recovery_target=immediate");
    set("recovery_target_action=pause");
    return argv;
  }

  /// The folder and what the server reads in it, to the user that the server runs as.
  [[nodiscard]] Result<> hand_over(const std::string& owner) const {
    REPRIEVE_TRY(const io::User user, io::find_user(owner));
    for (const std::string& path : {folder_->path(), folder_->path("hba"), folder_->path("log")})
      if (::chown(path.c_str(), user.uid, user.gid) != 0)
        return error_from_errno(errno, "hand over " + path);
    return kOk;
  }

  Result<> wait_until_consistent() {
    const Duration deadline = clock_.uptime() + options_.start_timeout;
    PostgresAddress address;
    address.uri = fmt::format("host='{}' port={} user='{}' dbname='{}'", folder_->path(),
                              kSideInstancePort, options_.user, options_.database);
    while (clock_.uptime() < deadline) {
      REPRIEVE_RETURN_IF_ERROR(cancel_.check());
      REPRIEVE_TRY(const auto status, process_->try_wait());
      if (status) {
        process_.reset();
        return Error{ErrorKind::kCorrupt, "the restored cluster does not start: " + log_tail(),
                     "Look at the data directory, or restore another recovery point."};
      }
      auto connection = Connection::open(address, Connection::Mode::kQuery, clock_, cancel_);
      if (connection) return kOk;
      if (connection.error().kind != ErrorKind::kTransient) return std::move(connection).error();
      clock_.sleep_for(kPollInterval);
    }
    return Error{ErrorKind::kTransient, "the restored cluster is not consistent after " +
                                            format_duration(options_.start_timeout) + ": " +
                                            log_tail()};
  }

  [[nodiscard]] std::string log_tail() const {
    const auto text = io::read_text_file(folder_->path("log"), ByteCount{64UL * 1024 * 1024});
    if (!text) return text.error().what;
    return text->substr(text->size() > kLogTail ? text->size() - kLogTail : 0);
  }

  const SideInstanceOptions& options_;
  Clock& clock_;
  const CancelToken& cancel_;
  std::optional<io::TemporaryFolder> folder_;
  std::optional<io::Process> process_;
};

}  // namespace

Result<> look_at_cluster(const SideInstanceOptions& options, Clock& clock,
                         const CancelToken& cancel,
                         const std::function<Result<>(const std::string& folder)>& look) {
  SideInstance instance{options, clock, cancel};
  REPRIEVE_RETURN_IF_ERROR(instance.start());
  REPRIEVE_RETURN_IF_ERROR(look(instance.folder()));
  return instance.stop();
}

}  // namespace reprieve
