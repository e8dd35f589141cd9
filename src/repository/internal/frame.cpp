#include "repository/internal/frame.hpp"

#include <zstd.h>

#include <array>
#include <memory>

#include "base/codec.hpp"
#include "repository/internal/key_ring.hpp"

namespace reprieve::repository {

namespace {

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* thread_compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context{ZSTD_createCCtx()};
  REPRIEVE_ASSERT(context != nullptr);
  return context.get();
}

ZSTD_DCtx* thread_decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context{ZSTD_createDCtx()};
  REPRIEVE_ASSERT(context != nullptr);
  return context.get();
}

/// A scratch buffer per thread: its pages stay mapped from frame to frame.
Bytes& thread_scratch() {
  thread_local Bytes scratch;
  return scratch;
}

Bytes associated_data(const FrameBinding& binding) {
  Encoder out;
  out.raw(binding.repository);
  out.u32(binding.epoch);
  out.u8(binding.pack_type);
  out.u8(static_cast<std::uint8_t>(binding.codec));
  out.u32(binding.raw_length);
  return std::move(out).take();
}

/// The compressed bytes in the thread's scratch buffer, or nothing if they are not smaller.
std::optional<ByteView> compress(ByteView raw, int level) {
  if (raw.size() < 2 || looks_dense(raw)) return std::nullopt;
  Bytes& scratch = thread_scratch();
  scratch.resize(raw.size() - 1);  // Too little room for what is not smaller: zstd then gives up.
  ZSTD_CCtx* const context = thread_compressor();
  const std::size_t set = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  REPRIEVE_ASSERT(!ZSTD_isError(set));
  const std::size_t size =
      ZSTD_compress2(context, scratch.data(), scratch.size(), raw.data(), raw.size());
  if (ZSTD_isError(size)) return std::nullopt;
  return ByteView{scratch}.first(size);
}

}  // namespace

bool looks_dense(ByteView raw) {
  constexpr std::size_t kPieces = 16;
  constexpr std::size_t kPieceBytes = 1024;
  if (raw.size() < 4 * kPieces * kPieceBytes) return false;  // Too small for the time to matter.
  std::array<std::uint32_t, 256> counts{};
  const std::size_t step = raw.size() / kPieces;
  for (std::size_t piece = 0; piece < kPieces; ++piece) {
    for (const std::byte b : raw.subspan(piece * step, kPieceBytes))
      ++counts[std::to_integer<std::size_t>(b)];
  }
  std::uint64_t collisions = 0;
  for (const std::uint64_t count : counts)
    collisions += count * count;
  // For n random bytes the expected sum of squared counts is n^2/256 + n(1 - 1/256): 1.016 times
  // n^2/256 for n = 16384. A sixteenth of plain text among them already gives more than 1.04.
  constexpr std::uint64_t kSamples = kPieces * kPieceBytes;
  return collisions * 256 * 100 < kSamples * kSamples * 103;
}

SealedFrame seal_frame(const Secret& session_shared, FrameBinding binding, RandomSource& random,
                       ByteView raw, int compression_level) {
  REPRIEVE_ASSERT(raw.size() <= kFrameRawMax);
  const std::optional<ByteView> compressed = compress(raw, compression_level);
  SealedFrame frame;
  frame.raw_length = static_cast<std::uint32_t>(raw.size());
  frame.codec = compressed ? Codec::kZstd : Codec::kStored;
  frame.salt = crypto::random_array<16>(random);
  binding.codec = frame.codec;
  binding.raw_length = frame.raw_length;
  crypto::seal_once(frame_key(session_shared, frame.salt), associated_data(binding),
                    compressed.value_or(raw), frame.sealed);
  return frame;
}

Result<> unpack_payload(Codec codec, std::uint32_t raw_length, ByteView payload, Bytes& raw) {
  if (raw_length > kFrameRawMax) return Error{ErrorKind::kCorrupt, "frame is too large"};
  if (codec == Codec::kStored) {
    if (payload.size() != raw_length) return Error{ErrorKind::kCorrupt, "frame has a wrong length"};
    raw.assign(payload.begin(), payload.end());
    return kOk;
  }
  if (codec != Codec::kZstd) return Error{ErrorKind::kCorrupt, "frame has an unknown codec"};
  if (ZSTD_getFrameContentSize(payload.data(), payload.size()) != raw_length)
    return Error{ErrorKind::kCorrupt, "frame has a wrong length"};
  raw.resize(raw_length);
  const std::size_t size = ZSTD_decompressDCtx(thread_decompressor(), raw.data(), raw.size(),
                                               payload.data(), payload.size());
  if (ZSTD_isError(size) || size != raw_length)
    return Error{ErrorKind::kCorrupt, "frame does not decompress"};
  return kOk;
}

Result<> open_frame(const Secret& session_shared, const FrameBinding& binding,
                    const crypto::Salt16& salt, ByteView sealed, Bytes& raw) {
  if (sealed.size() < crypto::kTagBytes) return Error{ErrorKind::kCorrupt, "frame is too short"};
  if (binding.raw_length > kFrameRawMax) return Error{ErrorKind::kCorrupt, "frame is too large"};
  const std::size_t payload_bytes = sealed.size() - crypto::kTagBytes;
  const Secret key = frame_key(session_shared, salt);
  if (binding.codec == Codec::kStored && payload_bytes == binding.raw_length) {
    raw.resize(payload_bytes);
    return crypto::open_once_into(key, associated_data(binding), sealed, raw);
  }
  Bytes& scratch = thread_scratch();
  scratch.resize(payload_bytes);
  REPRIEVE_RETURN_IF_ERROR(crypto::open_once_into(key, associated_data(binding), sealed, scratch));
  return unpack_payload(binding.codec, binding.raw_length, scratch, raw);
}

}  // namespace reprieve::repository
