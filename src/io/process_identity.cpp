#include "io/process_identity.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "io/file.hpp"

namespace reprieve::io {
namespace {

constexpr ByteCount kProcFileMax{16 * 1024};

/// Fields of stat are counted from 1, and the name is the second.
constexpr int kStateField = 3;
constexpr int kStartField = 22;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Cuts the first word off.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

std::string boot_id() {
  auto text = read_text_file("/proc/sys/kernel/random/boot_id", kProcFileMax);
  if (!text) return "unknown";
  while (!text->empty() && text->back() == '\n')
    text->pop_back();
  return *std::move(text);
}

Result<ProcessStat> read_stat(pid_t pid) {
  auto text = read_text_file("/proc/" + std::to_string(pid) + "/stat", kProcFileMax);
  if (!text) {
    // The kernel says ESRCH for a process that ends while we read.
    return Error{ErrorKind::kNotFound, "process " + std::to_string(pid) + ": does not exist"};
  }
  return parse_process_stat(*text);
}

}  // namespace

Result<ProcessStat> parse_process_stat(std::string_view text) {
  const Error damaged{ErrorKind::kCorrupt, "process status: not in the form of proc(5)"};
  // The name is in parentheses and may have any character, also spaces and parentheses.
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string_view::npos) return damaged;
  text.remove_prefix(name_end + 2);
  const std::string_view state = take_word(text);
  if (state.size() != 1) return damaged;
  for (int field = kStateField + 1; field < kStartField; ++field)
    take_word(text);
  const auto start = parse_number<std::uint64_t>(take_word(text));
  if (!start) return damaged;
  return ProcessStat{state.front(), *start};
}

Result<ProcessIdentity> identity_of(pid_t pid) {
  REPRIEVE_TRY(const ProcessStat stat, read_stat(pid));
  return ProcessIdentity{pid, stat.start_ticks, boot_id()};
}

ProcessIdentity own_identity() {
  auto identity = identity_of(::getpid());
  return identity ? *std::move(identity) : ProcessIdentity{::getpid(), 0, "unknown"};
}

std::string ProcessIdentity::text() const {
  return std::to_string(pid) + " " + std::to_string(start_ticks) + " " + boot_id;
}

std::optional<ProcessIdentity> ProcessIdentity::parse(std::string_view text) {
  const auto pid = parse_number<pid_t>(take_word(text));
  const auto start = parse_number<std::uint64_t>(take_word(text));
  // 36 characters of a UUID, or "unknown".
  if (!pid || *pid <= 0 || !start || text.empty() || text.size() > 36) return std::nullopt;
  return ProcessIdentity{*pid, *start, std::string{text}};
}

bool ProcessIdentity::is_alive() const {
  if (boot_id != io::boot_id()) return false;
  const auto stat = read_stat(pid);
  return stat && stat->start_ticks == start_ticks && stat->state != 'Z' && stat->state != 'X';
}

Result<> ProcessIdentity::signal(int number) const {
  // The descriptor holds on to the process, so that its number cannot change hands between the
  // look at its start time and the signal.
  const FileHandle handle{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};
  if (!is_alive())
    return Error{ErrorKind::kNotFound, "process " + std::to_string(pid) + ": has ended"};
  const bool has_failed =
      handle.is_open() ? ::syscall(SYS_pidfd_send_signal, handle.fd(), number, nullptr, 0U) != 0
                       : ::kill(pid, number) != 0;
  if (has_failed) return error_from_errno(errno, "signal process " + std::to_string(pid));
  return kOk;
}

}  // namespace reprieve::io
