#include "backup/repository_reader.hpp"

#include <algorithm>
#include <iterator>

#include "tree/tree_codec.hpp"

namespace reprieve::backup {
namespace {

using repository::ChunkType;

// A list of lists of lists holds 10^9 chunks: 1 PiB at the average size. Deeper is an attack.
constexpr unsigned kDepthMax = 4;

}  // namespace

RepositoryReader::RepositoryReader(const repository::Repository& repository, Progress& progress,
                                   const CancelToken& cancel)
    : chunks_{repository}, progress_{progress}, cancel_{cancel} {}

Result<std::vector<ChunkRef>> RepositoryReader::expand(const ListRef& list) {
  if (list.depth > kDepthMax)
    return Error{ErrorKind::kCorrupt, "a list nests " + std::to_string(list.depth) + " deep"};
  std::vector<ChunkRef> level = {{list.id, 0}};
  for (unsigned depth = list.depth; depth > 0; --depth) {
    std::vector<ChunkRef> below;
    for (const ChunkRef& node : level) {
      REPRIEVE_RETURN_IF_ERROR(cancel_.check());
      REPRIEVE_TRY(const Bytes bytes, chunks_.read(ChunkType::kList, node.id, kTreeBytesMax));
      REPRIEVE_TRY(std::vector<ChunkRef> children, parse_list(bytes));
      std::ranges::move(children, std::back_inserter(below));
    }
    level = std::move(below);
  }
  return level;
}

Result<std::vector<Entry>> RepositoryReader::read_trees(const ListRef& directory, bool is_root) {
  REPRIEVE_TRY(const std::vector<ChunkRef> parts, expand(directory));
  std::vector<Entry> entries;
  for (const ChunkRef& part : parts) {
    REPRIEVE_TRY(const Bytes bytes, chunks_.read(ChunkType::kTree, part.id, kTreeBytesMax));
    REPRIEVE_TRY(Tree tree, parse_tree(bytes, is_root));
    // Parts follow each other in order too, or a name could come twice.
    if (!entries.empty() && !tree.entries.empty() &&
        entries.back().name >= tree.entries.front().name)
      return Error{ErrorKind::kCorrupt, "the parts of a directory are out of order"};
    std::ranges::move(tree.entries, std::back_inserter(entries));
  }
  return entries;
}

Result<std::vector<Entry>> RepositoryReader::roots_of(const repository::Snapshot& snapshot) {
  return read_trees(snapshot.root, true);
}

Result<std::vector<Entry>> RepositoryReader::read_directory(const ListRef& directory) {
  return read_trees(directory, false);
}

Result<Bytes> RepositoryReader::read_chunk(const ChunkRef& chunk) {
  return chunks_.read(ChunkType::kData, chunk.id, chunk.length);
}

Result<std::vector<ChunkRef>> RepositoryReader::chunks_of(const Content& content) {
  std::vector<ChunkRef> chunks = content.chunks;
  if (content.list) {
    REPRIEVE_TRY(chunks, expand(*content.list));
  }
  REPRIEVE_RETURN_IF_ERROR(check_chunks(content, chunks));
  return chunks;
}

bool RepositoryReader::is_chunk(const ChunkId& id, ByteView plaintext) {
  return chunks_.is_chunk(ChunkType::kData, id, plaintext);
}

Result<> RepositoryReader::fetch(std::span<const Request> requests, const Deliver& deliver,
                                 const Missing& missing) {
  using Inner = repository::ChunkReader::Request;
  std::vector<Inner> inner;
  inner.reserve(requests.size());
  for (const Request& request : requests)
    inner.push_back({request.chunk, request.tag, request.offset});
  const auto outer = [](const Inner& request) {
    return Request{request.chunk, request.tag, request.offset};
  };
  return chunks_.fetch(
      inner,
      [&](const Inner& request, ByteView plaintext) { return deliver(outer(request), plaintext); },
      [&](const Inner& request, const Error& error) { return missing(outer(request), error); },
      cancel_);
}

void RepositoryReader::report(Problem problem) {
  const std::lock_guard lock{mutex_};
  problems_.push_back(std::move(problem));
}

}  // namespace reprieve::backup
