#include "backup/verify_point.hpp"

#include <algorithm>
#include <mutex>

namespace reprieve::backup {
namespace {

// Requests are handed over in batches: enough to find neighbours in a pack, few enough for memory.
constexpr std::size_t kBatchChunks = 16 * 1024;

class PointChecker {
 public:
  using IsLost = std::function<bool(const ChunkId&)>;

  PointChecker(RestoreReader& reader, bool is_reading_data, IsLost is_lost = {})
      : reader_{reader}, is_reading_data_{is_reading_data}, is_lost_{std::move(is_lost)} {}

  Result<> walk(const std::string& path, const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
      const std::string here = path.empty() ? entry.name : path + "/" + entry.name;
      if (entry.type == EntryType::kFile) {
        REPRIEVE_RETURN_IF_ERROR(file(here, entry));
      } else if (entry.type == EntryType::kDirectory) {
        REPRIEVE_RETURN_IF_ERROR(directory(here, entry));
      }
    }
    return kOk;
  }

  Result<> flush() {
    const auto deliver = [&](const RestoreReader::Request&, ByteView plaintext) -> Result<> {
      reader_.progress().bytes += plaintext.size();
      return kOk;
    };
    const auto missing = [&](const RestoreReader::Request& request,
                             const Error& error) -> Result<> {
      const std::lock_guard lock{mutex_};
      damage(paths_[request.tag], error);
      return kOk;
    };
    REPRIEVE_RETURN_IF_ERROR(reader_.fetch(batch_, deliver, missing));
    batch_.clear();
    paths_.clear();
    return kOk;
  }

  PointCheck take() && { return std::move(result_); }

 private:
  Result<> file(const std::string& path, const Entry& entry) {
    ++result_.files;
    ++reader_.progress().files;
    result_.bytes += entry.content.size;
    auto chunks = reader_.chunks_of(entry.content);
    if (!chunks) return note(path, std::move(chunks).error());
    result_.chunks += chunks->size();
    if (is_lost_) {
      const auto lost =
          std::ranges::count_if(*chunks, [&](const ChunkRef& chunk) { return is_lost_(chunk.id); });
      if (lost > 0)
        damage(path,
               Error{ErrorKind::kCorrupt, std::to_string(lost) + " of its " +
                                              std::to_string(chunks->size()) + " chunks are lost"});
    }
    if (!is_reading_data_ || chunks->empty()) return kOk;
    for (const ChunkRef& chunk : *chunks)
      batch_.push_back({chunk, paths_.size(), 0});
    paths_.push_back(path);
    return batch_.size() < kBatchChunks ? Result<>{kOk} : flush();
  }

  Result<> directory(const std::string& path, const Entry& entry) {
    ++result_.directories;
    ++reader_.progress().directories;
    if (!entry.directory) return kOk;
    auto children = reader_.read_directory(*entry.directory);
    if (!children) return note(path, std::move(children).error());
    return walk(path, *children);
  }

  /// Damage goes into the result; what is no damage (cancelled, no permission) ends the check.
  Result<> note(const std::string& path, Error error) {
    if (error.kind != ErrorKind::kCorrupt && error.kind != ErrorKind::kNotFound) return error;
    damage(path, error);
    return kOk;
  }
  void damage(const std::string& path, const Error& error) {
    result_.damages.push_back({Problem::Kind::kUnreadable, path, error.what});
  }

  RestoreReader& reader_;
  const bool is_reading_data_;
  const IsLost is_lost_;
  std::vector<RestoreReader::Request> batch_;
  std::vector<std::string> paths_;
  std::mutex mutex_;
  PointCheck result_;
};

}  // namespace

Result<PointCheck> check_point(RestoreReader& reader, const std::vector<Entry>& roots,
                               bool is_reading_data) {
  PointChecker checker{reader, is_reading_data};
  REPRIEVE_RETURN_IF_ERROR(checker.walk("", roots));
  REPRIEVE_RETURN_IF_ERROR(checker.flush());
  return std::move(checker).take();
}

Result<PointCheck> find_losses(RestoreReader& reader, const std::vector<Entry>& roots,
                               const std::function<bool(const ChunkId&)>& is_lost) {
  PointChecker checker{reader, false, is_lost};
  REPRIEVE_RETURN_IF_ERROR(checker.walk("", roots));
  return std::move(checker).take();
}

}  // namespace reprieve::backup
