#include "recovery/local_host.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "recovery/internal/proc.hpp"
#include "recovery/shim.hpp"

namespace reprieve::recovery {
namespace {

constexpr std::size_t kShortOutputMax = 64UL * 1024;
constexpr std::size_t kKeyMax = 512;
constexpr int kTimedOut = 124;
constexpr int kSignalBase = 128;

std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> environment = io::own_environment();
  for (const auto& [name, value] : added) {
    std::erase_if(environment,
                  [&](const std::string& entry) { return entry.starts_with(name + "="); });
    environment.push_back(fmt::format("{}={}", name, value));
  }
  return environment;
}

std::uint64_t size_or_zero(const std::string& path) {
  const auto size = io::file_size(path);
  return size ? size->value : 0;
}

/// Part of a file, from `from_byte`, at most `limit` bytes; nothing if there is none.
Result<std::string> read_part(const std::string& path, std::uint64_t from_byte, std::size_t limit) {
  auto file = io::open_file(path, O_RDONLY);
  if (!file && file.error().kind == ErrorKind::kNotFound) return std::string{};
  if (!file) return std::move(file).error();
  std::string part(limit, '\0');
  REPRIEVE_TRY(const std::size_t got,
               io::pread_some(*file, std::as_writable_bytes(std::span{part.data(), part.size()}),
                              ByteOffset{from_byte}));
  part.resize(got);
  return part;
}

std::string stream_name(OutputStream stream) {
  return stream == OutputStream::kStandard ? "stdout" : "stderr";
}

ProcessName name_of_process(const io::ProcessIdentity& identity) {
  return {.pid = identity.pid, .start_ticks = identity.start_ticks, .boot_id = identity.boot_id};
}

io::ProcessIdentity identity_of_name(const ProcessName& name) {
  return {.pid = static_cast<pid_t>(name.pid),
          .start_ticks = name.start_ticks,
          .boot_id = name.boot_id};
}

/// The newest child below `folder` that lives.
std::optional<io::ProcessIdentity> living_child_below(const std::string& folder) {
  const auto names = io::list_dir(folder);
  if (!names) return std::nullopt;
  std::optional<io::ProcessIdentity> newest;
  std::optional<Instant> newest_began;
  for (const std::string& name : *names) {
    const ChildFolder child{fmt::format("{}/{}", folder, name)};
    const auto identity = child.child();
    const auto began = child.began_at();
    if (!identity || !identity->is_alive()) continue;
    if (newest && began && newest_began && *began < *newest_began) continue;
    newest = identity;
    newest_began = began;
  }
  return newest;
}

}  // namespace

LocalHost::LocalHost(std::string state_dir, std::vector<std::string> shim, Clock& clock)
    : state_dir_{std::move(state_dir)}, shim_{std::move(shim)}, clock_{clock} {}

std::string LocalHost::name() const {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "localhost";
  return buffer.data();
}

/// Keys come back out of journals, so they are looked at before they become paths.
Result<std::string> LocalHost::folder_of(const ChildKey& key) const {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
  const std::string framed = "/" + key.path + "/";
  const bool is_bad = key.path.empty() || key.path.size() > kKeyMax ||
                      key.path.find_first_not_of(kAllowed) != std::string::npos ||
                      framed.find("//") != std::string::npos ||
                      framed.find("/../") != std::string::npos ||
                      framed.find("/./") != std::string::npos;
  if (is_bad) return Error{ErrorKind::kInvalid, "not a child's key: " + key.path};
  return state_dir_ + framed.substr(0, framed.size() - 1);
}

void LocalHost::reap() {
  std::erase_if(shims_, [](io::Process& shim) {
    const auto ended = shim.try_wait();
    return !ended || ended->has_value();
  });
}

Result<> LocalHost::start(const ChildKey& key, const HostCommand& command) {
  reap();
  REPRIEVE_TRY(const std::string folder, folder_of(key));
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(io::parent_of(folder)));
  REPRIEVE_TRY(const io::Directory parent, io::Directory::open(io::parent_of(folder)));
  if (auto made = parent.make_directory(io::name_in(folder)); !made)
    return std::move(made).error().at("start " + key.path);
  REPRIEVE_RETURN_IF_ERROR(parent.sync());
  io::Command shim{.argv = shim_,
                   .environment = environment_with(command.env),
                   .folder = "/",
                   .user = {},
                   .group = io::ProcessGroup::kOwnSession};
  const std::array<std::pair<const char*, std::string>, 4> options = {{{"--dir", folder},
                                                                       {"--user", command.user},
                                                                       {"--cwd", command.cwd},
                                                                       {"--log", command.log}}};
  for (const auto& [name, value] : options) {
    if (value.empty()) continue;
    shim.argv.emplace_back(name);
    shim.argv.push_back(value);
  }
  shim.argv.emplace_back("--");
  shim.argv.insert(shim.argv.end(), command.argv.begin(), command.argv.end());
  REPRIEVE_TRY(const io::FileHandle log,
               io::open_file(folder + "/shim.log", O_WRONLY | O_CREAT | O_APPEND));
  REPRIEVE_TRY(io::Process process, io::Process::start(shim, {.in = io::ToNull{},
                                                              .out = io::ToFile{log.fd()},
                                                              .err = io::ToFile{log.fd()}}));
  shims_.push_back(std::move(process));
  return kOk;
}

