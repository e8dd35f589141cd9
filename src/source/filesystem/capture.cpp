#include "source/filesystem/capture.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "source/filesystem/internal/walker.hpp"

namespace reprieve {
namespace {

using filesystem::FileCache;
using filesystem::FileCacheWriter;

// Raised when what a record means changes.
constexpr std::string_view kCacheVersion = "filesystem cache 1";
// The coarsest tick of a file's clock that is met: FAT's two seconds.
constexpr std::int64_t kTickSeconds = 2;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

Result<std::vector<std::string>> absolute_paths(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    if (path.empty() || path.find('\0') != std::string::npos)
      return Error{ErrorKind::kInvalid, "capture: a path is empty or holds a NUL byte"};
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(path, error);
    if (error) return error_from_errno(error.value(), "capture " + path);
    std::string normal = absolute.lexically_normal().native();
    while (normal.size() > 1 && normal.ends_with('/'))
      normal.pop_back();
    if (normal.starts_with("//")) normal.erase(0, 1);
    out.push_back(std::move(normal));
  }
  std::ranges::sort(out);
  const auto repeats = std::ranges::unique(out);
  out.erase(repeats.begin(), repeats.end());
  if (out.empty()) return Error{ErrorKind::kInvalid, "capture: no path was given"};
  return out;
}

/// Other paths, or another user who may see other attributes: another cache.
std::uint64_t options_hash(const std::vector<std::string>& paths) {
  std::uint64_t hash = filesystem::hash_of_child(::geteuid(), kCacheVersion);
  for (const std::string& path : paths)
    hash = filesystem::hash_of_child(hash, path);
  return hash;
}

FileTime trusted_before(Instant start) {
  const std::int64_t seconds = start.nanoseconds / kNanosecondsPerSecond;
  return {seconds - kTickSeconds, 0};
}

}  // namespace

FilesystemSource::FilesystemSource(CaptureOptions options, Clock& clock)
    : options_{std::move(options)}, clock_{clock} {}

Result<std::vector<Entry>> FilesystemSource::capture(CaptureSink& sink) {
  REPRIEVE_TRY(const std::vector<std::string> roots, absolute_paths(options_.paths));
  filesystem::WalkOptions walk;
  REPRIEVE_TRY(walk.exclude, filesystem::ExcludeRules::parse(options_.exclude));
  walk.one_file_system = options_.one_file_system;
  walk.honour_cachedir_tag = options_.honour_cachedir_tag;
  walk.threads =
      options_.threads != 0 ? options_.threads : std::max(2U, std::thread::hardware_concurrency());
  walk.trusted_before = trusted_before(clock_.now());

  const std::uint64_t hash = options_hash(roots);
  if (!options_.cache_path.empty()) FileCacheWriter::adopt_remains(options_.cache_path, hash);
  const FileCache cache{options_.cache_path, hash};
  std::optional<FileCacheWriter> writer;
  if (!options_.cache_path.empty())
    writer.emplace(options_.cache_path, hash, cache,
                   filesystem::Checkpoints{clock_, options_.checkpoint_interval});
  sink.progress().files_total = cache.totals().files;
  sink.progress().bytes_total = cache.totals().bytes;

  filesystem::Walker walker{sink, std::move(walk), cache, writer ? &*writer : nullptr};
  auto entries = walker.run(roots);
  if (writer) {
    ignore_error(writer->commit(
                     entries ? FileCacheWriter::Run::kComplete : FileCacheWriter::Run::kInterrupted,
                     walker.totals()),
                 "without a new cache the next run only takes longer");
  }
  return entries;
}

}  // namespace reprieve
