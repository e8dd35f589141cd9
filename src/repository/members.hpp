#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repository/repository.hpp"

/// Who may do what in a repository (docs/format.md sections 4 and 5). A writer adds and can neither
/// read nor delete; a pruner collects garbage and reads no data; a reader reads and changes
/// nothing; an admin does all. Each way in is a slot; writers, pruners and admins are also members
/// of the config, which root signs, so that nobody else can make one.
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

/// Members of the config, in the order in which they came. A reader signs nothing and is none.
std::vector<Member> members(const Repository& repository);

/// Makes a way in for a new holder: fresh signing keys, the slots for `key`, and a config that
/// knows them. Durable on return; an open Repository learns of it when it is opened anew. Whoever
/// holds the key can do what `role` says and no more. Errors: kDenied without root's key; kInvalid
/// for an empty name, or one that another member has; kConflict if somebody changed the config
/// meanwhile.
Result<> add_member(Repository& repository, Role role, const std::string& name,
                    const UnlockKey& key, const crypto::KdfCost& cost = {});

/// From now on nothing that the member signs counts: its recovery points up to now stay, later ones
/// are reported as damage. Its slot stays, and what it could read it still can: remove the slot,
/// and keep the store from it. Errors: kDenied without root's key; kNotFound; kConflict if it is
/// the last admin, or somebody changed the config meanwhile.
Result<> revoke_member(Repository& repository, std::string_view name);

/// Removes a way in, named by the beginning of its id. Durable on return. Errors: kDenied without
/// root's key; kNotFound; kInvalid if several begin so; kConflict if it is the last one.
Result<> remove_slot(Repository& repository, std::string_view id_prefix);

}  // namespace reprieve::repository
