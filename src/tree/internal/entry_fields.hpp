#pragma once

#include <cstdint>

/// Numbers in the bytes of an entry that both directions of the codec need.
namespace reprieve {

inline constexpr std::uint64_t kFieldBorn = 1;
inline constexpr std::uint64_t kFieldLinkGroup = 2;
inline constexpr std::uint64_t kFieldFlags = 4;
inline constexpr std::uint64_t kFieldInconsistent = 8;
inline constexpr std::uint64_t kFieldIncomplete = 16;
inline constexpr std::uint64_t kFieldsKnown = 31;

enum class ContentForm : std::uint8_t { kInline = 0, kChunks = 1, kList = 2 };

}  // namespace reprieve
