#include "source/postgresql/internal/cluster_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <thread>

#include "source/postgresql/backup_label.hpp"
#include "source/postgresql/tar.hpp"

namespace reprieve {
namespace {

/// Bounds of a batch: open files, chunks asked for at once.
constexpr std::size_t kBatchFiles = 256;
constexpr std::size_t kBatchRequests = 16 * 1024;
/// PGDATA is at most base/OID/file deep; extensions add little.
constexpr std::size_t kDepthMax = 64;

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt, std::move(what)};
}

Result<> check_name(const Entry& entry, const std::string& shown) {
  if (entry.name.find('/') != std::string::npos || !is_safe_relative_path(entry.name))
    return corrupt("in " + shown + ": an entry has an unsafe name");
  return kOk;
}

/// Links to tablespaces are made anew from tablespace_map, others do not occur.
bool is_tablespace_link(const std::string& path, const Entry& entry) {
  return entry.type == EntryType::kSymlink && path == "pg_tblspc/" + entry.name &&
         parse_oid(entry.name).has_value();
}

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "/" + name;
}

}  // namespace

Result<std::vector<RestoreReader::Request>> requests_for(RestoreReader& reader,
                                                         const Content& content,
                                                         std::uint64_t tag) {
  std::vector<RestoreReader::Request> requests;
  if (content.chunks.empty() && !content.list) {
    if (!content.holes.empty() || content.inline_bytes.size() != content.size)
      return corrupt("a content's length is wrong");
    return requests;
  }
  if (!content.holes.empty()) return corrupt("a database file has holes");
  REPRIEVE_TRY(const auto chunks, reader.chunks_of(content));
  std::uint64_t offset = 0;
  requests.reserve(chunks.size());
  for (const ChunkRef& chunk : chunks) {
    if (chunk.length > content.size - offset) return corrupt("a content's length is wrong");
    requests.push_back({chunk, tag, offset});
    offset += chunk.length;
  }
  if (offset != content.size) return corrupt("a content's length is wrong");
  return requests;
}

ClusterWriter::ClusterWriter(RestoreReader& reader, std::optional<FileOwner> owner, Writing writing)
    : reader_{reader}, owner_{owner}, writing_{writing} {}

Result<> ClusterWriter::give_away(int fd) const {
  if (owner_ && ::fchown(fd, owner_->uid, owner_->gid) != 0)
    return error_from_errno(errno, "changing a restored file's owner");
  return kOk;
}

Result<io::Directory> ClusterWriter::find_folder(const io::Directory& parent,
                                                 const std::string& name) {
  ++directories_;
  if (!parent.is_open()) return io::Directory{};
  auto folder = parent.open_directory(name);
  // What is in the way of a folder would be removed by then.
  if (!folder &&
      (folder.error().kind == ErrorKind::kNotFound || folder.error().kind == ErrorKind::kInvalid))
    return io::Directory{};
  return folder;
}

Result<io::Directory> ClusterWriter::make_folder(const io::Directory& parent,
                                                 const std::string& name, mode_t mode) {
  if (writing_ == Writing::kDryDelta) return find_folder(parent, name);
  const auto made = parent.make_directory(name, 0700);
  if (!made && made.error().kind != ErrorKind::kConflict) return made.error();
  REPRIEVE_TRY(io::Directory folder, parent.open_directory(name));
  // The server must be able to work in it, whatever the record says.
  if (::fchmod(folder.fd(), (mode & 0777U) | 0700U) != 0)
    return error_from_errno(errno, name + ": setting its mode");
  REPRIEVE_RETURN_IF_ERROR(give_away(folder.fd()));
  ++directories_;
  reader_.progress().directories += 1;
  return folder;
}

Result<> ClusterWriter::write_tree(const io::Directory& folder, const std::string& shown,
                                   const ListRef& tree, const std::set<std::string>& left_out) {
  return write_level(folder, shown, "", tree, left_out);
}

