#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace reprieve::io {

/// An account of this host.
struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};

/// Errors: kNotFound if this host has no such account; kTransient if its directory does not answer.
Result<User> find_user(const std::string& name);
/// The account that this process runs as; a uid without an account gets its number as name.
User current_user();
/// All groups that the account is in, its own first.
Result<std::vector<gid_t>> groups_of(const User& user);

/// Names of users and groups, and back, remembered: a tree has millions of files and few owners.
/// Thread-safe. Nothing if this host does not know the name or number.
class AccountNames {
 public:
  std::optional<std::string> user_name(uid_t uid);
  std::optional<std::string> group_name(gid_t gid);
  std::optional<uid_t> user_id(const std::string& name);
  std::optional<gid_t> group_id(const std::string& name);

 private:
  std::mutex mutex_;
  // Guarded by mutex_.
  std::map<uid_t, std::optional<std::string>> user_names_;
  std::map<gid_t, std::optional<std::string>> group_names_;
  std::map<std::string, std::optional<uid_t>> user_ids_;
  std::map<std::string, std::optional<gid_t>> group_ids_;
};

}  // namespace reprieve::io
