#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repository/repository.hpp"

/// Who may do what in a repository (docs/format.md sections 4 and 5). A writer adds and can neither
/// read nor delete; a pruner collects garbage and reads no data; a reader reads and changes
/// nothing; an admin does all. Each way in is a slot; its holder is also a member of the config,
/// which root signs, so that nobody else can make one. (Readers are so only since keys can be
/// rotated.)
namespace reprieve::repository {

struct Member {
  WriterId id{};
  Role role = Role::kWriter;
  std::string name;
  bool is_revoked = false;
};

/// "writer", "pruner", "reader", "admin"; nothing for another word.
std::string_view name_of(Role role);
std::optional<Role> role_named(std::string_view name);

/// Members of the config, in the order in which they came.
std::vector<Member> members(const Repository& repository);

/// Makes a way in for a new holder: fresh signing keys, the slots for `key`, and a config that
/// knows them. Durable on return; an open Repository learns of it when it is opened anew. Whoever
/// holds the key can do what `role` says and no more. `holder` says where the key lies; it and
/// `name` are in the clear in the store. Errors: kDenied without root's key; kInvalid
/// for a name that is empty, too long, or another member's; kConflict if somebody changed the
/// config meanwhile.
Result<> add_member(Repository& repository, Role role, const std::string& name,
                    const UnlockKey& key, const crypto::KdfCost& cost = {},
                    const std::string& holder = {});

/// From now on nothing that the member signs counts: its recovery points up to now stay, later ones
/// are reported as damage. Its slot stays, and what it could read it still can, also what others
/// write from now on: remove the slot, keep the store from it, and rotate_keys(). Errors: kDenied
/// without root's key; kNotFound; kConflict if it is the last admin, or somebody changed the config
/// meanwhile.
Result<> revoke_member(Repository& repository, std::string_view name);

struct Rotation {
  std::uint32_t epoch = 0;               ///< The new one.
  std::vector<std::string> members;      ///< To whom its keys were handed over.
  std::vector<std::string> left_behind;  ///< Labels of slots whose holders no member is known of.
  std::size_t sessions = 0;              ///< Unfinished ones: they end with the old keys.
};
/// Begins a new epoch: whoever is no active member can neither read nor tell anything of what is
/// written under its keys (docs/adr/0013-keys-change-in-epochs.md). One object is written, so it is
/// done or not; a second call begins another epoch. Durable on return; an open Repository goes on
/// with the old keys. Errors: kDenied without root's key; kConflict if somebody changed the config
/// meanwhile; kExhausted if the config would grow too large.
Result<Rotation> rotate_keys(Repository& repository);

/// Removes a way in, named by the beginning of its id. Durable on return. Errors: kDenied without
/// root's key; kNotFound; kInvalid if several begin so; kConflict if it is the last one.
Result<> remove_slot(Repository& repository, std::string_view id_prefix);

}  // namespace reprieve::repository