Result<> ClusterWriter::write_level(const io::Directory& folder, const std::string& shown,
                                    const std::string& path, const ListRef& tree,
                                    const std::set<std::string>& left_out) {
  if (static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) > kDepthMax)
    return corrupt(shown + ": nested too deep");
  REPRIEVE_TRY(const auto entries, reader_.read_directory(tree));
  for (const Entry& entry : entries) {
    REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
    REPRIEVE_RETURN_IF_ERROR(check_name(entry, shown));
    if (left_out.contains(join(path, entry.name))) continue;
    REPRIEVE_RETURN_IF_ERROR(write_entry(folder, shown, path, entry, left_out));
  }
  return kOk;
}

Result<> ClusterWriter::write_entry(const io::Directory& folder, const std::string& shown,
                                    const std::string& path, const Entry& entry,
                                    const std::set<std::string>& left_out) {
  const std::string inner = join(path, entry.name);
  if (entry.type == EntryType::kFile) return write_file(folder, shown, entry);
  if (entry.type == EntryType::kDirectory && entry.directory) {
    REPRIEVE_TRY(const io::Directory child, make_folder(folder, entry.name, entry.mode));
    return write_level(child, shown + "/" + entry.name, inner, *entry.directory, left_out);
  }
  if (is_tablespace_link(inner, entry)) return kOk;
  return corrupt(shown + "/" + entry.name + " is nothing that a cluster consists of");
}

