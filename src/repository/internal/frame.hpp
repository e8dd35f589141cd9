#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "repository/credentials.hpp"
#include "repository/internal/index.hpp"

/// Frames: what is compressed and sealed as one (docs/format.md section 6). All functions are pure
/// and thread-safe; compression contexts live per thread.
namespace reprieve::repository {

inline constexpr std::uint32_t kFrameRawMax = 16 * 1024 * 1024;  ///< What a reader accepts.
inline constexpr std::uint32_t kFrameTarget = 1024 * 1024;     ///< Small chunks gather up to this.
inline constexpr std::uint32_t kSmallChunkLimit = 512 * 1024;  ///< From here on: a frame alone.

/// What a frame's seal binds beside its bytes. Nothing in it names a place.
struct FrameBinding {
  RepositoryId repository{};
  std::uint32_t epoch = 0;
  std::uint8_t pack_type = 1;
  Codec codec = Codec::kStored;
  std::uint32_t raw_length = 0;
};

struct SealedFrame {
  Bytes sealed;  ///< Ciphertext and tag.
  crypto::Salt16 salt{};
  Codec codec = Codec::kStored;
  std::uint32_t raw_length = 0;
};

/// Whether a sample of `raw` looks so dense that compression would only cost time.
bool looks_dense(ByteView raw);

/// Compresses (unless that gains nothing) and seals `raw`, of at most kFrameRawMax bytes, under a
/// key of a fresh salt. `binding.codec` and `binding.raw_length` are filled in here.
SealedFrame seal_frame(const Secret& session_shared, FrameBinding binding, RandomSource& random,
                       ByteView raw, int compression_level);

/// Opens a frame into `raw`, which is resized. Errors: kCorrupt if it is not what was sealed.
Result<> open_frame(const Secret& session_shared, const FrameBinding& binding,
                    const crypto::Salt16& salt, ByteView sealed, Bytes& raw);

/// The part of open_frame() behind the seal. Errors: kCorrupt unless `payload` unpacks to exactly
/// `raw_length` bytes.
Result<> unpack_payload(Codec codec, std::uint32_t raw_length, ByteView payload, Bytes& raw);

}  // namespace reprieve::repository
