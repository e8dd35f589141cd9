#include "backup/repository_sink.hpp"

#include <algorithm>
#include <cstring>

#include "tree/tree_codec.hpp"

namespace reprieve::backup {
namespace {

using repository::ChunkType;

/// A window over a reader, large enough that a cut can always be decided inside it.
class Window {
 public:
  Window(ByteReader& reader, std::size_t chunk_max) : reader_{reader} {
    // Twice the largest chunk, so that the rest is moved to the front once per chunk at most. One
    // buffer per thread: a new one for each small file would cost its page faults.
    if (shared_buffer.size() < 2 * chunk_max) shared_buffer.resize(2 * chunk_max);
  }

  /// Makes at least `wanted` bytes visible, or all that are left.
  Result<> fill(std::size_t wanted) {
    if (end_ - begin_ >= wanted || is_at_end_) return kOk;
    if (begin_ + wanted > shared_buffer.size()) {
      std::memmove(shared_buffer.data(), shared_buffer.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    while (end_ - begin_ < wanted && !is_at_end_) {
      REPRIEVE_TRY(const std::size_t got,
                   reader_.read(MutableByteView{shared_buffer}.subspan(end_)));
      end_ += got;
      is_at_end_ = got == 0;
    }
    return kOk;
  }
  [[nodiscard]] ByteView visible() const {
    return ByteView{shared_buffer}.subspan(begin_, end_ - begin_);
  }
  [[nodiscard]] bool is_at_end() const { return is_at_end_; }
  void consume(std::size_t count) { begin_ += count; }

 private:
  ByteReader& reader_;
  static thread_local Bytes shared_buffer;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool is_at_end_ = false;
};

thread_local Bytes Window::shared_buffer;

}  // namespace

RepositorySink::RepositorySink(repository::WriteSession& session, Progress& progress,
                               const CancelToken& cancel)
    : session_{session},
      chunker_{session.gear_table(), session.chunker_parameters()},
      progress_{progress},
      cancel_{cancel} {}

Result<Content> RepositorySink::put_content(ByteReader& reader, Chunking chunking) {
  const auto& parameters = session_.chunker_parameters();
  const std::size_t wanted =
      chunking == Chunking::kPages ? parameters.page_bytes : parameters.max_bytes;
  Window window{reader, parameters.max_bytes};
  Content content;
  content.chunking = chunking;
  while (true) {
    REPRIEVE_RETURN_IF_ERROR(cancel_.check());
    REPRIEVE_RETURN_IF_ERROR(window.fill(wanted));
    const ByteView visible = window.visible();
    if (visible.empty()) break;
    if (content.size == 0 && window.is_at_end() && visible.size() <= Content::kInlineMax) {
      content.size = visible.size();
      content.inline_bytes = copy_of(visible);
      return content;
    }
    const std::size_t length = chunking == Chunking::kPages ? std::min(wanted, visible.size())
                                                            : chunker_.next_cut(visible);
    REPRIEVE_TRY(const ChunkId id, session_.put(ChunkType::kData, visible.first(length)));
    content.chunks.push_back({id, static_cast<std::uint32_t>(length)});
    content.size += length;
    window.consume(length);
  }
  if (content.chunks.size() > Content::kContentChunksMax) {
    REPRIEVE_TRY(content.list, put_list(std::move(content.chunks)));
    content.chunks.clear();
  }
  return content;
}

Result<ListRef> RepositorySink::put_list(std::vector<ChunkRef> children) {
  ListRef root;
  do {
    std::vector<ChunkRef> above;
    for (std::size_t at = 0; at < children.size(); at += kListChildrenMax) {
      const auto part =
          std::span{children}.subspan(at, std::min(kListChildrenMax, children.size() - at));
      std::vector<ChunkId> ids;
      ids.reserve(part.size());
      for (const ChunkRef& child : part)
        ids.push_back(child.id);
      const Bytes encoded = encode_list(part);
      REPRIEVE_TRY(const ChunkId id, session_.put(ChunkType::kList, encoded, ids));
      above.push_back({id, static_cast<std::uint32_t>(part.size())});
    }
    ++root.depth;
    children = std::move(above);
  } while (children.size() > 1);
  root.id = children.front().id;
  return root;
}

Result<ListRef> RepositorySink::put_directory(std::vector<Entry> entries) {
  std::ranges::sort(entries, {}, &Entry::name);
  std::vector<ChunkRef> parts;
  std::span<const Entry> rest{entries};
  for (const std::size_t count : split_tree(entries)) {
    Tree part{{rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count)}};
    rest = rest.subspan(count);
    const Bytes encoded = encode_tree(part.entries);
    REPRIEVE_TRY(const ChunkId id, session_.put(ChunkType::kTree, encoded, children_of(part)));
    parts.push_back({id, static_cast<std::uint32_t>(count)});
  }
  if (parts.size() == 1) return ListRef{parts.front().id, 0};
  return put_list(std::move(parts));
}

bool RepositorySink::has(const Content& content) {
  if (content.list) return session_.has(content.list->id);
  return std::ranges::all_of(content.chunks,
                             [&](const ChunkRef& chunk) { return session_.has(chunk.id); });
}

bool RepositorySink::has(const ListRef& stored) {
  return session_.has(stored.id);
}

void RepositorySink::report(Problem problem) {
  const std::lock_guard lock{mutex_};
  problems_.push_back(std::move(problem));
}

}  // namespace reprieve::backup
