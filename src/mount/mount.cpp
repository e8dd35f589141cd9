#define FUSE_USE_VERSION 314
#include "mount/mount.hpp"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "io/file.hpp"
#include "mount/internal/fuse_operations.hpp"

namespace reprieve::mount {
namespace {

// Enough that some may wait for the store while others answer from memory.
constexpr unsigned kThreadsMin = 8;
constexpr auto kPause = std::chrono::milliseconds{50};
constexpr int kWakeSignal = SIGUSR1;

/// What libfuse would have printed; for one mount at a time, as its logger is the process's.
class Complaints {
 public:
  Complaints() { ::fuse_set_log_func(log); }
  Complaints(const Complaints&) = delete;
  Complaints& operator=(const Complaints&) = delete;
  ~Complaints() { ::fuse_set_log_func(nullptr); }

  static std::string text() {
    const std::lock_guard lock{mutex()};
    return lines();
  }

 private:
  static std::mutex& mutex() {
    static std::mutex it;
    return it;
  }
  static std::string& lines() {
    static std::string it;
    return it;
  }
  static void log(::fuse_log_level, const char* format, std::va_list arguments) {
    constexpr std::size_t kLineMax = 500;
    std::array<char, kLineMax> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    const std::lock_guard lock{mutex()};
    std::string& text = lines();
    text = line.data();
    std::erase(text, '\n');
  }
};

/// SIGUSR1 interrupts a thread that waits for the kernel, and does nothing else.
class WakeSignal {
 public:
  WakeSignal() {
    struct ::sigaction action = {};
    action.sa_handler = [](int) {};
    ::sigaction(kWakeSignal, &action, &before_);
  }
  WakeSignal(const WakeSignal&) = delete;
  WakeSignal& operator=(const WakeSignal&) = delete;
  ~WakeSignal() { ::sigaction(kWakeSignal, &before_, nullptr); }

 private:
  struct ::sigaction before_ = {};
};

constexpr std::string_view kElse = "`reprieve restore` and `reprieve dump` work without a mount.";

Result<> check_place(const std::string& directory) {
  struct ::stat state = {};
  if (::stat(directory.c_str(), &state) != 0) {
    if (errno == ENOTCONN)
      return Error{ErrorKind::kConflict, directory + " is a mount whose program is gone",
                   "Remove it with `fusermount3 -u " + directory + "`."};
    return error_from_errno(errno, "mount on " + directory).with_hint("Make the folder first.");
  }
  if (!S_ISDIR(state.st_mode))
    return Error{ErrorKind::kInvalid, directory + " is no folder", "Name an empty folder."};
  const io::FileHandle device{::open("/dev/fuse", O_RDWR | O_CLOEXEC)};
  if (device.is_open()) return kOk;
  const int error = errno;
  const bool is_missing = error == ENOENT || error == ENODEV || error == ENXIO;
  return Error{is_missing ? ErrorKind::kNotFound : ErrorKind::kDenied,
               std::generic_category().message(error).insert(0, "/dev/fuse cannot be opened: "),
               "Load the kernel's module with `modprobe fuse`; a container needs `--device "
               "/dev/fuse --cap-add SYS_ADMIN`. " +
                   std::string{kElse}};
}

/// A mounted session and the threads that answer for it.
class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (is_mounted_) ::fuse_session_unmount(session_);
    if (session_ != nullptr) ::fuse_session_destroy(session_);
  }

  Result<> mount(FileSystem& system, const MountOptions& options) {
    std::string settings = "ro,nosuid,nodev,noatime,fsname=reprieve,subtype=reprieve";
    if (options.is_for_others) settings += ",allow_other,default_permissions";
    ::fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);
    ::fuse_opt_add_arg(&arguments, "reprieve");
    ::fuse_opt_add_arg(&arguments, "-o");
    ::fuse_opt_add_arg(&arguments, settings.c_str());
    session_ =
        ::fuse_session_new(&arguments, &fuse_operations(), sizeof fuse_operations(), &system);
    ::fuse_opt_free_args(&arguments);
    if (session_ == nullptr)
      return Error{ErrorKind::kTransient, "cannot start a FUSE session: " + Complaints::text()};
    if (::fuse_session_mount(session_, options.directory.c_str()) != 0)
      return Error{
          ErrorKind::kDenied, "cannot mount on " + options.directory + ": " + Complaints::text(),
          "As an ordinary user this needs the package fuse3, a folder of your own and, for "
          "--allow-other, `user_allow_other` in /etc/fuse.conf. " +
              std::string{kElse}};
    is_mounted_ = true;
    return kOk;
  }

  /// Answers until somebody unmounts it or `cancel` is requested.
  void serve(const CancelToken& cancel) {
    const WakeSignal signal;
    const unsigned count = std::max(kThreadsMin, 2 * std::thread::hardware_concurrency());
    working_ = count;
    std::vector<std::thread> threads;
    threads.reserve(count);
    for (unsigned i = 0; i < count; ++i)
      threads.emplace_back([this] { work(); });
    std::unique_lock lock{mutex_};
    while (working_ > 0) {
      if (cancel.is_requested()) ::fuse_session_exit(session_);
      // Again and again: a signal between a thread's look at the flag and its wait is lost.
      if (::fuse_session_exited(session_) != 0)
        for (std::thread& thread : threads)
          ::pthread_kill(thread.native_handle(), kWakeSignal);
      is_done_.wait_for(lock, kPause);
    }
    lock.unlock();
    for (std::thread& thread : threads)
      thread.join();
  }

 private:
  void work() {
    ::fuse_buf buffer = {};
    while (::fuse_session_exited(session_) == 0) {
      const int got = ::fuse_session_receive_buf(session_, &buffer);
      if (got == -EINTR || got == -EAGAIN) continue;
      if (got <= 0) {
        ::fuse_session_exit(session_);  // Unmounted.
        break;
      }
      ::fuse_session_process_buf(session_, &buffer);
    }
    std::free(buffer.mem);
    const std::lock_guard lock{mutex_};
    --working_;
    is_done_.notify_one();
  }

  ::fuse_session* session_ = nullptr;
  bool is_mounted_ = false;
  std::mutex mutex_;
  std::condition_variable is_done_;
  unsigned working_ = 0;  // Guarded by mutex_.
};

Result<std::size_t> serve(FileSystem& system, const MountOptions& options,
                          const MountEvents& events, const CancelToken& cancel) {
  REPRIEVE_RETURN_IF_ERROR(check_place(options.directory));
  const Complaints complaints;
  Session session;
  REPRIEVE_RETURN_IF_ERROR(session.mount(system, options));
  events.ready();
  session.serve(cancel);
  return system.problems();
}

}  // namespace

Result<std::size_t> mount_points(backup::RepositoryReader& reader, std::vector<ShownSource> sources,
                                 const MountOptions& options, const MountEvents& events,
                                 const CancelToken& cancel) {
  FileSystem system{reader, [&](const ChunkRef& chunk) { return reader.read_chunk(chunk); },
                    std::move(sources), events.damaged};
  return serve(system, options, events, cancel);
}

Result<std::size_t> mount_point(backup::RepositoryReader& reader,
                                std::unique_ptr<backup::PointTree> tree,
                                const MountOptions& options, const MountEvents& events,
                                const CancelToken& cancel) {
  FileSystem system{reader, [&](const ChunkRef& chunk) { return reader.read_chunk(chunk); },
                    std::move(tree), events.damaged};
  return serve(system, options, events, cancel);
}

}  // namespace reprieve::mount
