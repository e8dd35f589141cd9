#include "source/command/command_source.hpp"

#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "io/process.hpp"

namespace reprieve {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

/// What the program writes, and an end that is waited for in pieces, so that a silent program can
/// be stopped.
class PipeReader : public ByteReader {
 public:
  PipeReader(const io::FileHandle& pipe, CaptureSink& sink) : pipe_{pipe}, sink_{sink} {}

  Result<std::size_t> read(MutableByteView out) override {
    constexpr int kLookEveryMs = 200;
    while (true) {
      REPRIEVE_RETURN_IF_ERROR(sink_.cancel().check());
      struct ::pollfd wanted = {pipe_.fd(), POLLIN, 0};
      if (::poll(&wanted, 1, kLookEveryMs) > 0) break;
    }
    auto size = io::read_some(pipe_, out);
    if (size) sink_.progress().bytes += *size;
    return size;
  }

 private:
  const io::FileHandle& pipe_;
  CaptureSink& sink_;
};

/// Ends a program that nobody listens to any more.
void end(io::Process& process, Clock& clock) {
  constexpr Duration kGrace = std::chrono::seconds{5};
  constexpr Duration kStep = std::chrono::milliseconds{20};
  ignore_error(process.signal(SIGTERM), "it may have ended by itself");
  const Duration until = clock.uptime() + kGrace;
  while (clock.uptime() < until) {
    const auto status = process.try_wait();
    if (!status || *status) return;
    clock.sleep_for(kStep);
  }
  ignore_error(process.signal(SIGKILL), "it may have ended by itself");
  ignore_error(process.wait(), "nothing is left to be done about it");
}

Entry file_entry(std::string name, Instant now) {
  Entry entry;
  entry.name = std::move(name);
  entry.mode = 0600;
  entry.owner.uid = ::geteuid();
  entry.owner.gid = ::getegid();
  const std::int64_t seconds = now.nanoseconds / kNanosecondsPerSecond;
  entry.modified = {seconds,
                    static_cast<std::uint32_t>(now.nanoseconds - seconds * kNanosecondsPerSecond)};
  return entry;
}

}  // namespace

CommandSource::CommandSource(CommandSourceOptions options, Clock& clock)
    : options_{std::move(options)}, clock_{clock} {}

Result<std::vector<Entry>> CommandSource::capture(CaptureSink& sink) {
  io::Command command;
  command.argv = options_.argv;
  io::Process::Streams streams;
  streams.out = io::ToPipe{};
  REPRIEVE_TRY(io::Process process, io::Process::start(command, streams));
  PipeReader reader{process.out(), sink};
  auto content = sink.put_content(reader, Chunking::kContentDefined);
  if (!content) {
    end(process, clock_);
    return std::move(content).error();
  }
  // It closed its output; a program that stays on for ever is not waited for when we are to stop.
  while (true) {
    REPRIEVE_TRY(const auto status, process.try_wait());
    if (status && status->is_success()) break;
    if (status)
      return Error{ErrorKind::kInvalid, options_.argv.front() + " failed: " + status->text(),
                   "Nothing was kept. Run the command by itself to see what it says."};
    if (sink.cancel().is_requested()) {
      end(process, clock_);
      return sink.cancel().check().error();
    }
    clock_.sleep_for(std::chrono::milliseconds{5});
  }
  Entry entry = file_entry(options_.file_name, clock_.now());
  entry.content = *std::move(content);
  ++sink.progress().files;
  return std::vector{std::move(entry)};
}

}  // namespace reprieve
