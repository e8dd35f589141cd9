#pragma once

#include <string>

#include "app/workspace.hpp"
#include "repository/members.hpp"

namespace reprieve::app {

/// Where a key file goes that nobody named a place for: the user's key folder.
std::string default_key_file(const Workspace& workspace, const Secret& secret);

/// Writes a new key file, durably, and returns its absolute path. It never replaces one.
Result<std::string> write_key_file(const Secret& secret, const std::string& target,
                                   const std::string& comment);

/// A new holder, and how he will get in: one of the three is given.
struct NewKey {
  repository::Role role = repository::Role::kWriter;
  std::string name;
  std::string holder;         ///< Who keeps it where; in the clear in the store. May be empty.
  std::string key_file;       ///< Is written.
  std::string password_file;  ///< Is read.
  std::string recipient;      ///< The public half of a key file that lies elsewhere.
};

/// A key file that no repository knows yet, and what others seal to its holder.
struct GeneratedKey {
  std::string path;       ///< Absolute.
  std::string recipient;  ///< repository::recipient_text().
};
/// Needs no repository. Errors: kConflict if the file exists.
Result<GeneratedKey> generate_key(const std::string& target);

/// Makes a way in for a new holder; returns the key file's path, or nothing. The file is on disk
/// before the repository knows it. Errors: as repository::add_member(); kConflict if the key file
/// exists.
Result<std::string> add_key(Workspace& workspace, const NewKey& wanted);

}  // namespace reprieve::app
