#include <algorithm>

#include "base/assert.hpp"
#include "source/postgresql/wal_scanner.hpp"

using reprieve::ByteView;

/// However the bytes are cut, the scanner says the same of them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes = std::as_bytes(std::span{data + 1, size - 1});
  const auto run = [&](std::size_t step) {
    std::size_t events = 0;
    reprieve::WalScanner scanner{reprieve::Lsn{0}, 1024 * 1024, 8192,
                                 [&](const reprieve::WalEvent&) { ++events; }};
    for (std::size_t at = 0; at < bytes.size(); at += step)
      if (!scanner.feed(bytes.subspan(at, std::min(step, bytes.size() - at)))) break;
    return std::pair{events, scanner.proved_until().value};
  };
  const auto whole = run(bytes.size() + 1);
  REPRIEVE_ASSERT(run(data[0] + std::size_t{1}) == whole);
  return 0;
}
