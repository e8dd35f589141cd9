#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/assert.hpp"
#include "source/postgresql/manifest.hpp"

/// A manifest is checked by a checksum that whoever wrote it could compute: so the bytes are tried
/// as they are, and once more with the right checksum behind them.
namespace {

using namespace reprieve;

void check(ByteView text) {
  const auto manifest = parse_manifest(text);
  REPRIEVE_ASSERT(manifest || manifest.error().kind == ErrorKind::kCorrupt);
  if (!manifest) return;
  REPRIEVE_ASSERT(manifest->version == 1 || manifest->version == 2);
  for (const auto& file : manifest->files)
    REPRIEVE_ASSERT(!file.path.empty());
  std::unordered_map<std::string, FileDigest> arrived;
  for (const auto& file : manifest->files)
    arrived.emplace(file.path, file.digest);
  if (arrived.size() == manifest->files.size()) REPRIEVE_ASSERT(check_manifest(*manifest, arrived));
  arrived["\n extra"] = {};
  REPRIEVE_ASSERT(!check_manifest(*manifest, arrived));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const ByteView text = std::as_bytes(std::span{bytes, size});
  check(text);
  std::string sealed{as_text(text)};
  sealed += "\"Manifest-Checksum\": \"" + to_hex(crypto::sha256(text)) + "\"}\n";
  check(as_bytes(sealed));
  return 0;
}