/// What is there under the name, or else a new file.
Result<> ClusterWriter::open_target(const io::Directory& folder, const Entry& entry,
                                    OpenFile& target) {
  const bool is_dry = writing_ == Writing::kDryDelta;
  if (writing_ != Writing::kAnew && folder.is_open()) {
    REPRIEVE_TRY(target.present,
                 open_present(folder, entry.name, is_dry ? PresentUse::kRead : PresentUse::kWrite));
  }
  if (is_dry) return kOk;
  if (!target.present) {
    REPRIEVE_TRY(target.file,
                 folder.open_file(entry.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  }
  if (::fchmod(target.handle().fd(), (entry.mode & 0777U) | 0600U) != 0)
    return error_from_errno(errno, target.shown + ": setting its mode");
  return give_away(target.handle().fd());
}

Result<> ClusterWriter::write_file(const io::Directory& folder, const std::string& shown,
                                   const Entry& entry) {
  OpenFile target;
  target.shown = shown + "/" + entry.name;
  if (entry.is_incomplete)
    return corrupt(target.shown + " could not be read when it was backed up");
  REPRIEVE_RETURN_IF_ERROR(open_target(folder, entry, target));
  auto requests = requests_for(reader_, entry.content, open_.size());
  if (!requests) return std::move(requests).error().at(target.shown);
  target.requests = *std::move(requests);
  target.modified = entry.modified;
  target.size = entry.content.size;
  target.inline_bytes = entry.content.inline_bytes;
  requests_ += target.requests.size();
  open_.push_back(std::move(target));
  ++files_;
  bytes_ += entry.content.size;
  if (open_.size() >= kBatchFiles || requests_ >= kBatchRequests) return flush();
  return kOk;
}

Result<> ClusterWriter::flush() {
  REPRIEVE_RETURN_IF_ERROR(compare_batch());
  std::vector<RestoreReader::Request> requests;
  REPRIEVE_RETURN_IF_ERROR(prepare_batch(requests));
  if (!requests.empty()) REPRIEVE_RETURN_IF_ERROR(fetch_batch(requests));
  REPRIEVE_RETURN_IF_ERROR(close_batch());
  if (lost_.empty()) return kOk;
  for (const std::string& shown : lost_)
    reader_.report({Problem::Kind::kUnreadable, shown, "its data is damaged in the repository"});
  const std::string count = std::to_string(lost_.size());
  return Error{ErrorKind::kCorrupt,
               count + " files are damaged in the repository, " + *lost_.begin() + " first",
               "Run `reprieve repo repair`, or restore another recovery point."};
}

/// Reading and hashing what is there is most of a delta's work: all cores take part.
Result<> ClusterWriter::compare_batch() {
  if (std::ranges::none_of(open_, [](const OpenFile& file) { return file.present.has_value(); }))
    return kOk;
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  Result<> first_error = kOk;
  const auto work = [&] {
    for (std::size_t i = next++; i < open_.size(); i = next++) {
      OpenFile& target = open_[i];
      if (!target.present) continue;
      auto parts = find_present(reader_, *target.present, target.inline_bytes, target.requests);
      if (parts) {
        target.parts = *parts;
        continue;
      }
      const std::lock_guard lock{mutex};
      if (first_error) first_error = std::move(parts).error().at(target.shown);
      next = open_.size();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::max(2U, std::thread::hardware_concurrency()); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread& thread : threads)
    thread.join();
  return first_error;
}

/// Gives each file its length and the bytes that are at hand, and tells what is to be brought.
Result<> ClusterWriter::prepare_batch(std::vector<RestoreReader::Request>& requests) {
  Progress& progress = reader_.progress();
  const bool is_dry = writing_ == Writing::kDryDelta;
  for (const OpenFile& target : open_) {
    progress.bytes += target.parts.bytes;
    progress.bytes_unchanged += target.parts.bytes;
    if (target.parts.is_whole) {
      ++files_unchanged_;
      ++progress.files_unchanged;
      continue;
    }
    bytes_written_ += target.size - target.parts.bytes;
    bytes_kept_ += target.parts.bytes;
    if (is_dry) {
      progress.bytes += target.size - target.parts.bytes;
      continue;
    }
    if (target.present && ::ftruncate(target.handle().fd(), static_cast<off_t>(target.size)) != 0)
      return error_from_errno(errno, target.shown + ": setting its length");
    if (auto written = io::pwrite_all(target.handle(), target.inline_bytes, {0}); !written)
      return std::move(written).error().at(target.shown);
    progress.bytes += target.inline_bytes.size();
    requests.insert(requests.end(), target.requests.begin(), target.requests.end());
  }
  return kOk;
}

Result<> ClusterWriter::fetch_batch(const std::vector<RestoreReader::Request>& requests) {
  const auto deliver = [this](const RestoreReader::Request& request, ByteView bytes) -> Result<> {
    const OpenFile& target = open_[static_cast<std::size_t>(request.tag)];
    if (auto written = io::pwrite_all(target.handle(), bytes, {request.offset}); !written)
      return std::move(written).error().at(target.shown);
    reader_.progress().bytes += bytes.size();
    return kOk;
  };
  // What is lost is lost, but all of it is to be named: the operator has to choose what to do next.
  const auto missing = [this](const RestoreReader::Request& request, const Error&) -> Result<> {
    const std::lock_guard lock{mutex_};
    lost_.insert(open_[static_cast<std::size_t>(request.tag)].shown);
    return kOk;
  };
  return reader_.fetch(requests, deliver, missing);
}

Result<> ClusterWriter::close_batch() {
  for (OpenFile& target : open_) {
    if (writing_ == Writing::kDryDelta) continue;
    const std::array<timespec, 2> times{
        timespec{0, UTIME_OMIT},
        timespec{target.modified.seconds, static_cast<long>(target.modified.nanoseconds)}};
    if (::futimens(target.handle().fd(), times.data()) != 0)
      return error_from_errno(errno, target.shown + ": setting its time");
    io::FileHandle& file = target.present ? target.present->file : target.file;
    if (auto closed = file.close(); !closed) return std::move(closed).error().at(target.shown);
  }
  reader_.progress().files += open_.size();
  open_.clear();
  requests_ = 0;
  return kOk;
}

Result<TreeSize> measure_tree(RestoreReader& reader, const ListRef& tree) {
  TreeSize size;
  std::vector<ListRef> waiting{tree};
  while (!waiting.empty()) {
    REPRIEVE_RETURN_IF_ERROR(reader.cancel().check());
    const ListRef next = waiting.back();
    waiting.pop_back();
    REPRIEVE_TRY(const auto entries, reader.read_directory(next));
    for (const Entry& entry : entries) {
      REPRIEVE_RETURN_IF_ERROR(check_name(entry, "the recovery point"));
      if (entry.type == EntryType::kFile) {
        ++size.files;
        size.bytes += entry.content.size;
      } else if (entry.type == EntryType::kDirectory && entry.directory) {
        ++size.directories;
        waiting.push_back(*entry.directory);
      }
    }
  }
  return size;
}

}  // namespace reprieve
