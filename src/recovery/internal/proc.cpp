#include "recovery/internal/proc.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <utility>

#include "io/directory.hpp"
#include "io/file.hpp"

namespace reprieve::recovery {
namespace {

constexpr ByteCount kProcFileMax{4UL << 20U};
constexpr std::size_t kUsersMax = 10;
/// Between the start of a process and its writing of the file the clocks round.
constexpr std::int64_t kPidFileSlackSeconds = 2;

std::optional<pid_t> number_in(std::string_view text) {
  pid_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || number <= 0) return std::nullopt;
  return number;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  const auto names = io::list_dir("/proc");
  if (!names) return pids;
  for (const std::string& name : *names) {
    const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
    if (const auto pid = is_number ? number_in(name) : std::nullopt) pids.push_back(*pid);
  }
  return pids;
}

/// Seconds since 1970 at which the process began; rounded down.
std::optional<std::int64_t> began_at(const io::ProcessIdentity& process) {
  const auto stat = io::read_text_file("/proc/stat", kProcFileMax);
  const std::size_t at = stat ? stat->find("\nbtime ") : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  const auto boot = number_in(std::string_view{*stat}.substr(at + 7));
  const long ticks_per_second = ::sysconf(_SC_CLK_TCK);
  if (!boot || ticks_per_second <= 0) return std::nullopt;
  return std::int64_t{*boot} +
         static_cast<std::int64_t>(process.start_ticks /
                                   static_cast<std::uint64_t>(ticks_per_second));
}

std::string link_target(const std::string& path) {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t size = ::readlink(path.c_str(), buffer.data(), buffer.size());
  return size <= 0 ? std::string{} : std::string{buffer.data(), static_cast<std::size_t>(size)};
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool uses(pid_t pid, const std::string& folder) {
  const std::string base = fmt::format("/proc/{}/", pid);
  for (const char* const name : {"cwd", "root"})
    if (is_below(link_target(base + name), folder)) return true;
  const auto descriptors = io::list_dir(base + "fd");
  return descriptors && std::ranges::any_of(*descriptors, [&](const std::string& fd) {
           return is_below(link_target(base + "fd/" + fd), folder);
         });
}

std::string real_path(const std::string& path) {
  std::array<char, PATH_MAX> buffer{};
  return ::realpath(path.c_str(), buffer.data()) == nullptr ? path : std::string{buffer.data()};
}

/// How well a command line (/proc/PID/cmdline) fits: 2 exactly, 1 at its end, 0 not.
int fit(std::string cmdline, const std::string& wanted) {
  while (!cmdline.empty() && cmdline.back() == '\0')
    cmdline.pop_back();
  std::ranges::replace(cmdline, '\0', ' ');
  if (cmdline == wanted) return 2;
  // Our own shim carries the same words, and is not the program.
  if (cmdline.find(" shim --dir ") != std::string::npos) return 0;
  return cmdline.ends_with(" " + wanted) ? 1 : 0;
}

}  // namespace

std::optional<io::ProcessIdentity> process_of_pid_file(const std::string& path) {
  const auto text = io::read_text_file(path, kProcFileMax);
  struct ::stat status {};
  if (!text || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  const std::size_t begin = text->find_first_not_of(" \t");
  if (begin == std::string::npos) return std::nullopt;
  const auto pid = number_in(std::string_view{*text}.substr(begin));
  if (!pid) return std::nullopt;
  const auto process = io::identity_of(*pid);
  if (!process || !process->is_alive()) return std::nullopt;
  const auto began = began_at(*process);
  if (began && *began > status.st_mtim.tv_sec + kPidFileSlackSeconds) return std::nullopt;
  return *process;
}

std::optional<io::ProcessIdentity> process_with_arguments(const std::vector<std::string>& argv) {
  std::string wanted;
  for (const std::string& word : argv)
    wanted += (wanted.empty() ? "" : " ") + word;
  std::optional<io::ProcessIdentity> best;
  int best_fit = 0;
  for (const pid_t pid : all_processes()) {
    if (pid == ::getpid()) continue;
    const auto cmdline = io::read_text_file(fmt::format("/proc/{}/cmdline", pid), kProcFileMax);
    const int this_fit = cmdline ? fit(*cmdline, wanted) : 0;
    if (this_fit == 0 || this_fit < best_fit) continue;
    const auto process = io::identity_of(pid);
    if (!process || !process->is_alive()) continue;
    // Of those at the end of a line the youngest is the innermost; of exact ones the eldest is the
    // program, and the others are its forks.
    const bool is_better = !best || this_fit > best_fit ||
                           (this_fit == 1) == (process->start_ticks > best->start_ticks);
    if (!is_better) continue;
    best = *process;
    best_fit = this_fit;
  }
  return best;
}

std::vector<std::string> processes_using(const std::string& path) {
  const std::string folder = real_path(path);
  std::vector<std::string> users;
  for (const pid_t pid : all_processes()) {
    if (users.size() >= kUsersMax) break;
    if (pid == ::getpid() || !uses(pid, folder)) continue;
    auto name = io::read_text_file(fmt::format("/proc/{}/comm", pid), kProcFileMax);
    if (name && name->ends_with('\n')) name->pop_back();
    users.push_back(fmt::format("{} {}", pid, name ? *name : "?"));
  }
  return users;
}

bool names_mount_point(std::string_view line, std::string_view path) {
  // "36 35 98:0 /root /mount/point rw ...": the fifth word, with spaces and the like as \ooo.
  for (int word = 0; word < 4; ++word) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return false;
    line.remove_prefix(space + 1);
  }
  const std::string_view escaped = line.substr(0, line.find(' '));
  std::string point;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    int code = 0;
    const auto digits = escaped.substr(i + 1, 3);
    const bool is_escape =
        escaped[i] == '\\' && digits.size() == 3 &&
        std::from_chars(digits.data(), digits.data() + 3, code, 8).ptr == digits.data() + 3;
    point += is_escape ? static_cast<char>(code) : escaped[i];
    if (is_escape) i += 3;
  }
  return point == path;
}

bool is_mount_point(const std::string& path) {
  const std::string parent = real_path(io::parent_of(path));
  const std::string real = (parent == "/" ? "" : parent) + "/" + io::name_in(path);
  const auto mounts = io::read_text_file("/proc/self/mountinfo", kProcFileMax);
  if (!mounts) return false;
  std::string_view rest = *mounts;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (names_mount_point(rest.substr(0, end), real)) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

}  // namespace reprieve::recovery
