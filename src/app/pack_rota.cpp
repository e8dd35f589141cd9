#include "app/pack_rota.hpp"

#include <algorithm>

#include "app/json_lines.hpp"
#include "base/codec.hpp"
#include "crypto/crypto.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"

namespace reprieve::app {
namespace {

constexpr ByteCount kFileMax{1024ULL * 1024 * 1024};
constexpr std::string_view kMagic = "RPPV";
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kPackPrefix = "pack/";
constexpr std::size_t kIdBytes = 32;
constexpr std::size_t kRowBytes = kIdBytes + 8;

}  // namespace

/// Magic, version, count, rows of id and time, and SHA-256 of it all.
Bytes encode_pack_proofs(const PackProofs& proofs) {
  Encoder out;
  out.raw(as_bytes(kMagic));
  out.u32(kVersion);
  out.u64(proofs.proved_.size());
  for (const auto& [key, at] : proofs.proved_) {
    const auto id = from_hex(std::string_view{key}.substr(kPackPrefix.size()));
    REPRIEVE_ASSERT(id && id->size() == kIdBytes);
    out.raw(*id);
    out.i64(at.nanoseconds);
  }
  out.raw(crypto::sha256(out.view()));
  return std::move(out).take();
}

std::optional<PackProofs> parse_pack_proofs(ByteView bytes) {
  constexpr std::size_t kHashBytes = sizeof(crypto::Digest);
  if (bytes.size() < kHashBytes) return std::nullopt;
  const ByteView rows = bytes.first(bytes.size() - kHashBytes);
  if (!std::ranges::equal(crypto::sha256(rows), bytes.last(kHashBytes))) return std::nullopt;
  Decoder in{rows};
  const bool is_ours = as_text(in.raw(kMagic.size())) == kMagic && in.u32() == kVersion;
  const std::uint64_t count = in.u64();
  if (!is_ours || count != in.remaining() / kRowBytes) return std::nullopt;
  PackProofs proofs;
  for (std::uint64_t i = 0; i < count; ++i) {
    const ByteView id = in.raw(kIdBytes);
    const Instant at{in.i64()};
    proofs.proved_.emplace_hint(proofs.proved_.end(), std::string{kPackPrefix} + to_hex(id), at);
  }
  if (!in.finish("proofs")) return std::nullopt;
  return proofs;
}

PackProofs PackProofs::load(const std::string& state_dir, std::string_view repository_hex) {
  const std::string folder = repository_folder(state_dir, repository_hex);
  PackProofs proofs;
  if (const auto bytes = io::read_file(folder + "/packs-proved", kFileMax))
    if (auto parsed = parse_pack_proofs(*bytes)) proofs = *std::move(parsed);
  proofs.folder_ = folder;
  return proofs;
}

Result<> PackProofs::save(const std::vector<ObjectInfo>& packs) {
  std::map<ObjectKey, Instant> kept;
  for (const ObjectInfo& pack : packs)
    if (const auto at = proved_at(pack.key)) kept.emplace(pack.key, *at);
  proved_ = std::move(kept);
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder_));
  return io::write_file_durably(folder_ + "/packs-proved", encode_pack_proofs(*this));
}

std::optional<Instant> PackProofs::proved_at(const ObjectKey& pack) const {
  const auto found = proved_.find(pack);
  if (found == proved_.end()) return std::nullopt;
  return found->second;
}

std::optional<Instant> PackProofs::oldest(const std::vector<ObjectInfo>& packs) const {
  std::optional<Instant> oldest;
  for (const ObjectInfo& pack : packs) {
    const auto at = proved_at(pack.key);
    if (!at) return std::nullopt;
    oldest = oldest ? std::min(*oldest, *at) : *at;
  }
  return oldest;
}

std::vector<ObjectInfo> choose_packs(std::vector<ObjectInfo> all, const PackProofs& proofs,
                                     const RotaChoice& choice, Instant now) {
  constexpr double kWhole = 100.0;
  double bytes = 0;
  for (const ObjectInfo& pack : all)
    bytes += static_cast<double>(pack.size.value);
  std::erase_if(all, [&](const ObjectInfo& pack) {
    const auto at = proofs.proved_at(pack.key);
    return choice.max_age && at && now - *at < *choice.max_age;
  });
  std::ranges::stable_sort(all, {}, [&](const ObjectInfo& pack) {
    return proofs.proved_at(pack.key);  // Nothing comes first.
  });
  if (!choice.percent) return all;
  const double wanted = bytes * *choice.percent / kWhole;
  double chosen = 0;
  std::size_t count = 0;
  while (count < all.size() && (count == 0 || chosen < wanted))
    chosen += static_cast<double>(all[count++].size.value);
  all.resize(count);
  return all;
}

}  // namespace reprieve::app
