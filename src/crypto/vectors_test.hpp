#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "base/assert.hpp"
#include "crypto/crypto.hpp"

namespace reprieve::crypto {

inline Bytes bytes_of_hex(std::string_view hex) {
  auto bytes = from_hex(hex);
  REPRIEVE_ASSERT(bytes.has_value());
  return *std::move(bytes);
}

inline Secret secret_of_hex(std::string_view hex) {
  return Secret::copy_of(bytes_of_hex(hex));
}

template <std::size_t N>
std::array<std::byte, N> array_of_hex(std::string_view hex) {
  const Bytes bytes = bytes_of_hex(hex);
  REPRIEVE_ASSERT(bytes.size() == N);
  std::array<std::byte, N> out;
  std::ranges::copy(bytes, out.begin());
  return out;
}

}  // namespace reprieve::crypto
