#include "repository/internal/trailer.hpp"

#include <algorithm>

#include "base/codec.hpp"
#include "repository/internal/frame.hpp"

namespace reprieve::repository {

namespace {

constexpr std::uint8_t kTrailerVersion = 1;
constexpr std::size_t kFrameBytesMin = 1 + 1 + 1 + 1 + 1 + 1 + 16;
constexpr std::size_t kChunkBytesMin = 32 + 1 + 1 + 1 + 1;
constexpr std::size_t kVarint32Max = 5;

std::uint32_t varint32(Decoder& in) {
  const std::uint64_t value = in.varint();
  if (value > UINT32_MAX) in.fail();
  return in.ok() ? static_cast<std::uint32_t>(value) : 0;
}

bool fits_pack(ChunkType type, std::uint8_t pack_type) {
  if (type == ChunkType::kData) return pack_type != kTreePack;
  return pack_type == kTreePack && (type == ChunkType::kTree || type == ChunkType::kList);
}

PackContents::Frame parse_frame(Decoder& in, const PackLabel& label, std::uint32_t after) {
  PackContents::Frame frame;
  frame.offset = varint32(in);
  frame.sealed_length = varint32(in);
  frame.raw_length = varint32(in);
  const std::uint8_t codec = in.u8();
  const std::uint8_t type = in.u8();
  const std::uint64_t key = in.varint();
  frame.salt = in.array<16>();
  frame.codec = static_cast<Codec>(codec);
  const std::uint64_t end = std::uint64_t{frame.offset} + frame.sealed_length;
  if (frame.offset < after || end > label.trailer_offset ||
      frame.sealed_length < crypto::kTagBytes || frame.raw_length > kFrameRawMax || codec > 1 ||
      type != label.pack_type || key >= label.keys.size())
    in.fail();
  else
    frame.key = static_cast<std::uint16_t>(key);
  return frame;
}

PackContents::Chunk parse_chunk(Decoder& in, const PackLabel& label,
                                std::span<const PackContents::Frame> frames) {
  PackContents::Chunk chunk;
  chunk.id = ChunkId{in.array<32>()};
  chunk.type = static_cast<ChunkType>(in.u8());
  chunk.frame = varint32(in);
  chunk.offset = varint32(in);
  chunk.length = varint32(in);
  if (!fits_pack(chunk.type, label.pack_type) || chunk.frame >= frames.size() ||
      std::uint64_t{chunk.offset} + chunk.length > frames[chunk.frame].raw_length)
    in.fail();
  return chunk;
}

void parse_children(Decoder& in, std::vector<PackContents::Chunk>& chunks) {
  std::uint64_t next = 0;
  for (std::size_t parents = in.count(2); parents > 0 && in.ok(); --parents) {
    const std::uint64_t number = in.varint();
    if (number < next || number >= chunks.size() || chunks[number].type == ChunkType::kData)
      return in.fail();
    next = number + 1;
    for (std::size_t children = in.count(32); children > 0 && in.ok(); --children)
      chunks[number].children.push_back(ChunkId{in.array<32>()});
  }
}

}  // namespace

std::size_t trailer_bytes_of(const PackContents::Frame& frame) {
  return 4 * kVarint32Max + 2 + frame.salt.size();
}

std::size_t trailer_bytes_of(const PackContents::Chunk& chunk) {
  return 32 + 1 + 3 * kVarint32Max +
         (chunk.type == ChunkType::kData ? 0 : 2 * kVarint32Max + 32 * chunk.children.size());
}

Bytes encode_trailer(std::uint8_t pack_type, std::span<const PackContents::Frame> frames,
                     std::span<const PackContents::Chunk> chunks) {
  Encoder out;
  out.u8(kTrailerVersion);
  out.varint(frames.size());
  for (const PackContents::Frame& frame : frames) {
    out.varint(frame.offset);
    out.varint(frame.sealed_length);
    out.varint(frame.raw_length);
    out.u8(static_cast<std::uint8_t>(frame.codec));
    out.u8(pack_type);
    out.varint(frame.key);
    out.raw(frame.salt);
  }
  out.varint(chunks.size());
  std::size_t parents = 0;
  for (const PackContents::Chunk& chunk : chunks) {
    out.raw(chunk.id.bytes);
    out.u8(static_cast<std::uint8_t>(chunk.type));
    out.varint(chunk.frame);
    out.varint(chunk.offset);
    out.varint(chunk.length);
    if (!chunk.children.empty()) ++parents;
  }
  out.varint(parents);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (chunks[i].children.empty()) continue;
    out.varint(i);
    out.varint(chunks[i].children.size());
    for (const ChunkId& child : chunks[i].children)
      out.raw(child.bytes);
  }
  return std::move(out).take();
}

Result<TrailerContents> parse_trailer(ByteView plain, const PackLabel& label) {
  Decoder in{plain};
  TrailerContents contents;
  if (in.u8() != kTrailerVersion) in.fail();
  std::uint32_t after = 0;
  for (std::size_t frames = in.count(kFrameBytesMin); frames > 0 && in.ok(); --frames) {
    contents.frames.push_back(parse_frame(in, label, after));
    after = contents.frames.back().offset + contents.frames.back().sealed_length;
  }
  for (std::size_t chunks = in.count(kChunkBytesMin); chunks > 0 && in.ok(); --chunks)
    contents.chunks.push_back(parse_chunk(in, label, contents.frames));
  parse_children(in, contents.chunks);
  REPRIEVE_RETURN_IF_ERROR(in.finish("pack trailer"));
  return contents;
}

Bytes trailer_associated_data(const RepositoryId& repository,
                              const std::array<std::byte, 32>& session) {
  Encoder out;
  out.raw(repository);
  out.raw(session);
  return std::move(out).take();
}

Result<TrailerContents> open_trailer(const KeyRing& keys, const PackLabel& label, ByteView sealed) {
  if (sealed.size() != label.trailer_length)
    return Error{ErrorKind::kCorrupt, "pack trailer has a wrong length"};
  REPRIEVE_TRY(const Bytes plain,
               keys.open_metadata(
                   kTrailerKind, trailer_associated_data(label.repository, label.session), sealed));
  return parse_trailer(plain, label);
}

}  // namespace reprieve::repository
