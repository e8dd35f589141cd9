#pragma once

#include <string>
#include <vector>

#include "app/replicas.hpp"
#include "app/workspace.hpp"
#include "base/result.hpp"

namespace reprieve::app {

struct InitOutcome {
  std::string repository_path;
  std::string repository_hex;
  std::string key_file;  ///< Written; empty if none was wanted.
  std::string kit;       ///< The recovery kit's text.
  std::vector<ReplicaOutcome> replicas;
};

/// Makes a repository with a key file for unattended use and, if a password was given or can be
/// asked for, a passphrase; replicas that were named are made, too. The key file is
/// `key_file_target` or lies in the key folder. Errors: kConflict if there is a repository already
/// or the key file exists; nothing is changed.
Result<InitOutcome> init(Workspace& workspace, const WorkspaceOptions& options,
                         std::string key_file_target);

}  // namespace reprieve::app
