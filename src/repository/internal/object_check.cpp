#include "repository/internal/object_check.hpp"

#include <algorithm>

#include "repository/internal/bad_sectors.hpp"
#include "repository/internal/config.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/pack_check.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/stream_object.hpp"

namespace reprieve::repository {

namespace {

/// A mark has nothing in it that could be damaged.
constexpr std::size_t kReplicaBytesMax = 4096;
/// Programs for every machine are far smaller.
constexpr std::size_t kKitBytesMax = 1024 * 1024 * 1024;

struct Sort {
  std::string_view prefix;
  std::size_t record_max;
  std::optional<RecordKind> signed_kind;  ///< Else the name is the hash.
};
constexpr Sort kTwins[] = {
    {kConfigPrefix, kConfigBytesMax, RecordKind::kConfig},
    {kSlotPrefix, kSlotBytesMax, std::nullopt},
    {kSessionPrefix, kSessionBytesMax, std::nullopt},
    {kTombPrefix, kTombBytesMax, std::nullopt},
    {kHoldPrefix, kHoldBytesMax, std::nullopt},
    {kLossPrefix, kLossBytesMax, std::nullopt},
    {kGcPrefix, kGcBytesMax, RecordKind::kGc},
    {kSnapshotPrefix, kSnapshotBytesMax, RecordKind::kSnapshot},
};

const Sort* twin_sort(std::string_view key) {
  const auto* const found =
      std::ranges::find_if(kTwins, [&](const Sort& sort) { return key.starts_with(sort.prefix); });
  return found == std::end(kTwins) ? nullptr : found;
}

/// What an object may have at most; 0 for a name that is none of ours.
std::size_t object_max(std::string_view key) {
  if (pack_id_in_key(key) || stream_piece_in_key(key)) return kPackObjectMax;
  if (key.starts_with(kIndexPrefix)) return kIndexBytesMax;
  if (key.starts_with(kKitPrefix)) return kKitBytesMax;
  if (key.starts_with(kReplicaPrefix)) return kReplicaBytesMax;
  const Sort* const twin = twin_sort(key);
  return twin == nullptr ? 0 : twin_size(twin->record_max);
}

ObjectFinding damaged(const ObjectKey& key, std::string what, bool is_healable) {
  ObjectFinding finding;
  finding.damage = Damage{key, std::move(what), is_healable};
  return finding;
}

/// A kit's program carries the first 16 digits of its hash in its name; other parts prove nothing.
ObjectFinding inspect_kit(const ObjectKey& key, ByteView bytes) {
  const std::string_view digits = std::string_view{key}.substr(key.rfind('-') + 1);
  const bool is_named =
      key.rfind('-') != std::string::npos && digits.size() == 16 && from_hex(digits).has_value();
  if (is_named && !to_hex(crypto::sha256(bytes)).starts_with(digits))
    return damaged(key, "the program is not what its name promises", false);
  return {};
}

ObjectFinding inspect_index(const ObjectKey& key, ByteView bytes) {
  const auto id = id_in_key(kIndexPrefix, key);
  if (id && crypto::sha256(bytes) == *id) return {};
  return damaged(key, "the index is damaged; its packs can be indexed anew", true);
}

}  // namespace

Result<std::vector<ObjectInfo>> list_all_objects(ObjectStore& store, std::string_view prefix) {
  std::vector<ObjectInfo> objects;
  REPRIEVE_RETURN_IF_ERROR(store.list(prefix, [&](const ObjectInfo& object) -> Result<> {
    objects.push_back(object);
    return kOk;
  }));
  return objects;
}

Result<ObjectChecker> ObjectChecker::make(ObjectStore& store, const Repository* repository) {
  ObjectChecker checker{store, repository};
  REPRIEVE_TRY(const auto configs, list_all_objects(store, kConfigPrefix));
  for (const ObjectInfo& object : configs) {
    const auto accept_config = [&](ByteView record) -> Result<> {
      // Who has a key trusts what root signed; without one, what is there is all there is.
      if (repository != nullptr && !is_signed_by(record, repository->keys().config().root))
        return Error{ErrorKind::kCorrupt, "not signed by the repository's root key"};
      auto parsed = parse_config(record);
      if (!parsed) return std::move(parsed).error();
      return kOk;
    };
    auto stored = read_twin_object(store, object.key, kConfigBytesMax, accept_config);
    // Without a key nobody can tell a newer format from damage, so what it says of itself counts.
    if (repository == nullptr && !stored && stored.error().kind == ErrorKind::kInvalid &&
        &object == &configs.back())
      return std::move(stored).error();
    if (!stored) continue;  // It is reported when it is checked.
    REPRIEVE_TRY(const Config config, parse_config(stored->record));
    checker.signers_.push_back(config.root);
    for (const Config::Member& member : config.members)
      checker.signers_.push_back(member.key);
  }
  std::ranges::sort(checker.signers_);
  const auto repeated = std::ranges::unique(checker.signers_);
  checker.signers_.erase(repeated.begin(), repeated.end());
  return checker;
}

ObjectFinding ObjectChecker::inspect_pack(const ObjectKey& key, ByteView bytes, Want want) const {
  const PackId id = *pack_id_in_key(key);
  ByteView known_label;
  if (repository_ != nullptr) {
    if (const auto row = repository_->index().find_pack(id)) known_label = row->label;
  }
  return inspect_shards(key, id, bytes, known_label, want);
}

ObjectFinding ObjectChecker::inspect_piece(const ObjectKey& key, ByteView bytes, Want want) const {
  const auto found = find_stream_label(*stream_piece_in_key(key), bytes, signers_);
  if (!found) return damaged(key, "no label of this piece that a writer signed is left", false);
  return inspect_shards(key, found->id, bytes, {}, want);
}

ObjectFinding ObjectChecker::inspect_shards(const ObjectKey& key, const PackId& id, ByteView bytes,
                                            ByteView known_label, Want want) {
  const PackCheck check = check_pack(id, bytes, known_label);
  if (check.is_whole()) return {};
  ObjectFinding finding = damaged(key, check.describe(), check.is_healable());
  if (want != Want::kFinding && check.is_healable()) {
    auto healed = heal_pack(id, check, bytes);
    if (healed)
      finding.healed = *std::move(healed);
    else
      finding.damage->is_healable = false;
  }
  return finding;
}

/// Whether these bytes are the record that belongs under this name.
Result<> ObjectChecker::accept(const ObjectKey& key, ByteView record) const {
  const Sort& sort = *twin_sort(key);
  if (!sort.signed_kind) return accept_by_name(key)(record);
  if (auto parsed = parse_signed_record(record, *sort.signed_kind); !parsed)
    return std::move(parsed).error();
  const bool is_signed = std::ranges::any_of(
      signers_, [&](const crypto::PublicKey& key_of) { return is_signed_by(record, key_of); });
  if (!is_signed) return Error{ErrorKind::kCorrupt, "nobody who may sign has signed it"};
  return kOk;
}

ObjectFinding ObjectChecker::inspect_twin(const ObjectKey& key, ByteView bytes, Want want) const {
  const auto copy = read_twin(bytes, [&](ByteView record) { return accept(key, record); });
  if (!copy) return damaged(key, "both copies are damaged: " + copy.error().what, false);
  if (copy->is_whole) return {};
  ObjectFinding finding = damaged(key, "one of two copies is damaged", true);
  if (want != Want::kFinding) finding.healed = encode_twin(copy->record);
  return finding;
}

ObjectFinding ObjectChecker::inspect(const ObjectKey& key, ByteView bytes, Want want) const {
  if (pack_id_in_key(key)) return inspect_pack(key, bytes, want);
  if (stream_piece_in_key(key)) return inspect_piece(key, bytes, want);
  if (key.starts_with(kIndexPrefix)) return inspect_index(key, bytes);
  if (key.starts_with(kKitPrefix)) return inspect_kit(key, bytes);
  if (key.starts_with(kReplicaPrefix)) return {};
  return inspect_twin(key, bytes, want);
}

Result<ObjectFinding> ObjectChecker::check(const ObjectInfo& object, Want want) const {
  ObjectFinding finding;
  const std::size_t size_max = object_max(object.key);
  if (size_max == 0) {
    finding.remark = object.key + ": no object of ours";
    return finding;
  }
  bool was_damaged = false;
  for (int looks = 0; looks < 2; ++looks) {
    auto bytes = read_around_bad_sectors(*store_, object.key, ByteCount{size_max});
    if (!bytes && bytes.error().kind == ErrorKind::kExhausted)
      return damaged(object.key, "larger than any object of its kind", false);
    // Garbage collection may have removed it since it was listed.
    if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return ObjectFinding{};
    if (!bytes) return std::move(bytes).error().at("read " + object.key);
    finding = inspect(object.key, *bytes, want);
    finding.bytes_read = bytes->size();
    if (!finding.damage && want == Want::kBytes) finding.bytes = *std::move(bytes);
    if (!finding.damage) break;
    was_damaged = true;
  }
  if (was_damaged && !finding.damage)
    finding.remark = object.key + ": read wrongly once, rightly the second time";
  return finding;
}

}  // namespace reprieve::repository
