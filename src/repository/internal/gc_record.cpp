#include "repository/internal/gc_record.hpp"

#include <optional>

#include "base/codec.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

template <class Id>
void write_ids(Encoder& out, const std::vector<Id>& ids) {
  out.varint(ids.size());
  for (const Id& id : ids)
    out.raw(id.bytes);
}

template <class Id>
std::vector<Id> read_ids(Decoder& in) {
  const std::size_t count = in.count(Id::kSize);
  std::vector<Id> ids;
  ids.reserve(count);
  for (std::size_t i = 0; i < count && in.ok(); ++i)
    ids.push_back(Id{in.array<32>()});
  return ids;
}

/// That a pruner or root of this repository signed `record`, as it says.
Result<> check_pruner(ByteView record, const RepositoryId& repository, const WriterId& id,
                      const KeyRing& keys) {
  const auto signer = keys.signer(id);
  if (repository != keys.repository_id() || !signer || !signer->may_prune ||
      !is_signed_by(record, signer->key))
    return Error{ErrorKind::kCorrupt, "not signed by a pruner of this repository"};
  return kOk;
}

Result<GcPlan> read_gc_plan(ObjectStore& store, const KeyRing& keys, std::uint64_t n) {
  GcPlan plan;
  const auto accept = [&](ByteView record) -> Result<> {
    REPRIEVE_TRY(plan, parse_gc_plan(record));
    if (plan.n != n) return Error{ErrorKind::kCorrupt, "its number is not that of its name"};
    return check_pruner(record, plan.repository, plan.pruner, keys);
  };
  REPRIEVE_TRY([[maybe_unused]] const StoredRecord stored,
               read_twin_object(store, gc_key(n), kGcBytesMax, accept));
  return plan;
}

Result<Tomb> read_tomb(ObjectStore& store, const KeyRing& keys, const ObjectKey& key) {
  Tomb tomb;
  const auto is_named = accept_by_name(key);
  const auto accept = [&](ByteView record) -> Result<> {
    REPRIEVE_RETURN_IF_ERROR(is_named(record));
    REPRIEVE_TRY(tomb, parse_tomb(record));
    return check_pruner(record, tomb.repository, tomb.signer, keys);
  };
  REPRIEVE_TRY([[maybe_unused]] const StoredRecord stored,
               read_twin_object(store, key, kTombBytesMax, accept));
  return tomb;
}

/// Plans that are removed while they are read: how often that may happen in a row.
constexpr int kListTries = 20;

enum class DamagedPlans : std::uint8_t { kStop, kPassOver };

/// Nothing if a plan went while we looked: a newer one came then, and has to be seen.
Result<std::optional<GcState>> read_listed_plans(ObjectStore& store, const KeyRing& keys,
                                                 DamagedPlans damaged) {
  GcState state;
  REPRIEVE_RETURN_IF_ERROR(store.list(kGcPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (const auto n = number_in_key(kGcPrefix, object.key)) state.numbers.push_back(*n);
    return kOk;
  }));
  for (const std::uint64_t n : state.numbers) {  // In key order, so oldest first.
    auto plan = read_gc_plan(store, keys, n);
    if (!plan && plan.error().kind == ErrorKind::kNotFound) return std::optional<GcState>{};
    if (!plan && plan.error().kind == ErrorKind::kCorrupt && damaged == DamagedPlans::kPassOver)
      continue;
    if (!plan) return std::move(plan).error();
    for (const PackId& pack : plan->condemned)
      state.condemned.try_emplace(pack, n);
    state.marked = {plan->marked.begin(), plan->marked.end()};
    state.newest = n;
  }
  return std::optional{std::move(state)};
}

Result<GcState> read_plans(ObjectStore& store, const KeyRing& keys, DamagedPlans damaged) {
  for (int tries = 0; tries < kListTries; ++tries) {
    REPRIEVE_TRY(auto state, read_listed_plans(store, keys, damaged));
    if (state) return *std::move(state);
  }
  return Error{ErrorKind::kTransient, "garbage collection's plans keep changing",
               "Try again in a minute."};
}

}  // namespace

