#include "backup/point_tree.hpp"

#include <algorithm>

#include "tree/path.hpp"

namespace reprieve::backup {
namespace {

constexpr std::uint16_t kMadeUpMode = 0755;

/// The first segment of `path`, which is cut off.
std::string_view take_segment(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  return segment;
}

/// `path` less the directory `above`; nothing if it does not lie there.
std::optional<std::string_view> below(std::string_view path, std::string_view above) {
  if (!path.starts_with(above)) return std::nullopt;
  if (path.size() == above.size()) return std::string_view{};
  if (!above.empty() && path[above.size()] != '/') return std::nullopt;
  return path.substr(above.empty() ? 0 : above.size() + 1);
}

}  // namespace

PointTree::PointTree(RestoreReader& reader, std::vector<Entry> roots)
    : reader_{reader}, grafts_{std::make_unique<Graft>()} {
  const bool is_single = roots.size() == 1;
  for (Entry& root : roots) {
    modified_ = std::max(modified_, root.modified);
    const std::string path{trimmed_path(root.name)};
    std::string_view rest = path;
    Graft* at = grafts_.get();
    if (is_single) {
      captured_path_ = path;
      const std::size_t slash = path.rfind('/');
      rest = root.type == EntryType::kDirectory ? std::string_view{}
             : slash == std::string::npos       ? std::string_view{path}
                                                : std::string_view{path}.substr(slash + 1);
    }
    while (!rest.empty())
      at = &at->below[std::string{take_segment(rest)}];
    at->entry = std::move(root);
  }
  root_ = grafted("", *grafts_);
}

PointTree::Node PointTree::made_up(std::string name) const {
  Node node;
  node.entry.name = std::move(name);
  node.entry.type = EntryType::kDirectory;
  node.entry.mode = kMadeUpMode;
  node.entry.modified = modified_;
  node.is_virtual = true;
  return node;
}

PointTree::Node PointTree::grafted(const std::string& name, const Graft& graft) const {
  Node node;
  if (graft.entry) {
    node.entry = *graft.entry;
    node.entry.name = name;
  } else {
    node = made_up(name);
  }
  node.graft_ = graft.below.empty() ? nullptr : &graft;
  return node;
}

Result<std::vector<PointTree::Node>> PointTree::children(const Node& node) const {
  std::vector<Node> nodes;
  if (node.entry.directory) {
    REPRIEVE_TRY(std::vector<Entry> entries, reader_.read_directory(*node.entry.directory));
    nodes.resize(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i)
      nodes[i].entry = std::move(entries[i]);
  }
  if (node.graft_ == nullptr || node.entry.type != EntryType::kDirectory) return nodes;
  for (const auto& [name, graft] : node.graft_->below) {
    const auto at = std::ranges::lower_bound(
        nodes, name, {}, [](const Node& each) -> const std::string& { return each.entry.name; });
    const bool is_there = at != nodes.end() && at->entry.name == name;
    // What was captured as a path of its own is the newer; what only leads there gives way.
    if (is_there && !graft.entry && at->entry.type == EntryType::kDirectory) {
      at->graft_ = &graft;
    } else if (is_there) {
      *at = grafted(name, graft);
    } else {
      nodes.insert(at, grafted(name, graft));
    }
  }
  return nodes;
}

Result<std::optional<std::vector<PointTree::Node>>> PointTree::walk_to(
    std::string_view path) const {
  std::vector<Node> way = {root_};
  while (!path.empty()) {
    const std::string_view name = take_segment(path);
    REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
    REPRIEVE_TRY(std::vector<Node> inside, children(way.back()));
    const auto at = std::ranges::find(
        inside, name, [](const Node& each) -> std::string_view { return each.entry.name; });
    if (at == inside.end()) return std::optional<std::vector<Node>>{};
    way.push_back(std::move(*at));
  }
  return std::optional{std::move(way)};
}

Result<std::vector<PointTree::Node>> PointTree::find(std::string_view path) const {
  const std::string_view wanted = trimmed_path(path);
  std::optional<std::string_view> inside = below(wanted, captured_path_);
  // A single file's whole path names what lies in the root under its last name.
  if (inside && inside->empty() && root_.is_virtual && !captured_path_.empty())
    inside = wanted.substr(wanted.rfind('/') + 1);
  if (inside) {
    REPRIEVE_TRY(auto way, walk_to(*inside));
    if (way) return *std::move(way);
  }
  if (!captured_path_.empty()) {
    REPRIEVE_TRY(auto way, walk_to(wanted));
    if (way) return *std::move(way);
  }
  return Error{ErrorKind::kNotFound, "the recovery point has no '" + std::string{path} + "'",
               "Give a path as it was captured, or relative to what was captured; `reprieve find` "
               "searches for names."};
}

}  // namespace reprieve::backup
