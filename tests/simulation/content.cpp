#include "simulation/content.hpp"

#include "base/format.hpp"
#include "repository/chunk_reader.hpp"
#include "repository/internal/key_ring.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::simulation {
namespace {

using namespace repository;

constexpr std::size_t kChunkBytes = 400;

Bytes chunk(int number) {
  SeededRandom source{static_cast<std::uint64_t>(number) + 1};
  Bytes bytes(kChunkBytes);
  source.fill(bytes);
  return bytes;
}

}  // namespace

Folders some_folders(Dice& dice) {
  Folders folders;
  for (std::uint64_t i = dice.below(3) + 1; i > 0; --i) {
    const int kind = static_cast<int>(dice.below(10));
    folders.push_back({kind, (kind * 3 + 1) % 16, (kind * 5 + 2) % 16});
  }
  return folders;
}

Result<ChunkId> store_folder(Repository& repository, WriteSession& session,
                             const std::vector<int>& numbers) {
  const KeyRing& keys = repository.keys();
  Entry file;
  file.name = fmt::format("file {}", numbers.front());
  std::vector<ChunkId> ids;
  for (const int number : numbers) {
    ids.push_back(keys.chunk_id(ChunkType::kData, chunk(number)));
    file.content.chunks.push_back({ids.back(), kChunkBytes});
    file.content.size += kChunkBytes;
  }
  const Bytes tree = encode_tree({&file, 1});
  const ChunkId id = keys.chunk_id(ChunkType::kTree, tree);
  if (session.has(id)) return id;
  for (const int number : numbers) {
    REPRIEVE_TRY([[maybe_unused]] const ChunkId stored,
                 session.put(ChunkType::kData, chunk(number)));
  }
  return session.put(ChunkType::kTree, tree, ids);
}

Result<> restore(const Repository& repository, const Snapshot& snapshot, const Folders& folders) {
  ChunkReader reader{repository, 1};
  const auto wrong = [] { return Error{ErrorKind::kInvalid, "other bytes came back"}; };
  REPRIEVE_TRY(const Bytes root, reader.read(ChunkType::kList, snapshot.root.id, kTreeBytesMax));
  REPRIEVE_TRY(const auto trees, parse_list(root));
  if (trees.size() != folders.size()) return wrong();
  for (std::size_t i = 0; i < trees.size(); ++i) {
    REPRIEVE_TRY(const Bytes bytes, reader.read(ChunkType::kTree, trees[i].id, kTreeBytesMax));
    REPRIEVE_TRY(const Tree tree, parse_tree(bytes));
    if (tree.entries.size() != 1) return wrong();
    const auto& chunks = tree.entries.front().content.chunks;
    if (chunks.size() != folders[i].size()) return wrong();
    for (std::size_t at = 0; at < chunks.size(); ++at) {
      REPRIEVE_TRY(const Bytes data, reader.read(ChunkType::kData, chunks[at].id, kChunkBytes));
      if (data != chunk(folders[i][at])) return wrong();
    }
  }
  return kOk;
}

}  // namespace reprieve::simulation
