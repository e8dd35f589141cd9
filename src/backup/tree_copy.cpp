#include "backup/tree_copy.hpp"

#include <algorithm>
#include <cstring>

#include "tree/tree_codec.hpp"

namespace reprieve::backup {
namespace {

/// Read in one go: so much of a large file, or so many small ones.
constexpr std::uint64_t kBatchBytes = 16 * 1024 * 1024;

/// Brings chunks that stand one after the other into `out`, at their offsets.
Result<> fetch_into(RestoreReader& from, std::span<const RestoreReader::Request> requests,
                    MutableByteView out) {
  return from.fetch(
      requests,
      [&](const RestoreReader::Request& request, ByteView bytes) -> Result<> {
        if (bytes.size() != request.chunk.length)
          return Error{ErrorKind::kCorrupt, "a chunk has another length than its file says"};
        std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(request.offset));
        return kOk;
      },
      [](const RestoreReader::Request&, const Error& why) -> Result<> { return Error{why}; });
}

/// A content of any length, a batch at a time.
class ContentReader : public ByteReader {
 public:
  ContentReader(RestoreReader& from, std::vector<ChunkRef> chunks)
      : from_{from}, chunks_{std::move(chunks)} {}

  Result<std::size_t> read(MutableByteView out) override {
    if (at_ == buffer_.size()) REPRIEVE_RETURN_IF_ERROR(fill());
    const std::size_t size = std::min(out.size(), buffer_.size() - at_);
    if (size != 0) std::memcpy(out.data(), buffer_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  Result<> fill() {
    std::vector<RestoreReader::Request> requests;
    std::uint64_t bytes = 0;
    for (; next_ < chunks_.size(); ++next_) {
      const ChunkRef& chunk = chunks_[next_];
      if (!requests.empty() && bytes + chunk.length > kBatchBytes) break;
      requests.push_back({chunk, 0, bytes});
      bytes += chunk.length;
    }
    at_ = 0;
    buffer_.resize(static_cast<std::size_t>(bytes));
    return requests.empty() ? Result<>{kOk} : fetch_into(from_, requests, buffer_);
  }

  RestoreReader& from_;
  const std::vector<ChunkRef> chunks_;
  std::size_t next_ = 0;
  Bytes buffer_;
  std::size_t at_ = 0;
};

class ViewReader : public ByteReader {
 public:
  explicit ViewReader(ByteView bytes) : rest_{bytes} {}
  Result<std::size_t> read(MutableByteView out) override {
    const std::size_t size = std::min(out.size(), rest_.size());
    if (size != 0) std::memcpy(out.data(), rest_.data(), size);
    rest_ = rest_.subspan(size);
    return size;
  }

 private:
  ByteView rest_;
};

/// A directory on the way from the root to where the copy is.
struct Level {
  std::vector<Entry> entries;   // Directories that are done have their copy's tree already.
  std::vector<Entry> original;  // The same directory in what was copied before,
  std::vector<Entry> copy;      // and in its copy; empty if there is none.
  std::size_t next = 0;
};

class TreeCopy {
 public:
  TreeCopy(RestoreReader& from, RestoreReader* copies, CaptureSink& sink)
      : from_{from}, copies_{copies}, sink_{sink} {}

  Result<ListRef> run(Level root) {
    levels_.push_back(std::move(root));
    while (true) {
      REPRIEVE_RETURN_IF_ERROR(sink_.cancel().check());
      Level& level = levels_.back();
      while (level.next < level.entries.size() && !level.entries[level.next].directory)
        ++level.next;
      if (level.next < level.entries.size()) {
        auto entered = enter(level);
        if (!entered) return std::move(entered).error();
        continue;
      }
      REPRIEVE_RETURN_IF_ERROR(copy_files(level));
      REPRIEVE_TRY(const ListRef stored, sink_.put_directory(std::move(level.entries)));
      levels_.pop_back();
      if (levels_.empty()) return stored;
      Level& above = levels_.back();
      above.entries[above.next++].directory = stored;
    }
  }

 private:
  /// Takes over the directory that is next, if its copy is there, or goes into it.
  Result<> enter(Level& level) {
    Entry& entry = level.entries[level.next];
    const Entry* original = find_name(level.original, entry.name);
    const Entry* copy = find_name(level.copy, entry.name);
    const bool has_both =
        original != nullptr && copy != nullptr && original->directory && copy->directory;
    if (has_both && original->directory == entry.directory && sink_.has(*copy->directory)) {
      entry.directory = copy->directory;
      ++level.next;
      return kOk;
    }
    Level below;
    auto entries = from_.read_directory(*entry.directory);
    if (!entries) return std::move(entries).error().at(path_of(entry));
    below.entries = *std::move(entries);
    if (has_both) {
      // What cannot be compared is read, no more.
      auto originals = from_.read_directory(*original->directory);
      auto copied = copies_->read_directory(*copy->directory);
      if (originals && copied) {
        below.original = *std::move(originals);
        below.copy = *std::move(copied);
      }
    }
    ++sink_.progress().directories;
    levels_.push_back(std::move(below));
    return kOk;
  }

  Result<> copy_files(Level& level) {
    std::vector<Entry*> batch;
    std::uint64_t bytes = 0;
    for (Entry& entry : level.entries) {
      if (entry.type == EntryType::kDirectory) continue;
      ++sink_.progress().files;
      sink_.progress().bytes += entry.content.size;
      const std::uint64_t stored = stored_size(entry.content);
      const bool is_here = entry.content.chunks.empty() && !entry.content.list;
      if (is_here || take_over(level, entry)) continue;
      if (stored > kBatchBytes) {
        auto chunks = from_.chunks_of(entry.content);
        if (!chunks) return std::move(chunks).error().at(path_of(entry));
        ContentReader reader{from_, *std::move(chunks)};
        REPRIEVE_RETURN_IF_ERROR(put(reader, entry));
        continue;
      }
      if (bytes + stored > kBatchBytes) {
        REPRIEVE_RETURN_IF_ERROR(copy_batch(batch));
        batch.clear();
        bytes = 0;
      }
      batch.push_back(&entry);
      bytes += stored;
    }
    return copy_batch(batch);
  }

  bool take_over(const Level& level, Entry& entry) {
    const Entry* original = find_name(level.original, entry.name);
    const Entry* copy = find_name(level.copy, entry.name);
    if (original == nullptr || copy == nullptr || original->content != entry.content ||
        copy->content.size != entry.content.size || !sink_.has(copy->content))
      return false;
    entry.content = copy->content;
    return true;
  }

  Result<> copy_batch(const std::vector<Entry*>& batch) {
    std::vector<RestoreReader::Request> requests;
    std::vector<std::uint64_t> begins;
    begins.reserve(batch.size() + 1);
    std::uint64_t bytes = 0;
    for (const Entry* entry : batch) {
      begins.push_back(bytes);
      auto chunks = from_.chunks_of(entry->content);
      if (!chunks) return std::move(chunks).error().at(path_of(*entry));
      for (const ChunkRef& chunk : *chunks) {
        requests.push_back({chunk, 0, bytes});
        bytes += chunk.length;
      }
    }
    begins.push_back(bytes);
    Bytes buffer(static_cast<std::size_t>(bytes));
    if (!requests.empty()) {
      auto fetched = fetch_into(from_, requests, buffer);
      if (!fetched) return std::move(fetched).error().at(path_of(*batch.front()) + " or near it");
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto begin = static_cast<std::size_t>(begins[i]);
      ViewReader reader{
          ByteView{buffer}.subspan(begin, static_cast<std::size_t>(begins[i + 1]) - begin)};
      REPRIEVE_RETURN_IF_ERROR(put(reader, *batch[i]));
    }
    return kOk;
  }

  Result<> put(ByteReader& reader, Entry& entry) {
    auto content = sink_.put_content(reader, entry.content.chunking);
    if (!content) return std::move(content).error().at(path_of(entry));
    entry.content.inline_bytes = std::move(content->inline_bytes);
    entry.content.chunks = std::move(content->chunks);
    entry.content.list = content->list;
    return kOk;
  }

  [[nodiscard]] std::string path_of(const Entry& entry) const {
    std::string path;
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
      path += levels_[i].entries[levels_[i].next].name;
      path += '/';
    }
    return path + entry.name;
  }

  RestoreReader& from_;
  RestoreReader* const copies_;
  CaptureSink& sink_;
  std::vector<Level> levels_;
};

}  // namespace

Result<ListRef> copy_tree(RestoreReader& from, std::vector<Entry> roots,
                          const std::optional<CopiedBefore>& before, CaptureSink& sink) {
  Level root;
  root.entries = std::move(roots);
  if (before) {
    root.original = before->original;
    root.copy = before->copy;
  }
  return TreeCopy{from, before ? &before->copies : nullptr, sink}.run(std::move(root));
}

}  // namespace reprieve::backup
