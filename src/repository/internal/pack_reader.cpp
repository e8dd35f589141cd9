#include "repository/internal/pack_reader.hpp"

#include "repository/internal/bad_sectors.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/pack_check.hpp"
#include "storage/replicated/replicated_store.hpp"

namespace reprieve::repository {

namespace {

constexpr std::string_view kRepairHint =
    "Run `reprieve repo verify` to see what is damaged and `reprieve repo repair` to heal it.";

Error lost(const PackId& pack, std::string_view why) {
  return Error{ErrorKind::kCorrupt, pack_key(pack) + ": " + std::string{why},
               std::string{kRepairHint}};
}

}  // namespace

Result<std::optional<Bytes>> PackReader::read(const PackId& pack, std::uint32_t begin,
                                              std::uint32_t end) {
  auto bytes =
      repository_.store().get(pack_key(pack), ByteRange{ByteOffset{begin}, ByteCount{end - begin}});
  if (bytes) return std::optional{*std::move(bytes)};
  const ErrorKind kind = bytes.error().kind;
  if (kind == ErrorKind::kNotFound || kind == ErrorKind::kInvalid || kind == ErrorKind::kCorrupt)
    return std::optional<Bytes>{};
  return std::move(bytes).error();
}

Result<std::shared_ptr<const Secret>> PackReader::session_secret(std::uint32_t key) {
  {
    const std::lock_guard lock{mutex_};
    if (const auto found = secrets_.find(key); found != secrets_.end()) return found->second;
  }
  REPRIEVE_TRY(Secret secret,
               repository_.keys().open_session(repository_.index().session_key(key)));
  auto shared = std::make_shared<const Secret>(std::move(secret));
  const std::lock_guard lock{mutex_};
  return secrets_.try_emplace(key, std::move(shared)).first->second;
}

Result<> PackReader::open(const FrameLocation& frame, ByteView sealed, Bytes& raw) {
  REPRIEVE_TRY(const auto secret, session_secret(frame.key));
  FrameBinding binding;
  binding.repository = repository_.id();
  binding.epoch = repository_.index().session_key(frame.key).epoch;
  binding.pack_type = frame.pack_type;
  binding.codec = frame.codec;
  binding.raw_length = frame.raw_length;
  return open_frame(*secret, binding, frame.salt, sealed, raw);
}

Result<std::shared_ptr<const PackReader::HealedPack>> PackReader::heal(const PackId& pack) {
  const std::lock_guard heal_lock{heal_mutex_};
  if (last_healed_ && last_healed_->id == pack) return last_healed_;
  {
    const std::lock_guard lock{mutex_};
    damaged_.insert(pack);
  }
  std::optional<Error> failure;
  for (ObjectStore* store : stores_behind(repository_.store())) {
    auto found = heal_in(*store, pack);
    if (found) {
      last_healed_ = *std::move(found);
      return last_healed_;
    }
    // What went wrong at the first place is what a person has to hear of.
    if (!failure) failure = std::move(found).error();
  }
  return *std::move(failure);
}

/// The pack's body from one store, damage made good.
Result<std::shared_ptr<const PackReader::HealedPack>> PackReader::heal_in(
    ObjectStore& store, const PackId& pack) const {
  auto object = read_around_bad_sectors(store, pack_key(pack), ByteCount{kPackObjectMax});
  if (!object) {
    if (object.error().kind == ErrorKind::kNotFound) return lost(pack, "the pack is gone");
    if (object.error().kind == ErrorKind::kExhausted) return lost(pack, "the pack is too large");
    return std::move(object).error();
  }
  const auto row = repository_.index().find_pack(pack);
  const PackCheck check = check_pack(pack, *object, row ? row->label : ByteView{});
  auto body = heal_body(check, *object);
  if (!body) return lost(pack, body.error().what);
  auto healed = std::make_shared<HealedPack>();
  healed->id = pack;
  healed->body_start = check.label->label_bytes;
  healed->body = *std::move(body);
  return std::shared_ptr<const HealedPack>{std::move(healed)};
}

Result<> PackReader::open_healed(const FrameLocation& frame, Bytes& raw) {
  REPRIEVE_TRY(const auto pack, heal(frame.pack));
  const std::size_t start = frame.offset - pack->body_start;
  if (frame.offset < pack->body_start || start > pack->body.size() ||
      pack->body.size() - start < frame.sealed_length)
    return lost(frame.pack, "the index names a frame outside of it");
  auto opened = open(frame, ByteView{pack->body}.subspan(start, frame.sealed_length), raw);
  // The pack is as its writer made it, so the index or the key is what does not fit.
  if (!opened && opened.error().kind == ErrorKind::kCorrupt)
    return lost(frame.pack, opened.error().what);
  return opened;
}

std::vector<PackId> PackReader::damaged() const {
  const std::lock_guard lock{mutex_};
  return {damaged_.begin(), damaged_.end()};
}

}  // namespace reprieve::repository
