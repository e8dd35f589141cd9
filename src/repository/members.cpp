#include "repository/members.hpp"

#include <algorithm>
#include <array>

#include "repository/internal/config.hpp"
#include "repository/internal/handover.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/object_names.hpp"
#include "repository/internal/record.hpp"
#include "repository/internal/session_list.hpp"
#include "repository/internal/snapshot_store.hpp"
#include "repository/internal/unlock.hpp"

namespace reprieve::repository {
namespace {

constexpr std::size_t kNameMax = 64;
constexpr std::size_t kHolderMax = 160;

struct RoleName {
  Role role;
  std::string_view name;
};
constexpr std::array<RoleName, 4> kRoles = {{{Role::kWriter, "writer"},
                                             {Role::kPruner, "pruner"},
                                             {Role::kReader, "reader"},
                                             {Role::kAdmin, "admin"}}};

Result<const crypto::SigningKey*> root_of(const Repository& repository) {
  const KeyRing& keys = repository.keys();
  const crypto::SigningKey* const root = keys.root_key();
  const auto own = keys.can_sign() ? keys.signer(keys.writer_id()) : std::nullopt;
  if (root != nullptr && own && !own->is_revoked) return root;
  return Error{ErrorKind::kDenied, "this key may not change who has access",
               "Use an admin's key: the one that `reprieve init` made."};
}

std::vector<Credentials::EpochSecret> copies_of(
    const std::vector<Credentials::EpochSecret>& secrets) {
  std::vector<Credentials::EpochSecret> copies;
  copies.reserve(secrets.size());
  for (const Credentials::EpochSecret& secret : secrets)
    copies.push_back({secret.epoch, secret.secret.clone()});
  return copies;
}

/// Of all that there is, the keys that change from epoch to epoch and that a role holds.
Credentials epochs_of(const Credentials& all, Role role) {
  Credentials own;
  own.role = role;
  own.repository = all.repository;
  own.root_public = all.root_public;
  own.metadata_keys = copies_of(all.metadata_keys);
  if (role == Role::kReader || role == Role::kAdmin) own.reading_keys = copies_of(all.reading_keys);
  return own;
}

/// What a role holds of all that there is: the table of docs/format.md section 4.
Credentials credentials_for(Role role, const Credentials& all, const Secret& seed) {
  Credentials own = epochs_of(all, role);
  if (role != Role::kPruner) {
    own.chunk_id_key = all.chunk_id_key.clone();
    own.chunker_key = all.chunker_key.clone();
  }
  own.signing_seed = seed.clone();
  if (role == Role::kAdmin) own.root_seed = all.root_seed.clone();
  return own;
}

std::string label_of(Role role, const std::string& name, const std::string& holder) {
  const std::string label = std::string{name_of(role)} + " " + name;
  return holder.empty() ? label : label + " (" + holder + ")";
}

/// Slots of readers from before readers were members. A label is anybody's claim, and here only
/// somebody is told of it.
Result<std::vector<std::string>> unknown_readers(const Repository& repository) {
  const std::string prefix = std::string{name_of(Role::kReader)} + " ";
  const std::vector<Config::Member>& members = repository.keys().config().members;
  REPRIEVE_TRY(const auto slots, repository.slots());
  std::vector<std::string> labels;
  for (const SlotSummary& slot : slots)
    if (slot.label.starts_with(prefix) &&
        std::ranges::none_of(members, [&](const Config::Member& member) {
          return slot.label == prefix + member.name ||
                 slot.label.starts_with(prefix + member.name + " (");
        }))
      labels.push_back(slot.label);
  return labels;
}

/// Puts the config that follows the open one. Root's signatures are deterministic (RFC 8032), so
/// that encoding the open one again gives the stored bytes, which `previous` names.
Result<> put_next(Repository& repository, Config next, const crypto::SigningKey& root) {
  next.previous = crypto::sha256(encode_config(repository.keys().config(), root));
  next.generation = repository.keys().config().generation + 1;
  next.created = repository.clock().now();
  const Bytes record = encode_config(next, root);
  if (record.size() > kConfigBytesMax)
    return Error{ErrorKind::kExhausted, "the config would be larger than any reader accepts",
                 "Copy what you need into a new repository; this one goes on as it is."};
  auto put = repository.store().put(config_key(next.generation), encode_twin(record));
  if (!put && put.error().kind == ErrorKind::kConflict)
    return Error{ErrorKind::kConflict, "somebody changed who has access at the same time",
                 "Look at it with `reprieve repo keys`, and run this again."};
  REPRIEVE_RETURN_IF_ERROR(put);
  return repository.store().sync();
}

bool is_last_admin(const Config& config, const Config::Member& member) {
  return member.role == Role::kAdmin &&
         std::ranges::count_if(config.members, [](const Config::Member& each) {
           return each.role == Role::kAdmin && !each.is_revoked;
         }) == 1;
}

}  // namespace

std::string_view name_of(Role role) {
  return std::ranges::find(kRoles, role, &RoleName::role)->name;
}

std::optional<Role> role_named(std::string_view name) {
  const auto* const found = std::ranges::find(kRoles, name, &RoleName::name);
  if (found == kRoles.end()) return std::nullopt;
  return found->role;
}

std::vector<Member> members(const Repository& repository) {
  std::vector<Member> list;
  for (const Config::Member& member : repository.keys().config().members)
    list.push_back({writer_id_of(member.key), member.role, member.name, member.is_revoked});
  return list;
}

Result<> add_member(Repository& repository, Role role, const std::string& name,
                    const UnlockKey& key, const crypto::KdfCost& cost, const std::string& holder) {
  REPRIEVE_TRY(const crypto::SigningKey* const root, root_of(repository));
  const KeyRing& keys = repository.keys();
  Config next = keys.config();
  if (name.empty() ||
      std::ranges::find(next.members, name, &Config::Member::name) != next.members.end())
    return Error{ErrorKind::kInvalid, "the name of a new key is empty or taken: '" + name + "'",
                 "`reprieve repo keys` lists the names; those of revoked ones stay taken."};
  // Readers of configs and slots refuse texts of more than 256 bytes.
  if (name.size() > kNameMax || holder.size() > kHolderMax)
    return Error{ErrorKind::kInvalid, "the name or the holder of a new key is too long",
                 "Give a name of at most 64 bytes, and a holder of at most 160."};
  const auto signing = crypto::SigningKey::generate(repository.random());
  const Credentials credentials = credentials_for(role, keys.credentials(), signing.seed());
  const SlotOptions options{
      .label = label_of(role, name, holder), .created = repository.clock().now(), .cost = cost};
  next.members.push_back(
      {.role = role, .key = signing.public_key(), .is_revoked = false, .name = name});
  // The config first: a slot that nobody knows of would open and then be refused everything.
  REPRIEVE_RETURN_IF_ERROR(put_next(repository, std::move(next), *root));
  REPRIEVE_RETURN_IF_ERROR(
      put_slots(repository.store(), key, credentials, options, repository.random()));
  return repository.store().sync();
}

Result<> revoke_member(Repository& repository, std::string_view name) {
  REPRIEVE_TRY(const crypto::SigningKey* const root, root_of(repository));
  Config next = repository.keys().config();
  const auto member = std::ranges::find(next.members, name, &Config::Member::name);
  if (member == next.members.end())
    return Error{ErrorKind::kNotFound, "no key is called " + std::string{name},
                 "`reprieve repo keys` lists them."};
  if (member->is_revoked) return kOk;
  if (is_last_admin(next, *member))
    return Error{ErrorKind::kConflict, std::string{name} + " is the last admin",
                 "Add another admin first: nobody could do so afterwards."};
  REPRIEVE_TRY(const SnapshotHead head,
               latest_head(repository.store(), repository.keys(), writer_id_of(member->key)));
  member->is_revoked = true;
  member->last_seq = head.seq;
  std::erase_if(next.handovers, [&](const Config::Handover& handover) {
    return handover.member == writer_id_of(member->key);
  });
  return put_next(repository, std::move(next), *root);
}

Result<Rotation> rotate_keys(Repository& repository) {
  REPRIEVE_TRY(const crypto::SigningKey* const root, root_of(repository));
  const KeyRing& keys = repository.keys();
  REPRIEVE_RETURN_IF_ERROR(keys.check_is_current());
  Config next = keys.config();
  Rotation rotation;
  rotation.epoch = next.epochs.back().epoch + 1;
  const auto reading = crypto::ExchangeKey::generate(repository.random());
  Credentials all = epochs_of(keys.credentials(), Role::kAdmin);
  all.metadata_keys.push_back({rotation.epoch, crypto::random_secret(repository.random())});
  all.reading_keys.push_back({rotation.epoch, reading.secret().clone()});
  next.epochs.push_back({rotation.epoch, reading.public_key()});
  if (std::ranges::find(next.required_features, kHandoverFeature) == next.required_features.end())
    next.required_features.emplace_back(kHandoverFeature);
  next.handovers.clear();
  for (const Config::Member& member : next.members) {
    if (member.is_revoked) continue;
    REPRIEVE_TRY(Config::Handover handover, hand_over(epochs_of(all, member.role), member.key,
                                                      rotation.epoch, repository.random()));
    next.handovers.push_back(std::move(handover));
    rotation.members.push_back(member.name);
  }
  REPRIEVE_TRY(rotation.left_behind, unknown_readers(repository));
  REPRIEVE_RETURN_IF_ERROR(put_next(repository, std::move(next), *root));
  REPRIEVE_TRY(const auto unfinished, unfinished_sessions(repository.store(), keys));
  REPRIEVE_TRY(const auto sessions, read_sessions(repository.store(), keys));
  rotation.sessions =
      static_cast<std::size_t>(std::ranges::count_if(sessions, [&](const StoredSession& session) {
        return unfinished.contains(session.id) && !session.is_collector();
      }));
  return rotation;
}

Result<> remove_slot(Repository& repository, std::string_view id_prefix) {
  REPRIEVE_TRY([[maybe_unused]] const crypto::SigningKey* const root, root_of(repository));
  REPRIEVE_TRY(const auto slots, repository.slots());
  std::vector<std::string> found;
  for (const SlotSummary& slot : slots)
    if (slot.id.starts_with(id_prefix)) found.push_back(slot.id);
  if (found.empty())
    return Error{ErrorKind::kNotFound, "no slot begins with " + std::string{id_prefix},
                 "`reprieve repo keys` lists them."};
  if (found.size() > 1)
    return Error{ErrorKind::kInvalid, "several slots begin with " + std::string{id_prefix},
                 "Give more digits of the id."};
  if (slots.size() == 1)
    return Error{ErrorKind::kConflict, "this is the last way into the repository",
                 "Add another one first."};
  REPRIEVE_RETURN_IF_ERROR(repository.store().remove(std::string{kSlotPrefix} + found.front()));
  return repository.store().sync();
}

}  // namespace reprieve::repository
