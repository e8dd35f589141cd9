#include "repository/internal/pack_contents.hpp"

#include <algorithm>
#include <optional>

#include "repository/internal/pack_check.hpp"
#include "repository/internal/trailer.hpp"

namespace reprieve::repository {
namespace {

/// Enough for the label of any pack of one session.
constexpr std::uint64_t kHeadBytes = 8 * 1024;

Result<PackLabel> proved_label(ByteView label, const KeyRing& keys) {
  REPRIEVE_TRY(PackLabel parsed, parse_label(label));
  const auto signer = keys.signer(parsed.writer);
  if (parsed.pack_type == kStreamPack || parsed.repository != keys.repository_id() || !signer ||
      !(signer->may_write || signer->may_prune) || !label_is_signed_by(label, signer->key))
    return Error{ErrorKind::kCorrupt, "its label is not signed by a writer of this repository"};
  return parsed;
}

PackReading reading_of(const PackId& id, PackLabel label, ByteView label_bytes,
                       TrailerContents trailer) {
  PackReading reading;
  reading.contents.id = id;
  reading.contents.pack_type = label.pack_type;
  reading.contents.object_bytes = label.object_bytes();
  reading.contents.trailer_length = label.trailer_length;
  reading.contents.label = copy_of(label_bytes);
  reading.contents.keys = label.keys;
  reading.contents.frames = std::move(trailer.frames);
  reading.contents.chunks = std::move(trailer.chunks);
  reading.label = std::move(label);
  return reading;
}

/// By two small reads. Nothing if that does not do, for whatever reason but the store's.
Result<std::optional<PackReading>> read_quickly(ObjectStore& store, const KeyRing& keys,
                                                const PackId& id, std::uint64_t object_bytes) {
  const std::uint64_t head_bytes = std::min(object_bytes, kHeadBytes);
  REPRIEVE_TRY(const Bytes head,
               store.get(pack_key(id), ByteRange{.offset = {}, .length = {head_bytes}}));
  const auto copy = find_label(id, head).front;
  if (!copy) return std::optional<PackReading>{};
  REPRIEVE_TRY(PackLabel label, proved_label(*copy, keys));
  const std::uint64_t trailer_at = label.label_bytes + std::uint64_t{label.trailer_offset};
  if (trailer_at + label.trailer_length > object_bytes) return std::optional<PackReading>{};
  REPRIEVE_TRY(
      const Bytes sealed,
      store.get(pack_key(id), ByteRange{.offset = {trailer_at}, .length = {label.trailer_length}}));
  auto trailer = open_trailer(keys, label, sealed);
  if (!trailer) {
    if (trailer.error().kind == ErrorKind::kCorrupt) return std::optional<PackReading>{};
    return std::move(trailer).error();
  }
  return std::optional{reading_of(id, std::move(label), *copy, *std::move(trailer))};
}

Result<PackReading> read_healing(ObjectStore& store, const KeyRing& keys, const PackId& id,
                                 ByteView known_label) {
  REPRIEVE_TRY(const Bytes object, store.get(pack_key(id), ByteCount{kPackObjectMax}));
  const PackCheck check = check_pack(id, object, known_label);
  if (!check.label) return Error{ErrorKind::kCorrupt, "both copies of its label are lost"};
  REPRIEVE_TRY(PackLabel label, proved_label(check.label_bytes, keys));
  REPRIEVE_TRY(const Bytes body, heal_body(check, object));
  REPRIEVE_TRY(TrailerContents trailer,
               open_trailer(keys, label,
                            ByteView{body}.subspan(label.trailer_offset, label.trailer_length)));
  return reading_of(id, std::move(label), check.label_bytes, std::move(trailer));
}

}  // namespace

Result<PackReading> read_pack_contents(ObjectStore& store, const KeyRing& keys, const PackId& id,
                                       std::uint64_t object_bytes, ByteView known_label) {
  auto quick = read_quickly(store, keys, id, object_bytes);
  if (!quick) return std::move(quick).error().at(pack_key(id));
  if (*quick) return **std::move(quick);
  auto healed = read_healing(store, keys, id, known_label);
  if (!healed) return std::move(healed).error().at(pack_key(id));
  return healed;
}

}  // namespace reprieve::repository