Result<ChildView> LocalHost::look(const ChildKey& key) {
  reap();
  REPRIEVE_TRY(const std::string path, folder_of(key));
  const ChildFolder folder{path};
  ChildView view;
  if (!io::exists(path)) return view;
  view.output_bytes = size_or_zero(folder.path("stdout")) + size_or_zero(folder.path("stderr"));
  view.began = folder.began_at();
  // Looked at before the status: what is free now and has no status then, will never have one.
  REPRIEVE_TRY(const auto lock, folder.try_lock_shared());
  REPRIEVE_TRY(const auto exit, folder.exit());
  if (exit) {
    view.state = ChildView::State::kExited;
    view.exit_code = exit->exit_code;
    view.signal = exit->signal;
    view.exec_error = exit->error;
    view.ended = exit->ended;
    return view;
  }
  if (!folder.has_begun()) return view;
  const bool is_held = lock.state == ChildFolder::Lock::kHeldByOther;
  view.state = is_held ? ChildView::State::kRunning : ChildView::State::kLost;
  return view;
}

Result<> LocalHost::abandon(const ChildKey& key) {
  REPRIEVE_TRY(const std::string path, folder_of(key));
  const ChildFolder folder{path};
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(path));
  REPRIEVE_TRY(const auto lock, folder.try_lock_alone());
  if (lock.state == ChildFolder::Lock::kHeldByOther || folder.has_begun())
    return Error{ErrorKind::kConflict, key.path + " has begun"};
  return io::write_file_durably(folder.path("abandoned"), {});
}

Result<> LocalHost::signal_child(const ChildKey& key, int signal) {
  REPRIEVE_TRY(const std::string path, folder_of(key));
  const ChildFolder folder{path};
  const auto child = folder.child();
  REPRIEVE_TRY(const auto exit, folder.exit());
  if (exit) return kOk;
  if (!child) return Error{ErrorKind::kTransient, key.path + " is not executed yet"};
  if (!child->is_alive()) return kOk;
  // The command leads a process group of its own.
  if (::kill(-child->pid, signal) != 0 && errno != ESRCH)
    return error_from_errno(errno, "signal " + key.path);
  return kOk;
}

Result<std::string> LocalHost::output_head(const ChildKey& key, OutputStream stream,
                                           std::size_t limit) {
  REPRIEVE_TRY(const std::string folder, folder_of(key));
  return read_part(folder + "/" + stream_name(stream), 0, limit);
}

Result<std::string> LocalHost::output_tail(const ChildKey& key, OutputStream stream,
                                           std::size_t limit) {
  REPRIEVE_TRY(const std::string folder, folder_of(key));
  const std::string path = folder + "/" + stream_name(stream);
  const std::uint64_t size = size_or_zero(path);
  return read_part(path, size > limit ? size - limit : 0, limit);
}

Result<ShortResult> LocalHost::run_short(const HostCommand& command, Duration timeout) {
  const io::Command quick{.argv = command.argv,
                          .environment = environment_with(command.env),
                          .folder = command.cwd.empty() ? "/" : command.cwd,
                          .user = command.user};
  REPRIEVE_TRY(const io::Completed done,
               io::run(quick, {.output_bytes_max = kShortOutputMax, .timeout = timeout}, clock_));
  ShortResult result{.exit_code = done.status.code, .output = done.out + done.err};
  if (done.status.signal != 0) result.exit_code = kSignalBase + done.status.signal;
  if (done.ending != io::Ending::kExited) result.exit_code = kTimedOut;
  return result;
}

Result<std::optional<ProcessName>> LocalHost::find_process(const ProcessQuery& query) {
  std::optional<io::ProcessIdentity> found;
  if (!query.children_below.empty()) {
    REPRIEVE_TRY(const std::string folder, folder_of({.path = query.children_below}));
    found = living_child_below(folder);
  }
  if (!found && query.pid_file) found = process_of_pid_file(*query.pid_file);
  if (!found && !query.argv.empty()) found = process_with_arguments(query.argv);
  if (!found) return std::optional<ProcessName>{};
  return std::optional{name_of_process(*found)};
}

Result<bool> LocalHost::is_alive(const ProcessName& process) {
  return identity_of_name(process).is_alive();
}

Result<> LocalHost::signal_process(const ProcessName& process, int signal) {
  const auto sent = identity_of_name(process).signal(signal);
  if (!sent && sent.error().kind != ErrorKind::kNotFound) return sent.error();
  return kOk;
}

Result<PathView> LocalHost::look_at_path(const std::string& path) {
  struct ::stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return PathView{};
    return error_from_errno(errno, "look at " + path);
  }
  PathView view{.kind = PathView::Kind::kOther,
                .identity = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino),
                .is_mount_point = is_mount_point(path)};
  if (S_ISDIR(status.st_mode)) view.kind = PathView::Kind::kDirectory;
  if (S_ISREG(status.st_mode)) view.kind = PathView::Kind::kFile;
  return view;
}

Result<std::vector<std::string>> LocalHost::users_of(const std::string& path) {
  return processes_using(path);
}

Result<> LocalHost::exchange(const std::string& a, const std::string& b) {
  if (io::parent_of(a) != io::parent_of(b))
    return Error{ErrorKind::kInvalid, a + " and " + b + " do not lie in one folder"};
  REPRIEVE_TRY(const io::Directory folder, io::Directory::open(io::parent_of(a)));
  REPRIEVE_RETURN_IF_ERROR(folder.exchange(io::name_in(a), io::name_in(b)));
  return folder.sync();
}

Result<> LocalHost::move_to_free_name(const std::string& from, const std::string& to) {
  REPRIEVE_TRY(const io::Directory source, io::Directory::open(io::parent_of(from)));
  REPRIEVE_TRY(const io::Directory target, io::Directory::open(io::parent_of(to)));
  REPRIEVE_RETURN_IF_ERROR(source.rename_new(io::name_in(from), target, io::name_in(to)));
  REPRIEVE_RETURN_IF_ERROR(target.sync());
  return source.sync();
}

}  // namespace reprieve::recovery
