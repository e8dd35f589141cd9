#include "repository/internal/hold_record.hpp"

#include <set>

#include "base/codec.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

constexpr auto kKind = static_cast<std::uint8_t>(RecordKind::kHold);

Result<HoldRecord> read_hold(ObjectStore& store, const KeyRing& keys, const ObjectKey& key) {
  HoldRecord hold;
  const auto is_named = accept_by_name(key);
  const auto accept = [&](ByteView record) -> Result<> {
    REPRIEVE_RETURN_IF_ERROR(is_named(record));
    REPRIEVE_TRY(hold, parse_hold(record, keys));
    const auto signer = keys.signer(hold.signer);
    if (hold.repository != keys.repository_id() || !signer || !signer->may_prune ||
        !is_signed_by(record, signer->key))
      return Error{ErrorKind::kCorrupt, "not signed by a pruner of this repository"};
    return kOk;
  };
  REPRIEVE_TRY([[maybe_unused]] const StoredRecord stored,
               read_twin_object(store, key, kHoldBytesMax, accept));
  return hold;
}

}  // namespace

Bytes encode_hold(const HoldRecord& hold, const KeyRing& keys, RandomSource& random) {
  Encoder out;
  out.raw(hold.repository);
  out.raw(hold.signer);
  out.u8(static_cast<std::uint8_t>(hold.what));
  out.raw(hold.subject);
  out.i64(hold.time.nanoseconds);
  const Bytes clear = copy_of(out.view());
  out.bytes(keys.seal_metadata(random, kKind, clear, as_bytes(hold.text)));
  return encode_signed_record(RecordKind::kHold, out.view(), keys.signing_key());
}

Result<HoldRecord> parse_hold(ByteView record, const KeyRing& keys) {
  REPRIEVE_TRY(const ByteView body, parse_signed_record(record, RecordKind::kHold));
  Decoder in{body};
  HoldRecord hold;
  hold.repository = in.array<16>();
  hold.signer = in.array<16>();
  const std::uint8_t what = in.u8();
  if (what != 1 && what != 2) in.fail();
  hold.what = static_cast<HoldRecord::What>(what);
  hold.subject = in.array<32>();
  hold.time = Instant{in.i64()};
  const ByteView clear = body.first(body.size() - in.remaining());
  const ByteView sealed = in.bytes(kHoldBytesMax);
  REPRIEVE_RETURN_IF_ERROR(in.finish("hold"));
  const auto text = keys.open_metadata(kKind, clear, sealed);
  if (text) hold.text = std::string{as_text(*text)};
  return hold;
}

Result<std::multimap<SnapshotId, ActiveHold>> read_holds(ObjectStore& store, const KeyRing& keys) {
  std::vector<ObjectKey> names;
  REPRIEVE_RETURN_IF_ERROR(store.list(kHoldPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (id_in_key(kHoldPrefix, object.key)) names.push_back(object.key);
    return kOk;
  }));
  std::multimap<SnapshotId, ActiveHold> holds;
  std::set<crypto::Digest> released;
  for (const ObjectKey& name : names) {
    auto hold = read_hold(store, keys, name);
    if (!hold) {
      const ErrorKind kind = hold.error().kind;
      if (kind == ErrorKind::kCorrupt || kind == ErrorKind::kNotFound) continue;
      return std::move(hold).error();
    }
    if (hold->what == HoldRecord::What::kRelease) {
      released.insert(hold->subject);
    } else {
      const SnapshotId snapshot{hold->subject};
      holds.emplace(snapshot, ActiveHold{*id_in_key(kHoldPrefix, name), *std::move(hold)});
    }
  }
  std::erase_if(holds, [&](const auto& item) { return released.contains(item.second.id); });
  return holds;
}

}  // namespace reprieve::repository