Bytes encode_gc_plan(const GcPlan& plan, const crypto::SigningKey& pruner) {
  Encoder out;
  out.raw(plan.repository);
  out.u64(plan.n);
  out.raw(plan.pruner);
  write_ids(out, plan.marked);
  write_ids(out, plan.condemned);
  write_ids(out, plan.taken_back);
  return encode_signed_record(RecordKind::kGc, out.view(), pruner);
}

Result<GcPlan> parse_gc_plan(ByteView record) {
  REPRIEVE_TRY(const ByteView body, parse_signed_record(record, RecordKind::kGc));
  Decoder in{body};
  GcPlan plan;
  plan.repository = in.array<16>();
  plan.n = in.u64();
  plan.pruner = in.array<16>();
  plan.marked = read_ids<SnapshotId>(in);
  plan.condemned = read_ids<PackId>(in);
  plan.taken_back = read_ids<PackId>(in);
  REPRIEVE_RETURN_IF_ERROR(in.finish("gc plan"));
  return plan;
}

Bytes encode_tomb(const Tomb& tomb, const crypto::SigningKey& signer) {
  Encoder out;
  out.raw(tomb.repository);
  out.raw(tomb.signer);
  out.u8(static_cast<std::uint8_t>(tomb.what));
  if (tomb.what == Tomb::What::kSession) {
    out.raw(tomb.session);
  } else {
    out.raw(tomb.writer);
    out.u64(tomb.seq);
    out.raw(tomb.snapshot.bytes);
    out.raw(tomb.previous.bytes);
  }
  out.i64(tomb.time.nanoseconds);
  return encode_signed_record(RecordKind::kTomb, out.view(), signer);
}

Result<Tomb> parse_tomb(ByteView record) {
  REPRIEVE_TRY(const ByteView body, parse_signed_record(record, RecordKind::kTomb));
  Decoder in{body};
  Tomb tomb;
  tomb.repository = in.array<16>();
  tomb.signer = in.array<16>();
  const std::uint8_t what = in.u8();
  if (what == static_cast<std::uint8_t>(Tomb::What::kSession)) {
    tomb.what = Tomb::What::kSession;
    tomb.session = in.array<32>();
  } else if (what == static_cast<std::uint8_t>(Tomb::What::kSnapshot)) {
    tomb.what = Tomb::What::kSnapshot;
    tomb.writer = in.array<16>();
    tomb.seq = in.u64();
    tomb.snapshot = SnapshotId{in.array<32>()};
    tomb.previous = SnapshotId{in.array<32>()};
  } else {
    in.fail();
  }
  tomb.time = Instant{in.i64()};
  REPRIEVE_RETURN_IF_ERROR(in.finish("tomb"));
  return tomb;
}

Result<GcState> read_gc_state(ObjectStore& store, const KeyRing& keys) {
  return read_plans(store, keys, DamagedPlans::kStop);
}

Result<GcState> read_whole_plans(ObjectStore& store, const KeyRing& keys) {
  return read_plans(store, keys, DamagedPlans::kPassOver);
}

Result<TombList> read_tombs(ObjectStore& store, const KeyRing& keys) {
  std::vector<ObjectKey> names;
  REPRIEVE_RETURN_IF_ERROR(store.list(kTombPrefix, [&](const ObjectInfo& object) -> Result<> {
    if (id_in_key(kTombPrefix, object.key)) names.push_back(object.key);
    return kOk;
  }));
  TombList list;
  for (const ObjectKey& name : names) {
    auto tomb = read_tomb(store, keys, name);
    if (tomb) {
      list.tombs.push_back(*std::move(tomb));
    } else if (tomb.error().kind == ErrorKind::kCorrupt) {
      list.damaged.push_back(name);
    } else {
      return std::move(tomb).error();
    }
  }
  return list;
}

Result<bool> is_fenced(ObjectStore& store, const KeyRing& keys, const SessionId& session) {
  REPRIEVE_TRY(const TombList list, read_tombs(store, keys));
  for (const Tomb& tomb : list.tombs) {
    if (tomb.what == Tomb::What::kSession && tomb.session == session) return true;
  }
  if (!list.damaged.empty()) {
    return Error{ErrorKind::kCorrupt, list.damaged.front() + ": does not verify",
                 "Run `reprieve repo repair`."};
  }
  return false;
}

}  // namespace reprieve::repository
