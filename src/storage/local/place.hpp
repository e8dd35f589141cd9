#pragma once

#include <string>
#include <string_view>

#include "io/directory.hpp"
#include "storage/object_store.hpp"

namespace reprieve::local {

/// Not a valid key segment, so no object can be in the way.
inline constexpr std::string_view kTemporaryFolder = "_tmp";
inline constexpr std::string_view kPackFolder = "pack";

/// Where an object lies below the root. `folder` is empty for the root itself.
struct Place {
  std::string folder;
  std::string name;
};

/// Errors: kInvalid if the key is no key, or has more than two segments below "pack/".
Result<Place> place_of(const ObjectKey& key);

/// Whether a pack of this name lies in a folder named by its first two characters.
bool is_spread(std::string_view pack_name);

/// Opens a folder below `root`; empty for the root itself. Errors: kNotFound; kInvalid.
Result<io::Directory> open_folder(const io::Directory& root, const std::string& folder);
/// The same, making what is missing. Not durable by itself.
Result<io::Directory> open_or_make_folder(const io::Directory& root, const std::string& folder);

}  // namespace reprieve::local
