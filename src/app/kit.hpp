#pragma once

#include <string>

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
};

/// How to get everything back with this repository, a key and a bare machine. For paper: plain
/// text, no secret in it. Pure.
std::string kit_text(const KitFacts& facts, const std::string& program_object);

/// The object that holds this program: kit/reprieve-VERSION-MACHINE-HASH.
Result<std::string> program_object_name();
/// Stores this program's file, unless it is there. Not synced.
Result<> store_program(ObjectStore& store);
/// Stores the kit's text. Not synced.
Result<> store_kit_text(ObjectStore& store, const std::string& text);

}  // namespace reprieve::app
