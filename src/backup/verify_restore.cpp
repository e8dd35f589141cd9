#include "backup/verify_restore.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "io/file.hpp"
#include "source/filesystem/restore.hpp"

namespace reprieve::backup {
namespace {

/// A file that was drawn, and what a person knows it by.
struct Drawn {
  std::string path;
  Entry entry;
};

/// Draws files while the trees are walked, so that never more than the sample is in memory.
class Draw {
 public:
  Draw(RestoreReader& reader, const RestoreSample& sample, SeededRandom& random,
       RestoreCheck& result)
      : reader_{reader}, sample_{sample}, random_{random}, result_{result} {}

  Result<> walk(const std::string& path, const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
      const std::string here = path.empty() ? entry.name : path + "/" + entry.name;
      if (entry.type == EntryType::kFile) {
        offer(here, entry);
      } else if (entry.directory) {
        auto children = reader_.read_directory(*entry.directory);
        if (children)
          REPRIEVE_RETURN_IF_ERROR(walk(here, *children));
        else
          REPRIEVE_RETURN_IF_ERROR(note(here, children.error()));
      }
    }
    return kOk;
  }

  /// In random order, cut to the limit of bytes.
  std::vector<Drawn> take() && {
    for (std::size_t i = drawn_.size(); i > 1; --i)
      std::swap(drawn_[i - 1], drawn_[random_.next() % i]);
    std::uint64_t left = sample_.bytes_max;
    std::erase_if(drawn_, [&](const Drawn& one) {
      const bool is_too_large = one.entry.content.size > left;
      if (!is_too_large) left -= one.entry.content.size;
      return is_too_large;
    });
    return std::move(drawn_);
  }

 private:
  void offer(const std::string& path, const Entry& entry) {
    // What could not be captured whole cannot come back whole.
    if (entry.is_incomplete || entry.content.size > sample_.bytes_max) return;
    const std::uint64_t number = result_.files_in_point++;
    if (drawn_.size() < sample_.files_max) {
      drawn_.push_back({path, entry});
    } else if (const std::uint64_t at = random_.next() % (number + 1); at < drawn_.size()) {
      drawn_[at] = {path, entry};
    }
  }

  Result<> note(const std::string& path, const Error& error) {
    if (error.kind != ErrorKind::kCorrupt && error.kind != ErrorKind::kNotFound) return error;
    result_.damages.push_back({Problem::Kind::kUnreadable, path, error.what});
    return kOk;
  }

  RestoreReader& reader_;
  const RestoreSample& sample_;
  SeededRandom& random_;
  RestoreCheck& result_;
  std::vector<Drawn> drawn_;
};

/// Nothing if the bytes on the disk are those that were captured; else what is wrong.
Result<std::string> compare_content(RestoreReader& reader, const std::string& path,
                                    const Content& content) {
  REPRIEVE_TRY(const io::FileHandle file, io::open_file(path, O_RDONLY));
  std::uint64_t at = 0;
  auto hole = content.holes.begin();
  Bytes bytes;
  // The next `length` stored bytes, across holes.
  const auto read_stored = [&](std::uint64_t length) -> Result<bool> {
    bytes.clear();
    while (bytes.size() < length) {
      if (hole != content.holes.end() && hole->offset == at) {
        at += hole++->length;
        continue;
      }
      const std::uint64_t end = hole == content.holes.end() ? content.size : hole->offset;
      const std::uint64_t wanted = std::min(length - bytes.size(), end - at);
      if (wanted == 0) return false;
      const std::size_t before = bytes.size();
      bytes.resize(before + wanted);
      REPRIEVE_RETURN_IF_ERROR(
          io::pread_exact(file, MutableByteView{bytes}.subspan(before), ByteOffset{at}));
      at += wanted;
    }
    return true;
  };
  if (!content.inline_bytes.empty()) {
    REPRIEVE_TRY(const bool is_read, read_stored(content.inline_bytes.size()));
    return std::string{is_read && bytes == content.inline_bytes ? "" : "its bytes differ"};
  }
  REPRIEVE_TRY(const auto chunks, reader.chunks_of(content));
  for (const ChunkRef& chunk : chunks) {
    REPRIEVE_RETURN_IF_ERROR(reader.cancel().check());
    REPRIEVE_TRY(const bool is_read, read_stored(chunk.length));
    if (!is_read || !reader.is_chunk(chunk.id, bytes)) return std::string{"its bytes differ"};
  }
  return std::string{};
}

Result<std::string> compare_file(RestoreReader& reader, const std::string& path,
                                 const Entry& entry) {
  struct ::stat status = {};
  if (::lstat(path.c_str(), &status) != 0) return std::string{"it did not come back"};
  if (!S_ISREG(status.st_mode)) return std::string{"it came back as something else"};
  if (static_cast<std::uint64_t>(status.st_size) != entry.content.size)
    return std::string{"its size differs"};
  // Setting bits that give rights takes rights; whoever lacks them was told by the restore.
  constexpr unsigned kPermissions = 0777;
  if ((status.st_mode & kPermissions) != (entry.mode & kPermissions))
    return std::string{"its mode differs"};
  if (status.st_mtim.tv_sec != entry.modified.seconds ||
      static_cast<std::uint64_t>(status.st_mtim.tv_nsec) != entry.modified.nanoseconds)
    return std::string{"its time differs"};
  return compare_content(reader, path, entry.content);
}

}  // namespace

Result<RestoreCheck> check_restore(RestoreReader& reader, const std::vector<Entry>& roots,
                                   const RestoreSample& sample, const std::string& folder,
                                   SeededRandom& random) {
  RestoreCheck result;
  Draw draw{reader, sample, random, result};
  REPRIEVE_RETURN_IF_ERROR(draw.walk("", roots));
  std::vector<Drawn> drawn = std::move(draw).take();
  if (drawn.empty()) return result;
  std::vector<Entry> files;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    Entry& entry = files.emplace_back(drawn[i].entry);
    entry.name = std::to_string(i);
    entry.link_group = 0;
  }
  std::ranges::sort(files, {}, &Entry::name);
  RestoreOptions options;
  options.target = folder;
  options.owners = RestoreOptions::Owners::kSkip;
  REPRIEVE_TRY([[maybe_unused]] const RestoreSummary summary,
               restore_files(reader, std::move(files), options));
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    REPRIEVE_TRY(const std::string difference,
                 compare_file(reader, folder + "/" + std::to_string(i), drawn[i].entry));
    ++result.files;
    result.bytes += drawn[i].entry.content.size;
    if (!difference.empty())
      result.damages.push_back(
          {Problem::Kind::kUnreadable, drawn[i].path, "a test restore failed: " + difference});
  }
  return result;
}

}  // namespace reprieve::backup
