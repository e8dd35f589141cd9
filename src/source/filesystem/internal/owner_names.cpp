#include "source/filesystem/internal/owner_names.hpp"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <vector>

#include "tree/tree_codec.hpp"

namespace reprieve::filesystem {
namespace {

constexpr std::size_t kBufferMax = 1024 * 1024;  // A group may have very many members.

/// Calls one of the four re-entrant look-ups, with as much room as it wants.
template <class Record, class Call>
bool ask_system(Record& record, std::vector<char>& buffer, const Call& call) {
  for (buffer.resize(4096);; buffer.resize(buffer.size() * 4)) {
    Record* found = nullptr;
    const int error = call(&record, buffer.data(), buffer.size(), &found);
    if (error != ERANGE || buffer.size() >= kBufferMax) return error == 0 && found != nullptr;
  }
}

std::string bounded(const char* name) {
  std::string text{name};
  // A name that no reader would accept is as good as none.
  return text.size() > kOwnerNameMax ? std::string{} : text;
}

}  // namespace

template <class Key, class Value, class Ask>
Value OwnerNames::look_up(Table<Key, Value>& table, const Key& key, const Ask& ask) {
  {
    const std::shared_lock lock{table.mutex};
    if (const auto at = table.known.find(key); at != table.known.end()) return at->second;
  }
  Value value = ask();
  const std::unique_lock lock{table.mutex};
  return table.known.try_emplace(key, std::move(value)).first->second;
}

Owner OwnerNames::owner_of(std::uint32_t uid, std::uint32_t gid) {
  Owner owner;
  owner.uid = uid;
  owner.gid = gid;
  owner.user = look_up(users_, uid, [&] {
    struct passwd record;
    std::vector<char> buffer;
    const bool is_known = ask_system(
        record, buffer, [&](auto... arguments) { return ::getpwuid_r(uid, arguments...); });
    return is_known ? bounded(record.pw_name) : std::string{};
  });
  owner.group = look_up(groups_, gid, [&] {
    struct group record;
    std::vector<char> buffer;
    const bool is_known = ask_system(
        record, buffer, [&](auto... arguments) { return ::getgrgid_r(gid, arguments...); });
    return is_known ? bounded(record.gr_name) : std::string{};
  });
  return owner;
}

Owner OwnerNames::resolve(const Owner& owner) {
  Owner out = owner;
  using Id = std::optional<std::uint32_t>;
  const Id uid = look_up(user_ids_, owner.user, [&]() -> Id {
    struct passwd record;
    std::vector<char> buffer;
    if (owner.user.empty() || !ask_system(record, buffer, [&](auto... arguments) {
          return ::getpwnam_r(owner.user.c_str(), arguments...);
        }))
      return std::nullopt;
    return record.pw_uid;
  });
  const Id gid = look_up(group_ids_, owner.group, [&]() -> Id {
    struct group record;
    std::vector<char> buffer;
    if (owner.group.empty() || !ask_system(record, buffer, [&](auto... arguments) {
          return ::getgrnam_r(owner.group.c_str(), arguments...);
        }))
      return std::nullopt;
    return record.gr_gid;
  });
  out.uid = uid.value_or(owner.uid);
  out.gid = gid.value_or(owner.gid);
  return out;
}

}  // namespace reprieve::filesystem
