#include "mount/internal/file_system.hpp"

#include <algorithm>

#include "tree/path.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::mount {
namespace {

using backup::PointTree;

constexpr std::size_t kListingsBytes = 64 * 1024 * 1024;
/// Each holds an entry and its parents.
constexpr std::size_t kDirectoriesKept = 4096;
constexpr unsigned kAheadThreads = 3;
constexpr std::size_t kToldMax = 10'000;
constexpr std::uint16_t kMadeUpMode = 0555;
constexpr std::string_view kLatest = "latest";

PointTree::Node made_up(std::string name, EntryType type, Instant time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  PointTree::Node node;
  node.is_virtual = true;
  node.entry.name = std::move(name);
  node.entry.type = type;
  node.entry.mode = type == EntryType::kSymlink ? 0777 : kMadeUpMode;
  node.entry.modified.seconds = time.nanoseconds / kSecond;
  return node;
}

std::shared_ptr<const Listing> listing_of(const ShownSource& source) {
  auto listing = std::make_shared<Listing>();
  listing->reserve(source.points.size() + 1);
  for (const ShownPoint& point : source.points)
    listing->push_back(made_up(point.folder, EntryType::kDirectory, point.time));
  if (!source.points.empty()) {
    listing->push_back(
        made_up(std::string{kLatest}, EntryType::kSymlink, source.points.back().time));
    listing->back().entry.target = source.points.back().folder;
  }
  return listing;
}

std::size_t size_of(const Listing& listing) {
  std::size_t size = sizeof(Listing);
  for (const PointTree::Node& node : listing) {
    const Entry& entry = node.entry;
    size += sizeof node + entry.name.size() + entry.target.size() +
            entry.content.inline_bytes.size() + entry.content.chunks.size() * sizeof(ChunkRef) +
            entry.content.holes.size() * sizeof(Hole);
    for (const Xattr& xattr : entry.xattrs)
      size += sizeof xattr + xattr.name.size() + xattr.value.size();
  }
  return size;
}

Attributes attributes_of(std::uint64_t number, const Entry& entry) {
  Attributes attributes;
  attributes.number = number;
  Entry& told = attributes.entry;
  told.type = entry.type;
  told.mode = entry.mode;
  told.owner.uid = entry.owner.uid;
  told.owner.gid = entry.owner.gid;
  told.modified = entry.modified;
  told.device_major = entry.device_major;
  told.device_minor = entry.device_minor;
  told.content.size = entry.type == EntryType::kSymlink ? entry.target.size() : entry.content.size;
  // How many names there are is not recorded; more than one is what programs want to know.
  attributes.links = entry.link_group == 0 ? 1 : 2;
  attributes.stored_bytes = entry.type == EntryType::kFile ? stored_size(entry.content) : 0;
  return attributes;
}

}  // namespace

FileSystem::FileSystem(RestoreReader& reader, FileReader::ReadChunk read_chunk,
                       std::vector<ShownSource> sources, Warn warn)
    : reader_{reader},
      sources_{std::move(sources)},
      warn_{std::move(warn)},
      listings_{kListingsBytes},
      directories_{kDirectoriesKept},
      files_{std::move(read_chunk), kAheadThreads} {
  auto top = std::make_shared<Listing>();
  Instant newest;
  source_listings_.reserve(sources_.size());
  for (const ShownSource& source : sources_) {
    const Instant time = source.points.empty() ? Instant{} : source.points.back().time;
    newest = std::max(newest, time);
    top->push_back(made_up(source.folder, EntryType::kDirectory, time));
    source_listings_.push_back(listing_of(source));
  }
  top_ = std::move(top);
  auto root = std::make_shared<Directory>();
  root->node = made_up("", EntryType::kDirectory, newest);
  root_ = std::move(root);
}

FileSystem::FileSystem(RestoreReader& reader, FileReader::ReadChunk read_chunk,
                       std::unique_ptr<PointTree> tree, Warn warn)
    : reader_{reader},
      warn_{std::move(warn)},
      listings_{kListingsBytes},
      directories_{kDirectoriesKept},
      files_{std::move(read_chunk), kAheadThreads} {
  auto root = std::make_shared<Directory>();
  root->kind = Directory::Kind::kTree;
  root->scope = InodeTable::kRoot;
  root->node = tree->root();
  root->tree = std::move(tree);
  root_ = std::move(root);
}

Result<std::shared_ptr<const Directory>> FileSystem::directory(std::uint64_t number) {
  if (number == InodeTable::kRoot) return root_;
  return directories_.get(number, [&] { return make_directory(number); });
}

Result<FileSystem::Directories::Loaded> FileSystem::make_directory(std::uint64_t number) {
  REPRIEVE_TRY(const Item found, item(number));
  if (found.entry().type != EntryType::kDirectory)
    return Error{ErrorKind::kInvalid, "not a directory"};
  auto made = std::make_shared<Directory>();
  made->number = number;
  made->parent = found.directory;
  made->node = (*found.listing)[found.index];
  switch (found.directory->kind) {
    case Directory::Kind::kTop:
      made->kind = Directory::Kind::kSource;
      made->source = found.index;
      break;
    case Directory::Kind::kSource: {
      made->kind = Directory::Kind::kTree;
      made->scope = number;
      auto tree = sources_[found.directory->source].points[found.index].open();
      if (!tree) return told(number, path_of(*made), std::move(tree).error());
      made->tree = *std::move(tree);
      std::string folder = std::move(made->node.entry.name);
      made->node = made->tree->root();
      made->node.entry.name = std::move(folder);
      break;
    }
    case Directory::Kind::kTree:
      made->kind = Directory::Kind::kTree;
      made->scope = found.directory->scope;
      made->tree = found.directory->tree;
      break;
  }
  return Directories::Loaded{std::move(made), 1};
}

