#include "repository/internal/loss_record.hpp"

#include <set>

#include "base/codec.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

Result<LossRecord> read_loss(ObjectStore& store, const KeyRing& keys, const ObjectKey& key) {
  LossRecord loss;
  const auto is_named = accept_by_name(key);
  const auto accept = [&](ByteView record) -> Result<> {
    REPRIEVE_RETURN_IF_ERROR(is_named(record));
    REPRIEVE_TRY(loss, parse_loss(record));
    const auto signer = keys.signer(loss.signer);
    const bool may_sign = signer && !signer->is_revoked && (signer->may_write || signer->may_prune);
    if (loss.repository != keys.repository_id() || !may_sign || !is_signed_by(record, signer->key))
      return Error{ErrorKind::kCorrupt, "not signed by a writer or pruner of this repository"};
    return kOk;
  };
  REPRIEVE_TRY([[maybe_unused]] const StoredRecord stored,
               read_twin_object(store, key, kLossBytesMax, accept));
  return loss;
}

Result<> put(const Repository& repository, LossRecord::What what,
             const std::array<std::byte, 32>& subject) {
  const KeyRing& keys = repository.keys();
  LossRecord loss;
  loss.repository = repository.id();
  loss.signer = keys.writer_id();
  loss.what = what;
  loss.subject = subject;
  loss.time = repository.clock().now();
  const Bytes record = encode_loss(loss, keys.signing_key());
  return repository.store().put(id_key(kLossPrefix, crypto::sha256(record)), encode_twin(record));
}

}  // namespace

Bytes encode_loss(const LossRecord& loss, const crypto::SigningKey& signer) {
  Encoder out;
  out.raw(loss.repository);
  out.raw(loss.signer);
  out.u8(static_cast<std::uint8_t>(loss.what));
  out.raw(loss.subject);
  out.i64(loss.time.nanoseconds);
  return encode_signed_record(RecordKind::kLoss, out.view(), signer);
}

Result<LossRecord> parse_loss(ByteView record) {
  REPRIEVE_TRY(const ByteView body, parse_signed_record(record, RecordKind::kLoss));
  Decoder in{body};
  LossRecord loss;
  loss.repository = in.array<16>();
  loss.signer = in.array<16>();
  const std::uint8_t what = in.u8();
  if (what != 1 && what != 2) in.fail();
  loss.what = static_cast<LossRecord::What>(what);
  loss.subject = in.array<32>();
  loss.time = Instant{in.i64()};
  REPRIEVE_RETURN_IF_ERROR(in.finish("loss"));
  return loss;
}

Result<std::multimap<PackId, crypto::Digest>> read_losses(ObjectStore& store, const KeyRing& keys) {
  std::vector<ObjectKey> names;
  REPRIEVE_RETURN_IF_ERROR(store.list(kLossPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (id_in_key(kLossPrefix, object.key)) names.push_back(object.key);
    return kOk;
  }));
  std::multimap<PackId, crypto::Digest> losses;
  std::set<crypto::Digest> released;
  for (const ObjectKey& name : names) {
    auto loss = read_loss(store, keys, name);
    if (!loss) {
      const ErrorKind kind = loss.error().kind;
      if (kind == ErrorKind::kCorrupt || kind == ErrorKind::kNotFound) continue;
      return std::move(loss).error();
    }
    if (loss->what == LossRecord::What::kRelease)
      released.insert(loss->subject);
    else
      losses.emplace(PackId{loss->subject}, *id_in_key(kLossPrefix, name));
  }
  std::erase_if(losses, [&](const auto& item) { return released.contains(item.second); });
  return losses;
}

Result<> put_loss(const Repository& repository, const PackId& pack) {
  return put(repository, LossRecord::What::kLoss, pack.bytes);
}

Result<> release_loss(const Repository& repository, const crypto::Digest& loss) {
  return put(repository, LossRecord::What::kRelease, loss);
}

}  // namespace reprieve::repository
