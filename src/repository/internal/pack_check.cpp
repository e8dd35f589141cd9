#include "repository/internal/pack_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.hpp"

namespace reprieve::repository {

namespace {

/// Where shard `number` has its bytes: at its place counted from the front or, in an object that
/// lost or gained bytes, counted from the end.
std::optional<std::size_t> find_shard(const PackLabel& label, ByteView object, std::size_t number) {
  const std::size_t bytes = label.geometry.shard_bytes;
  const auto is_at = [&](std::size_t at) {
    return at <= object.size() && object.size() - at >= bytes &&
           crypto::sha256(object.subspan(at, bytes)) == label.shard_hashes[number];
  };
  const std::size_t from_front = label.label_bytes + number * bytes;
  if (is_at(from_front)) return from_front;
  if (object.size() == label.object_bytes()) return std::nullopt;
  const std::size_t to_end =
      (label.geometry.shards() - number) * bytes + label.label_bytes + kLocatorBytes;
  if (to_end > object.size() || !is_at(object.size() - to_end)) return std::nullopt;
  return object.size() - to_end;
}

void take_label(PackCheck& check, const PackId& id, ByteView object, ByteView known_label) {
  const LabelCopies copies = find_label(id, object);
  std::optional<ByteView> bytes = copies.any();
  if (!bytes && !known_label.empty() && pack_id_of(known_label) == id) bytes = known_label;
  if (!bytes) return;
  auto parsed = parse_label(*bytes);
  if (!parsed) return;  // Its hash is right, so its writer made it so: nothing to heal.
  check.label = *std::move(parsed);
  check.label_bytes = copy_of(*bytes);
  check.front_is_good = copies.front.has_value();
  check.tail_is_good = copies.locator_is_good;
  check.size_is_good = object.size() == check.label->object_bytes();
}

Bytes assemble(const PackCheck& check, ByteView shards) {
  Encoder out;
  out.raw(check.label_bytes);
  out.raw(shards);
  out.raw(check.label_bytes);
  out.u32(static_cast<std::uint32_t>(check.label_bytes.size()));
  out.raw(as_bytes("RPPE"));
  return std::move(out).take();
}

Result<Bytes> heal_all_shards(const PackCheck& check, ByteView object) {
  if (!check.label) return Error{ErrorKind::kCorrupt, "no copy of the pack's label is left"};
  const ShardGeometry& geometry = check.label->geometry;
  Bytes shards(geometry.body_bytes() + geometry.parity_bytes());
  for (std::size_t i = 0; i < geometry.shards(); ++i) {
    if (!check.shard_at[i]) continue;
    std::ranges::copy(object.subspan(*check.shard_at[i], geometry.shard_bytes),
                      shards.begin() + static_cast<std::ptrdiff_t>(i * geometry.shard_bytes));
  }
  REPRIEVE_RETURN_IF_ERROR(heal_shards(geometry, shards, check.bad_shards));
  for (const std::uint16_t i : check.bad_shards) {
    const ByteView shard =
        ByteView{shards}.subspan(i * std::size_t{geometry.shard_bytes}, geometry.shard_bytes);
    if (crypto::sha256(shard) != check.label->shard_hashes[i])
      return Error{ErrorKind::kCorrupt, "parity does not give what the label promises"};
  }
  return shards;
}

}  // namespace

std::string PackCheck::describe() const {
  if (!label) return "no copy of the pack's label is left";
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (!bad_shards.empty())
    add(fmt::format("{} of {} shards damaged", bad_shards.size(), label->geometry.shards()));
  if (!size_is_good) add("wrong size");
  if (!front_is_good) add("front label damaged");
  if (!tail_is_good) add("tail label damaged");
  return text;
}

PackCheck check_pack(const PackId& id, ByteView object, ByteView known_label) {
  PackCheck check;
  take_label(check, id, object, known_label);
  if (!check.label) return check;
  for (std::size_t i = 0; i < check.label->geometry.shards(); ++i) {
    check.shard_at.push_back(find_shard(*check.label, object, i));
    if (!check.shard_at.back()) check.bad_shards.push_back(static_cast<std::uint16_t>(i));
  }
  return check;
}

Result<Bytes> heal_body(const PackCheck& check, ByteView object) {
  REPRIEVE_TRY(Bytes shards, heal_all_shards(check, object));
  shards.resize(check.label->geometry.body_bytes());
  return shards;
}

Result<Bytes> heal_pack(const PackId& id, const PackCheck& check, ByteView object) {
  REPRIEVE_TRY(const Bytes shards, heal_all_shards(check, object));
  Bytes whole = assemble(check, shards);
  // Proved from scratch: what replaces a stored object must be what its name promises.
  if (!check_pack(id, whole).is_whole())
    return Error{ErrorKind::kCorrupt, "the healed pack is not what its name promises"};
  return whole;
}

}  // namespace reprieve::repository
