#include "recovery/shim.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "io/durable_file.hpp"
#include "io/process.hpp"
#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

constexpr ByteCount kSmallFileMax{64UL * 1024};
constexpr int kExitUsage = 2;

struct ShimArguments {
  std::string dir;
  std::string user;
  std::string cwd = "/";
  std::string log;
  std::vector<std::string> argv;
};

std::optional<ShimArguments> parse_arguments(int argc, char** argv) {
  ShimArguments parsed;
  std::vector<std::string> words{argv, argv + argc};
  std::size_t i = 0;
  for (; i + 1 < words.size() && words[i] != "--"; i += 2) {
    if (words[i] == "--dir")
      parsed.dir = words[i + 1];
    else if (words[i] == "--user")
      parsed.user = words[i + 1];
    else if (words[i] == "--cwd")
      parsed.cwd = words[i + 1];
    else if (words[i] == "--log")
      parsed.log = words[i + 1];
    else
      return std::nullopt;
  }
  if (parsed.dir.empty() || i + 1 >= words.size() || words[i] != "--") return std::nullopt;
  parsed.argv.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
  return parsed;
}

Result<> write_exit(const ChildFolder& folder, const ShimExit& exit) {
  const Json json{{"exit", exit.exit_code},
                  {"signal", exit.signal},
                  {"error", exit.error},
                  {"ended", format_rfc3339(exit.ended)}};
  return io::write_file_durably(folder.path("exit"), as_bytes(to_text(json)));
}

/// Takes the folder's lock for good, waiting for those that only look.
Result<io::FileHandle> take_lock(const ChildFolder& folder) {
  // Open for reading, empty, and never closed: it also is the command's standard input.
  REPRIEVE_TRY(io::FileHandle file, io::open_file(folder.path("lock"), O_RDONLY | O_CREAT));
  while (::flock(file.fd(), LOCK_EX) != 0)
    if (errno != EINTR) return error_from_errno(errno, "lock " + folder.path("lock"));
  return file;
}

/// Where the command's output goes, open, and the mark that it begins.
struct Beginning {
  io::FileHandle out;
  io::FileHandle err;
};

Result<Beginning> begin(const ShimArguments& arguments, const ChildFolder& folder) {
  const std::string out_path = arguments.log.empty() ? folder.path("stdout") : arguments.log;
  const std::string err_path = arguments.log.empty() ? folder.path("stderr") : arguments.log;
  constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND;
  Beginning beginning;
  REPRIEVE_TRY(beginning.out, io::open_file(out_path, kAppend, 0640));
  REPRIEVE_TRY(beginning.err, io::open_file(err_path, kAppend, 0640));
  const Json begun{{"at", format_rfc3339(system_clock().now())},
                   {"shim", io::own_identity().text()}};
  REPRIEVE_RETURN_IF_ERROR(io::write_file_durably(folder.path("begun"), as_bytes(to_text(begun))));
  return beginning;
}

/// The status of a command that certainly was not executed.
ShimExit not_executed(const Error& error) {
  return {.exit_code = 127, .signal = 0, .error = error.what, .ended = system_clock().now()};
}

Result<> supervise(const ShimArguments& arguments, const ChildFolder& folder,
                   const io::FileHandle& lock) {
  const auto beginning = begin(arguments, folder);
  if (!beginning) return write_exit(folder, not_executed(beginning.error()));
  auto child =
      io::Process::start({.argv = arguments.argv, .folder = arguments.cwd, .user = arguments.user},
                         {.in = io::ToFile{lock.fd()},
                          .out = io::ToFile{beginning->out.fd()},
                          .err = io::ToFile{beginning->err.fd()}});
  if (!child) return write_exit(folder, not_executed(child.error()));
  REPRIEVE_RETURN_IF_ERROR(
      io::write_file_durably(folder.path("child"), as_bytes(child->identity().text())));
  REPRIEVE_TRY(const io::ExitStatus status, child->wait());
  return write_exit(folder, {.exit_code = status.code,
                             .signal = status.signal,
                             .error = {},
                             .ended = system_clock().now()});
}

Result<> run_shim(const ShimArguments& arguments) {
  // A shutdown asks everybody to end; the shim ends after its child, to tell how that ended.
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE})
    std::signal(number, SIG_IGN);
  const ChildFolder folder{arguments.dir};
  REPRIEVE_TRY(const io::FileHandle lock, take_lock(folder));
  if (folder.is_abandoned() || folder.has_begun()) return kOk;
  return supervise(arguments, folder, lock);
}

}  // namespace

int shim_main(int argc, char** argv) {
  // argv[0] is the program, argv[1] the word "shim".
  const auto arguments = argc > 2 ? parse_arguments(argc - 2, argv + 2) : std::nullopt;
  if (!arguments) {
    fmt::print(stderr, "usage: shim --dir DIR [--user U] [--cwd C] [--log F] -- PROGRAM...\n");
    return kExitUsage;
  }
  const auto done = run_shim(*arguments);
  if (done) return EXIT_SUCCESS;
  fmt::print(stderr, "{}\n", done.error().what);  // Goes to a file of the child's folder.
  return EXIT_FAILURE;
}

Result<std::optional<ShimExit>> ChildFolder::exit() const {
  const auto text = io::read_text_file(path("exit"), kSmallFileMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::optional<ShimExit>{};
  if (!text) return text.error();
  const auto json = parse_json(*text);
  const auto ended = json ? time_of(*json, "ended") : std::nullopt;
  if (!ended) return Error{ErrorKind::kCorrupt, path("exit") + " is no exit status"};
  return std::optional{ShimExit{.exit_code = static_cast<int>(integer_of(*json, "exit")),
                                .signal = static_cast<int>(integer_of(*json, "signal")),
                                .error = text_of(*json, "error"),
                                .ended = *ended}};
}

bool ChildFolder::has_begun() const {
  return io::exists(path("begun"));
}

bool ChildFolder::is_abandoned() const {
  return io::exists(path("abandoned"));
}

std::optional<Instant> ChildFolder::began_at() const {
  const auto text = io::read_text_file(path("begun"), kSmallFileMax);
  const auto json = text ? parse_json(*text) : std::nullopt;
  return json ? time_of(*json, "at") : std::nullopt;
}

std::optional<io::ProcessIdentity> ChildFolder::child() const {
  const auto text = io::read_text_file(path("child"), kSmallFileMax);
  return text ? io::ProcessIdentity::parse(*text) : std::nullopt;
}

Result<ChildFolder::LockAttempt> ChildFolder::try_lock(int operation) const {
  REPRIEVE_TRY(io::FileHandle file, io::open_file(path("lock"), O_RDONLY | O_CREAT));
  while (::flock(file.fd(), operation | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return LockAttempt{};
    if (errno != EINTR) return error_from_errno(errno, "lock " + path("lock"));
  }
  return LockAttempt{.state = Lock::kTaken, .file = std::move(file)};
}

Result<ChildFolder::LockAttempt> ChildFolder::try_lock_alone() const {
  return try_lock(LOCK_EX);
}

Result<ChildFolder::LockAttempt> ChildFolder::try_lock_shared() const {
  return try_lock(LOCK_SH);
}

}  // namespace reprieve::recovery
