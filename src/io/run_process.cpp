#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "io/process.hpp"

namespace reprieve::io {
namespace {

constexpr std::size_t kReadPieceBytes = 64 * 1024;
constexpr int kPiecesPerLook = 64;
/// How often a cancellation is looked for.
constexpr Duration kLookEvery = std::chrono::milliseconds{50};

/// Writes without raising SIGPIPE, whatever the program does about that signal.
ssize_t write_quietly(int fd, ByteView bytes) {
  ::sigset_t pipe_signal;
  ::sigset_t before;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = ::write(fd, bytes.data(), bytes.size());
  const int error_number = errno;
  if (written < 0 && error_number == EPIPE && ::sigismember(&before, SIGPIPE) == 0) {
    const ::timespec at_once{};
    ::sigtimedwait(&pipe_signal, nullptr, &at_once);  // Takes the pending signal away.
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error_number;
  return written;
}

void set_nonblocking(const FileHandle& file) {
  if (!file.is_open()) return;
  const int flags = ::fcntl(file.fd(), F_GETFL);
  ::fcntl(file.fd(), F_SETFL, flags | O_NONBLOCK);
}

/// One run(): moves bytes between us and the child until it has ended.
class Conversation {
 public:
  Conversation(Process process, const RunOptions& options, Clock& clock)
      : process_{std::move(process)},
        options_{options},
        clock_{clock},
        started_{clock.uptime()},
        input_{options.input},
        ended_{static_cast<int>(::syscall(SYS_pidfd_open, process_.pid(), 0U))} {
    for (const FileHandle* pipe : {&process_.in(), &process_.out(), &process_.err()})
      set_nonblocking(*pipe);
    close_input_if_done();
  }

  Result<Completed> finish() {
    std::optional<ExitStatus> status;
    while (!status) {
      wait_for_events();
      move_bytes();
      stop_if_due();
      REPRIEVE_TRY(status, process_.try_wait());
    }
    // What the program wrote before its end is in the pipes now; what others still write there is
    // not waited for.
    move_bytes();
    // Nothing that a stopped program started may go on behind our back.
    if (done_.ending != Ending::kExited) REPRIEVE_RETURN_IF_ERROR(process_.signal(SIGKILL));
    done_.status = *status;
    done_.elapsed = clock_.uptime() - started_;
    return std::move(done_);
  }

 private:
  void wait_for_events() {
    std::array<::pollfd, 4> fds = {{{process_.in().fd(), POLLOUT, 0},
                                    {process_.out().fd(), POLLIN, 0},
                                    {process_.err().fd(), POLLIN, 0},
                                    {ended_.fd(), POLLIN, 0}}};  // poll() skips -1.
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(kLookEvery);
    ::poll(fds.data(), fds.size(), static_cast<int>(milliseconds.count()));
  }

  void move_bytes() {
    while (!input_.empty()) {
      const ssize_t written = write_quietly(process_.in().fd(), input_);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN) break;
      // A program may stop reading before the end of its input; that is its own affair.
      input_ = written < 0 ? ByteView{} : input_.subspan(static_cast<std::size_t>(written));
    }
    close_input_if_done();
    take_output(process_.out(), done_.out);
    take_output(process_.err(), done_.err);
  }

  void close_input_if_done() {
    if (input_.empty())
      ignore_error(process_.in().close(), "the child sees the end of its input either way");
  }

  void take_output(FileHandle& pipe, std::string& kept) {
    std::array<std::byte, kReadPieceBytes> piece;
    // A program that writes for ever must not keep us from looking at the clock.
    for (int pieces = 0; pieces < kPiecesPerLook && pipe.is_open(); ++pieces) {
      const ssize_t got = ::read(pipe.fd(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) {
        ignore_error(pipe.close(), "nothing more comes");
        return;
      }
      const auto text = as_text(ByteView{piece}.first(static_cast<std::size_t>(got)));
      const std::size_t room = options_.output_bytes_max - kept.size();
      done_.is_truncated = done_.is_truncated || text.size() > room;
      kept += text.substr(0, room);
    }
  }

  void stop_if_due() {
    const Duration now = clock_.uptime();
    if (done_.ending == Ending::kExited) {
      if (options_.cancel != nullptr && options_.cancel->is_requested())
        done_.ending = Ending::kCancelled;
      else if (now - started_ >= options_.timeout)
        done_.ending = Ending::kTimedOut;
      else
        return;
      asked_to_stop_ = now;
      ignore_error(process_.signal(SIGTERM), "SIGKILL follows");
      return;
    }
    if (now - asked_to_stop_ >= options_.grace)
      ignore_error(process_.signal(SIGKILL), "it is tried again at the next look");
  }

  Process process_;
  const RunOptions& options_;
  Clock& clock_;
  const Duration started_;
  ByteView input_;
  FileHandle ended_;  // Readable once the child has ended; closed where the kernel has no pidfd.
  Duration asked_to_stop_{};
  Completed done_;
};

}  // namespace

Result<Completed> run(const Command& command, const RunOptions& options, Clock& clock) {
  Process::Streams streams;
  if (!options.input.empty()) streams.in = ToPipe{};
  streams.out = options.output_fd ? Stream{ToFile{*options.output_fd}} : Stream{ToPipe{}};
  streams.err = streams.out;
  REPRIEVE_TRY(Process process, Process::start(command, streams));
  return Conversation{std::move(process), options, clock}.finish();
}

Result<Completed> run(const Command& command, Clock& clock) {
  return run(command, RunOptions{}, clock);
}

}  // namespace reprieve::io