Result<std::shared_ptr<const Listing>> FileSystem::list(const Directory& directory) {
  if (directory.kind == Directory::Kind::kTop) return top_;
  if (directory.kind == Directory::Kind::kSource) return source_listings_[directory.source];
  const PointTree::Node& node = directory.node;
  Key key;
  // The same folder in many points is one listing.
  if (node.is_as_captured() && node.entry.directory)
    key.id = node.entry.directory->id;
  else
    key.number = directory.number;
  auto listing = listings_.get(key, [&]() -> Result<Listings::Loaded> {
    REPRIEVE_TRY(auto children, directory.tree->children(node));
    auto made = std::make_shared<Listing>(std::move(children));
    const std::size_t size = size_of(*made);
    return Listings::Loaded{std::move(made), size};
  });
  if (!listing) return told(directory.number, path_of(directory), std::move(listing).error());
  return listing;
}

Result<FileSystem::Item> FileSystem::item(std::uint64_t number) {
  const auto place = inodes_.find(number);
  if (!place) return Error{ErrorKind::kNotFound, "no such inode"};
  REPRIEVE_TRY(auto listing, list(*place->directory));
  return Item{place->directory, std::move(listing), place->index};
}

Result<Entry> FileSystem::entry(std::uint64_t number) {
  if (number == InodeTable::kRoot) return root_->node.entry;
  REPRIEVE_TRY(const Item found, item(number));
  // What a point's root is, its folder does not know.
  if (found.directory->kind != Directory::Kind::kSource ||
      found.entry().type != EntryType::kDirectory)
    return found.entry();
  REPRIEVE_TRY(const auto inside, directory(number));
  return inside->node.entry;
}

Result<Attributes> FileSystem::attributes(std::uint64_t number) {
  if (number == InodeTable::kRoot) return attributes_of(number, root_->node.entry);
  REPRIEVE_TRY(const Item found, item(number));
  if (found.directory->kind == Directory::Kind::kTree) return attributes_of(number, found.entry());
  REPRIEVE_TRY(const Entry whole, entry(number));
  return attributes_of(number, whole);
}

Identity FileSystem::identity_of(const Directory& directory, const Listing& listing,
                                 std::size_t index) {
  const Entry& entry = listing[index].entry;
  if (directory.kind == Directory::Kind::kTree && entry.link_group != 0)
    return {Identity::Kind::kLink, directory.scope, entry.link_group};
  return {Identity::Kind::kPlace, directory.number, index};
}

std::uint64_t FileSystem::number_of(const Directory& directory, const Listing& listing,
                                    std::size_t index) {
  return InodeTable::number_of(identity_of(directory, listing, index));
}

Result<Attributes> FileSystem::remember(const std::shared_ptr<const Directory>& directory,
                                        const Listing& listing, std::size_t index) {
  const std::uint64_t number = inodes_.remember(identity_of(*directory, listing, index),
                                                {directory, static_cast<std::uint32_t>(index)});
  if (directory->kind == Directory::Kind::kTree) return attributes_of(number, listing[index].entry);
  auto found = attributes(number);
  if (!found) forget(number, 1);
  return found;
}

Result<std::optional<Attributes>> FileSystem::look_up(std::uint64_t directory_number,
                                                      std::string_view name) {
  REPRIEVE_TRY(const auto inside, directory(directory_number));
  REPRIEVE_TRY(const auto listing, list(*inside));
  const auto name_of = [](const PointTree::Node& node) -> std::string_view {
    return node.entry.name;
  };
  // Points stand in the order of time, `latest` behind them.
  const auto at = inside->kind == Directory::Kind::kTree
                      ? std::ranges::lower_bound(*listing, name, {}, name_of)
                      : std::ranges::find(*listing, name, name_of);
  if (at == listing->end() || at->entry.name != name) return std::optional<Attributes>{};
  REPRIEVE_TRY(Attributes found,
               remember(inside, *listing, static_cast<std::size_t>(at - listing->begin())));
  return std::optional{std::move(found)};
}

Result<std::vector<FileReader::Piece>> FileSystem::read(std::uint64_t number, std::uint64_t offset,
                                                        std::size_t length) {
  const auto make_map = [&]() -> Result<FileMap> {
    REPRIEVE_TRY(const Item found, item(number));
    const Entry& entry = found.entry();
    if (entry.type != EntryType::kFile) return Error{ErrorKind::kInvalid, "not a file"};
    REPRIEVE_TRY(std::vector<ChunkRef> chunks, reader_.chunks_of(entry.content));
    return FileMap::make(entry.content, std::move(chunks));
  };
  auto pieces = files_.read(number, make_map, offset, length);
  if (pieces) return pieces;
  std::string path = "a file";
  if (const auto found = item(number))
    path = joined_path(path_of(*found->directory), found->entry().name);
  return told(number, path, std::move(pieces).error());
}

std::string FileSystem::path_of(const Directory& directory) {
  if (!directory.parent) return directory.node.entry.name;
  return joined_path(path_of(*directory.parent), directory.node.entry.name);
}

Error FileSystem::told(std::uint64_t number, const std::string& path, Error error) {
  if (error.kind == ErrorKind::kCancelled) return error;
  const std::lock_guard lock{mutex_};
  if (told_.size() < kToldMax && told_.insert(number).second) warn_(path, error);
  return error;
}

std::size_t FileSystem::problems() const {
  const std::lock_guard lock{mutex_};
  return told_.size();
}

}  // namespace reprieve::mount
