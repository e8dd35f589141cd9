#pragma once

#include <string>

#include "repository/internal/label.hpp"
#include "repository/internal/pack_builder.hpp"
#include "repository/internal/test_keys.hpp"

namespace reprieve::repository {

/// For tests: a small pack that depends on nothing but a seed.
struct TestPack {
  explicit TestPack(std::uint64_t seed, std::uint8_t type = kTreePack, std::size_t frame_count = 3)
      : keys{keys_for_test(seed)}, pack_type{type}, frames{frame_count} {
    SeededRandom random{seed};
    auto made = keys.new_session(random);
    REPRIEVE_ASSERT(made);
    session = *std::move(made);
    id = crypto::random_array<32>(random);
  }

  /// Each frame holds two chunks of some hundred bytes; trees have two children each.
  [[nodiscard]] FinishedPack build() const {
    SeededRandom salts{99};
    PackBuilder builder{pack_type, {session.entry}, 64 * 1024};
    FrameBinding binding{keys.credentials().repository, session.entry.epoch, pack_type,
                         Codec::kStored, 0};
    const ChunkType type = pack_type == kDataPack ? ChunkType::kData : ChunkType::kTree;
    for (std::size_t i = 0; i < frames; ++i) {
      Bytes raw;
      std::vector<PackContents::Chunk> chunks;
      for (int part = 0; part < 2; ++part) {
        const Bytes plain = plaintext(i, part);
        PackContents::Chunk chunk;
        chunk.id = keys.chunk_id(type, plain);
        chunk.type = type;
        chunk.offset = static_cast<std::uint32_t>(raw.size());
        chunk.length = static_cast<std::uint32_t>(plain.size());
        if (type == ChunkType::kTree) chunk.children = {chunk.id, ChunkId{}};
        raw.insert(raw.end(), plain.begin(), plain.end());
        chunks.push_back(std::move(chunk));
      }
      builder.add(seal_frame(session.shared, binding, salts, raw, 1), 0, std::move(chunks));
    }
    return std::move(builder).finish(keys, id, salts);
  }

  [[nodiscard]] static Bytes plaintext(std::size_t frame, int part) {
    std::string text;
    for (int i = 0; i < 40; ++i)
      text += std::to_string(frame) + " " + std::to_string(part * i) + ", ";
    return copy_of(as_bytes(text));
  }

  KeyRing keys;
  std::uint8_t pack_type;
  std::size_t frames;
  KeyRing::Session session;
  std::array<std::byte, 32> id{};
};

}  // namespace reprieve::repository
