#include "simulation/content.hpp"

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
  std::vector<ChunkRef> refs;
  std::vector<ChunkId> ids;
  for (const int number : numbers) {
    ids.push_back(keys.chunk_id(ChunkType::kData, chunk(number)));
    refs.push_back({ids.back(), kChunkBytes});
  }
  const Bytes list = encode_list(refs);
  const ChunkId id = keys.chunk_id(ChunkType::kList, list);
  if (session.has(id)) return id;
  for (const int number : numbers) {
    REPRIEVE_TRY([[maybe_unused]] const ChunkId stored,
                 session.put(ChunkType::kData, chunk(number)));
  }
  return session.put(ChunkType::kList, list, ids);
}

Result<> restore(const Repository& repository, const Snapshot& snapshot, const Folders& folders) {
  ChunkReader reader{repository, 1};
  REPRIEVE_TRY(const Bytes root, reader.read(ChunkType::kList, snapshot.root.id, kTreeBytesMax));
  REPRIEVE_TRY(const auto lists, parse_list(root));
  if (lists.size() != folders.size()) return Error{ErrorKind::kInvalid, "other bytes came back"};
  for (std::size_t i = 0; i < lists.size(); ++i) {
    REPRIEVE_TRY(const Bytes list, reader.read(ChunkType::kList, lists[i].id, kTreeBytesMax));
    REPRIEVE_TRY(const auto refs, parse_list(list));
    if (refs.size() != folders[i].size())
      return Error{ErrorKind::kInvalid, "other bytes came back"};
    for (std::size_t at = 0; at < refs.size(); ++at) {
      REPRIEVE_TRY(const Bytes data, reader.read(ChunkType::kData, refs[at].id, kChunkBytes));
      if (data != chunk(folders[i][at]))
        return Error{ErrorKind::kInvalid, "other bytes came back"};
    }
  }
  return kOk;
}

}  // namespace reprieve::simulation
