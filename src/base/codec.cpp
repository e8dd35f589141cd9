#include "base/codec.hpp"

namespace reprieve {

ByteView Decoder::raw(std::size_t length) {
  if (failed_ || length > rest_.size()) {
    fail();
    return {};
  }
  const ByteView out = rest_.first(length);
  rest_ = rest_.subspan(length);
  return out;
}

std::uint64_t Decoder::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = u8();
    if (failed_) return 0;
    // The tenth byte holds one bit; more would be lost, and a longer form would not be canonical.
    if (shift == 63 && byte > 1) break;
    if (byte == 0 && shift != 0) break;
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  fail();
  return 0;
}

ByteView Decoder::bytes(std::size_t limit) {
  const std::uint64_t length = varint();
  if (failed_ || length > limit || length > rest_.size()) {
    fail();
    return {};
  }
  return raw(static_cast<std::size_t>(length));
}

std::size_t Decoder::count(std::size_t min_size) {
  REPRIEVE_ASSERT(min_size > 0);
  const std::uint64_t n = varint();
  if (failed_ || n > rest_.size() / min_size) {
    fail();
    return 0;
  }
  return static_cast<std::size_t>(n);
}

Result<> Decoder::finish(std::string_view what) const {
  if (failed_) return Error{ErrorKind::kCorrupt, std::string{what} + ": malformed", ""};
  if (!rest_.empty())
    return Error{ErrorKind::kCorrupt,
                 std::string{what} + ": " + std::to_string(rest_.size()) + " bytes too many", ""};
  return kOk;
}

}  // namespace reprieve
