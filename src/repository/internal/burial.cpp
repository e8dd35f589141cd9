#include "repository/internal/burial.hpp"

#include "repository/internal/record.hpp"

namespace reprieve::repository {

Result<ObjectKey> put_tomb(Repository& repository, Tomb tomb) {
  const KeyRing& keys = repository.keys();
  tomb.repository = repository.id();
  tomb.signer = keys.writer_id();
  tomb.time = repository.clock().now();
  const Bytes record = encode_tomb(tomb, keys.signing_key());
  ObjectKey key = id_key(kTombPrefix, crypto::sha256(record));
  REPRIEVE_RETURN_IF_ERROR(repository.store().put(key, encode_twin(record)));
  return key;
}

Tomb tomb_of(const SessionId& session) {
  Tomb tomb;
  tomb.what = Tomb::What::kSession;
  tomb.session = session;
  return tomb;
}

Tomb tomb_of(const Snapshot& snapshot) {
  Tomb tomb;
  tomb.what = Tomb::What::kSnapshot;
  tomb.writer = snapshot.writer;
  tomb.seq = snapshot.seq;
  tomb.snapshot = snapshot.id;
  tomb.previous = snapshot.previous;
  return tomb;
}

bool is_settled(const Snapshot& snapshot, const GcState& gc) {
  return snapshot.gc_seen >= gc.newest || gc.marked.contains(snapshot.id);
}

}  // namespace reprieve::repository
