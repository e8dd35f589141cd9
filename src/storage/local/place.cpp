#include "storage/local/place.hpp"

#include <utility>

#include "storage/key.hpp"

namespace reprieve::local {
namespace {

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

}  // namespace

bool is_spread(std::string_view pack_name) {
  return pack_name.size() >= 2 && is_hex_digit(pack_name[0]) && is_hex_digit(pack_name[1]);
}

Result<Place> place_of(const ObjectKey& key) {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  const std::size_t slash = key.rfind('/');
  if (slash == std::string::npos) return Place{"", key};
  Place place{key.substr(0, slash), key.substr(slash + 1)};
  // Deeper keys could share a folder with the spread packs, and listing would lose its order.
  if (place.folder.starts_with(std::string{kPackFolder} + "/"))
    return Error{ErrorKind::kInvalid, key + ": a local store keeps no folders below pack/"};
  if (place.folder == kPackFolder && is_spread(place.name))
    place.folder += "/" + place.name.substr(0, 2);
  return place;
}

Result<io::Directory> open_folder(const io::Directory& root, const std::string& folder) {
  return root.open_directory(folder.empty() ? "." : folder);
}

Result<io::Directory> open_or_make_folder(const io::Directory& root, const std::string& folder) {
  auto opened = open_folder(root, folder);
  if (opened || opened.error().kind != ErrorKind::kNotFound) return opened;
  const std::size_t slash = folder.rfind('/');
  const std::string above = slash == std::string::npos ? "" : folder.substr(0, slash);
  const std::string name = slash == std::string::npos ? folder : folder.substr(slash + 1);
  REPRIEVE_TRY(const io::Directory parent, open_or_make_folder(root, above));
  auto made = parent.make_directory(name);
  // Another thread, process or host may have made it a moment ago.
  if (!made && made.error().kind != ErrorKind::kConflict) return std::move(made).error();
  return open_folder(root, folder);
}

}  // namespace reprieve::local
