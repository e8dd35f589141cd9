#pragma once

#include <string>
#include <vector>

#include "app/workspace.hpp"
#include "base/result.hpp"
#include "storage/object_store.hpp"

namespace reprieve::app {

/// Where a repository's way back is written down: what the recovery kit tells.
struct KitFacts {
  std::string repository_path;
  std::string repository_hex;
  std::string key_file;  ///< Path; empty if there is none.
  bool has_passphrase = false;
  std::vector<std::string> replicas;  ///< Where they lie, as `repository_path`.
};

/// With where the workspace has the repository and its replicas, and nothing of keys yet. Errors:
/// those of Workspace::store_place().
Result<KitFacts> kit_facts(const Workspace& workspace, std::string repository_hex);

/// How to get everything back with this repository, a key and a bare machine. For paper: plain
/// text, no secret in it. Pure.
std::string kit_text(const KitFacts& facts, const std::string& program_object);

/// Stores this program with its libraries (kit_archive.hpp), unless it is there, and returns the
/// object's name: kit/reprieve-VERSION-MACHINE-HASH. Not synced. What was stored last is remembered
/// in `cache_dir`, so that a later call costs nothing.
Result<std::string> store_program(ObjectStore& store, const std::string& cache_dir);
/// Stores the kit's text. Not synced.
Result<> store_kit_text(ObjectStore& store, const std::string& text);

}  // namespace reprieve::app
