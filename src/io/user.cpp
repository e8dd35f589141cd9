#include "io/user.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace reprieve::io {
namespace {

constexpr std::size_t kBufferBytesFirst = 4096;
constexpr std::size_t kBufferBytesMax = 1 << 20;  // Groups of directories may have many members.

/// Calls one of getpwnam_r and its kin with a buffer that grows until the answer fits. 0 is
/// success; `found` stays null if there is no such entry.
template <class Entry, class Call, class Use>
int look_up(const Call& call, const Use& use) {
  std::vector<char> buffer(kBufferBytesFirst);
  while (true) {
    Entry entry{};
    Entry* found = nullptr;
    const int status = call(&entry, buffer.data(), buffer.size(), &found);
    if (status == EINTR) continue;
    if (status == ERANGE && buffer.size() < kBufferBytesMax) {
      buffer.resize(buffer.size() * 2);
      continue;
    }
    if (status == 0 && found != nullptr) use(*found);
    return status;
  }
}

User user_of(const ::passwd& entry) {
  return {entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir};
}

/// Some name services say "not found" with these instead of 0 (getpwnam(3)).
bool means_absent(int status) {
  return status == 0 || status == ENOENT || status == ESRCH || status == EBADF || status == EPERM;
}

/// Answers from `cache`, or asks `look` once and remembers what it said.
template <class Key, class Value, class Look>
std::optional<Value> remembered(std::map<Key, std::optional<Value>>& cache, std::mutex& mutex,
                                const Key& key, const Look& look) {
  {
    const std::lock_guard lock{mutex};
    const auto found = cache.find(key);
    if (found != cache.end()) return found->second;
  }
  std::optional<Value> value = look();  // Without the lock: it may ask a server.
  const std::lock_guard lock{mutex};
  return cache.emplace(key, std::move(value)).first->second;
}

}  // namespace

Result<User> find_user(const std::string& name) {
  std::optional<User> user;
  const int status =
      look_up<::passwd>([&](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); },
                        [&](const ::passwd& entry) { user = user_of(entry); });
  if (user) return *std::move(user);
  if (!means_absent(status)) return error_from_errno(status, "look up user " + name);
  return Error{ErrorKind::kNotFound, "user " + name + ": no such account on this host"};
}

User current_user() {
  User user{std::to_string(::geteuid()), ::geteuid(), ::getegid(), "/"};
  static_cast<void>(
      look_up<::passwd>([&](auto... rest) { return ::getpwuid_r(::geteuid(), rest...); },
                        [&](const ::passwd& entry) { user = user_of(entry); }));
  return user;
}

Result<std::vector<gid_t>> groups_of(const User& user) {
  int count = 64;
  while (true) {
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    const int capacity = count;
    if (::getgrouplist(user.name.c_str(), user.gid, groups.data(), &count) >= 0) {
      groups.resize(static_cast<std::size_t>(count));
      return groups;
    }
    if (count <= capacity)
      return Error{ErrorKind::kTransient, "look up the groups of user " + user.name};
  }
}

std::optional<std::string> AccountNames::user_name(uid_t uid) {
  return remembered(user_names_, mutex_, uid, [&] {
    std::optional<std::string> name;
    static_cast<void>(look_up<::passwd>([&](auto... rest) { return ::getpwuid_r(uid, rest...); },
                                        [&](const ::passwd& entry) { name = entry.pw_name; }));
    return name;
  });
}

std::optional<std::string> AccountNames::group_name(gid_t gid) {
  return remembered(group_names_, mutex_, gid, [&] {
    std::optional<std::string> name;
    static_cast<void>(look_up<::group>([&](auto... rest) { return ::getgrgid_r(gid, rest...); },
                                       [&](const ::group& entry) { name = entry.gr_name; }));
    return name;
  });
}

std::optional<uid_t> AccountNames::user_id(const std::string& name) {
  return remembered(user_ids_, mutex_, name, [&] {
    std::optional<uid_t> id;
    static_cast<void>(
        look_up<::passwd>([&](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); },
                          [&](const ::passwd& entry) { id = entry.pw_uid; }));
    return id;
  });
}

std::optional<gid_t> AccountNames::group_id(const std::string& name) {
  return remembered(group_ids_, mutex_, name, [&] {
    std::optional<gid_t> id;
    static_cast<void>(
        look_up<::group>([&](auto... rest) { return ::getgrnam_r(name.c_str(), rest...); },
                         [&](const ::group& entry) { id = entry.gr_gid; }));
    return id;
  });
}

}  // namespace reprieve::io
