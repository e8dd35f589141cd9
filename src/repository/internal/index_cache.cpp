#include "repository/internal/index_cache.hpp"

#include <algorithm>

#include "base/codec.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "repository/internal/index_view.hpp"

namespace reprieve::repository {
namespace {

/// Where an index's header says how many bytes of labels stand at its end.
constexpr std::size_t kLabelBytesAt = 20;
constexpr std::size_t kChecksumBytes = sizeof(crypto::Digest);

/// Of all but the labels: those are large, seldom read, and prove themselves by their packs' names.
crypto::Digest checksum_of(ByteView plain) {
  const std::size_t labels = Decoder{plain.subspan(kLabelBytesAt, 4)}.u32();
  return crypto::sha256(plain.first(plain.size() - std::min(labels, plain.size())));
}

}  // namespace

std::string IndexCache::path_of(const crypto::Digest& id) const {
  return (folder_ / to_hex(id)).string();
}

std::optional<IndexCache::Entry> IndexCache::find(const crypto::Digest& id) const {
  if (folder_.empty()) return std::nullopt;
  auto file = io::MappedFile::open(path_of(id));
  if (!file) return std::nullopt;
  const auto mapped = std::make_shared<const io::MappedFile>(*std::move(file));
  const ByteView bytes = mapped->bytes();
  if (bytes.size() >= kIndexHeaderBytes + kChecksumBytes) {
    const ByteView plain = bytes.first(bytes.size() - kChecksumBytes);
    if (std::ranges::equal(checksum_of(plain), bytes.last(kChecksumBytes)))
      return Entry{.backing = mapped, .plain = plain, .mapping = mapped};
  }
  std::error_code ignored;
  std::filesystem::remove(path_of(id), ignored);
  return std::nullopt;
}

Result<> IndexCache::write(const crypto::Digest& id, ByteView plain) const {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder_.string()));
  REPRIEVE_TRY(io::AtomicFile file, io::AtomicFile::create(path_of(id)));
  REPRIEVE_RETURN_IF_ERROR(file.write(plain));
  REPRIEVE_RETURN_IF_ERROR(file.write(checksum_of(plain)));
  return file.commit_replacing();
}

IndexCache::Entry IndexCache::keep(const crypto::Digest& id, Bytes plain) const {
  if (!folder_.empty() && write(id, plain)) {
    if (auto entry = find(id)) return *std::move(entry);
  }
  const auto owned = std::make_shared<const Bytes>(std::move(plain));
  return {.backing = owned, .plain = *owned, .mapping = {}};
}

void IndexCache::keep_only(const std::set<crypto::Digest>& ids) const {
  if (folder_.empty()) return;
  const auto names = io::list_dir(folder_.string());
  if (!names) return;  // Nothing was cached yet, or it cannot be tidied: no harm either way.
  for (const std::string& name : *names) {
    const auto bytes = from_hex(name);
    if (!bytes || bytes->size() != sizeof(crypto::Digest)) continue;
    crypto::Digest id{};
    std::ranges::copy(*bytes, id.begin());
    std::error_code ignored;
    if (!ids.contains(id)) std::filesystem::remove(folder_ / name, ignored);
  }
}

}  // namespace reprieve::repository
