#include "cli/command.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "io/file.hpp"
#include "io/terminal.hpp"
#include "recovery/shim.hpp"

namespace reprieve::cli {

namespace {

/// Turns echo off for its lifetime.
class Silence {
 public:
  explicit Silence(int fd) : fd_{fd} {
    is_changed_ = ::tcgetattr(fd_, &before_) == 0;
    if (!is_changed_) return;
    struct ::termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_changed_ = ::tcsetattr(fd_, TCSAFLUSH, &silent) == 0;
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    if (is_changed_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }

 private:
  const int fd_;
  bool is_changed_ = false;
  struct ::termios before_ = {};
};

constexpr std::size_t kPasswordMax = 4096;

}  // namespace

Result<Secret> ask_secret(const std::string& prompt) {
  auto terminal = io::open_file("/dev/tty", O_RDWR);
  if (!terminal)
    return Error{ErrorKind::kInvalid, "there is no terminal to ask on",
                 "Give the password with --password-file."};
  REPRIEVE_RETURN_IF_ERROR(io::write_all(*terminal, as_bytes(prompt)));
  Secret line{kPasswordMax};
  std::size_t length = 0;
  {
    const Silence silence{terminal->fd()};
    REPRIEVE_TRY(length, io::read_some(*terminal, line.expose_mutable()));
  }
  REPRIEVE_RETURN_IF_ERROR(io::write_all(*terminal, as_bytes("\n")));
  while (length > 0 && (line.expose()[length - 1] == std::byte{'\n'} ||
                        line.expose()[length - 1] == std::byte{'\r'}))
    --length;
  return Secret::copy_of(line.expose().first(length));
}

Json alarms_json(const std::vector<repository::HeadAlarm>& alarms) {
  Json json = Json::array();
  for (const repository::HeadAlarm& alarm : alarms)
    json.push_back({{"object", alarm.object}, {"what", alarm.what}});
  return json;
}

int run_shim(int argc, char** argv) {
  return recovery::shim_main(argc, argv);
}

int finish(const Console& console, const std::function<Result<int>()>& body) {
  Result<int> outcome = body();
  return outcome ? *outcome : console.fail(outcome.error());
}

std::unique_ptr<ProgressBar> start_progress(const Invocation& invocation, std::string verb,
                                            const Progress& progress) {
  auto mode = ProgressBar::Mode::kOff;
  if (invocation.is_json) {
    mode = ProgressBar::Mode::kJson;
  } else if (!invocation.is_quiet && io::is_terminal(STDERR_FILENO)) {
    mode = ProgressBar::Mode::kTerminal;
  }
  if (invocation.is_without_progress) mode = ProgressBar::Mode::kOff;
  return std::make_unique<ProgressBar>(mode, std::move(verb), progress, system_clock());
}

}  // namespace reprieve::cli
