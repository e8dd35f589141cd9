#include "repository/internal/index_record.hpp"

#include "base/codec.hpp"
#include "repository/internal/index_view.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

constexpr auto kKind = static_cast<std::uint8_t>(RecordKind::kIndex);

/// That every pack is named by its label and is one that the signer may speak for.
Result<> check_labels(const IndexView& view, const IndexEnvelope& envelope, bool is_root) {
  for (std::uint32_t i = 0; i < view.pack_count(); ++i) {
    const Index::PackRow row = view.pack(i).row;
    if (pack_id_of(row.label) != row.id)
      return Error{ErrorKind::kCorrupt, "index: a label is not that of its pack"};
    REPRIEVE_TRY(const PackLabel label, parse_label(row.label));
    if (label.repository != envelope.repository || (!is_root && label.writer != envelope.signer))
      return Error{ErrorKind::kCorrupt, "index: its signer speaks for another writer's pack"};
    if (label.object_bytes() != row.object_bytes || label.pack_type != row.pack_type)
      return Error{ErrorKind::kCorrupt, "index: a pack's row does not fit its label"};
  }
  return kOk;
}

}  // namespace

Result<Bytes> encode_index_record(const SessionId& session, ByteView plain, const KeyRing& keys,
                                  const crypto::SigningKey& signer, RandomSource& random) {
  if (plain.size() > kIndexBytesMax / 2)
    return Error{ErrorKind::kInvalid, "an index has grown too large to be stored"};
  Encoder body;
  body.raw(keys.repository_id());
  body.raw(writer_id_of(signer.public_key()));
  body.raw(session);
  const Bytes clear = copy_of(body.view());
  body.raw(keys.seal_metadata(random, kKind, clear, plain));
  return encode_signed_record(RecordKind::kIndex, body.view(), signer);
}

Result<IndexEnvelope> parse_index_envelope(ByteView record) {
  REPRIEVE_TRY(const ByteView body, parse_signed_record(record, RecordKind::kIndex));
  Decoder in{body};
  IndexEnvelope e;
  e.repository = in.array<16>();
  e.signer = in.array<16>();
  e.session = in.array<32>();
  if (!in.ok()) return Error{ErrorKind::kCorrupt, "index: malformed"};
  e.clear = body.first(body.size() - in.remaining());
  e.sealed = in.raw(in.remaining());
  return e;
}

Result<Bytes> open_index_record(ByteView record, const KeyRing& keys) {
  REPRIEVE_TRY(const IndexEnvelope envelope, parse_index_envelope(record));
  const auto signer = keys.signer(envelope.signer);
  if (envelope.repository != keys.repository_id() || !signer ||
      !(signer->may_write || signer->may_prune || signer->is_root) ||
      !is_signed_by(record, signer->key))
    return Error{ErrorKind::kCorrupt, "index: not signed by a writer of this repository"};
  REPRIEVE_TRY(Bytes plain, keys.open_metadata(kKind, envelope.clear, envelope.sealed));
  REPRIEVE_TRY(const IndexView view, IndexView::parse(plain));
  REPRIEVE_RETURN_IF_ERROR(check_labels(view, envelope, signer->is_root));
  return plain;
}

}  // namespace reprieve::repository
