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

constexpr std::string_view kMergedPrefix = "merged-";
/// A merge leaves so much of the disk's free room to others: it is only to save time.
constexpr std::uint64_t kRoomFactor = 4;

/// Of all but the labels: those are large, seldom read, and prove themselves by their packs' names.
crypto::Digest checksum_of(ByteView plain) {
  const std::size_t labels = Decoder{plain.subspan(kLabelBytesAt, 4)}.u32();
  return crypto::sha256(plain.first(plain.size() - std::min(labels, plain.size())));
}

/// The same members always have the same name.
std::string merged_name(std::span<const crypto::Digest> members) {
  return std::string{kMergedPrefix} + to_hex(crypto::sha256(std::as_bytes(members)));
}

std::uint64_t bytes_of(std::span<const MergeSource> sources) {
  std::uint64_t bytes = 0;
  for (const MergeSource& source : sources)
    bytes += source.unit->view.bytes();
  return bytes;
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

std::vector<IndexCache::Merged> IndexCache::merged() const {
  std::vector<Merged> found;
  if (folder_.empty()) return found;
  const auto names = io::list_dir(folder_.string());
  if (!names) return found;
  for (const std::string& name : *names) {
    if (!name.starts_with(kMergedPrefix)) continue;
    const auto file = io::MappedFile::open((folder_ / name).string());
    if (file) found.push_back({name, members_of_merged_index(file->bytes())});
  }
  return found;
}

std::optional<IndexUnit> IndexCache::find_merged(const std::string& name) const {
  auto file = io::MappedFile::open((folder_ / name).string());
  if (!file) return std::nullopt;
  const auto mapped = std::make_shared<const io::MappedFile>(*std::move(file));
  const ByteView bytes = mapped->bytes();
  if (bytes.size() >= kChecksumBytes) {
    auto parsed = parse_merged_index(bytes.first(bytes.size() - kChecksumBytes));
    if (parsed &&
        std::ranges::equal(crypto::sha256(parsed->without_labels), bytes.last(kChecksumBytes))) {
      return IndexUnit{.members = std::move(parsed->members),
                       .owners = parsed->owners,
                       .view = parsed->view,
                       .backing = mapped,
                       .mapping = mapped};
    }
  }
  remove(name);
  return std::nullopt;
}

Result<> IndexCache::write_merged(const std::string& name,
                                  std::span<const MergeSource> sources) const {
  REPRIEVE_TRY(io::AtomicFile file, io::AtomicFile::create((folder_ / name).string()));
  crypto::Sha256 checksum;
  REPRIEVE_RETURN_IF_ERROR(
      write_merged_index(sources, [&](MergedPart part, ByteView piece) -> Result<> {
        if (part == MergedPart::kChecked) checksum.update(piece);
        return file.write(piece);
      }));
  REPRIEVE_RETURN_IF_ERROR(file.write(checksum.finish()));
  return file.commit_replacing();
}

std::optional<IndexUnit> IndexCache::merge(std::span<const MergeSource> sources) const {
  if (folder_.empty()) return std::nullopt;
  std::error_code error;
  const auto room = std::filesystem::space(folder_, error);
  if (error || room.available / kRoomFactor < bytes_of(sources)) return std::nullopt;
  const std::string name = merged_name(members_of(sources));
  if (!write_merged(name, sources)) return std::nullopt;
  auto unit = find_merged(name);
  if (!unit) return std::nullopt;
  // Only now: a crash before leaves both, of which the next opening takes the larger.
  for (const MergeSource& source : sources) {
    const std::string old = merged_name(source.unit->members);
    if (old != name) remove(old);
    for (const crypto::Digest& member : source.unit->members)
      remove(member);
  }
  return unit;
}

void IndexCache::remove(const std::string& merged_name) const {
  std::error_code ignored;
  std::filesystem::remove(folder_ / merged_name, ignored);
}

void IndexCache::remove(const crypto::Digest& id) const {
  if (folder_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove(path_of(id), ignored);
}

}  // namespace reprieve::repository
