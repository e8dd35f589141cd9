#include "source/postgresql/tree_builder.hpp"

#include <algorithm>
#include <ranges>

namespace reprieve {
namespace {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool is_inside(const std::string& path, const std::string& folder) {
  return folder.empty() || path == folder || path.starts_with(folder + "/");
}

}  // namespace

TreeBuilder::TreeBuilder(CaptureSink& sink, Entry root) : sink_{sink} {
  open_[""] = Folder{std::move(root), {}};
}

Result<Entry> TreeBuilder::store(const std::string& path, Folder folder) {
  std::ranges::sort(folder.children, {}, &Entry::name);
  const auto twin = std::ranges::adjacent_find(folder.children, {}, &Entry::name);
  if (twin != folder.children.end())
    return Error{ErrorKind::kCorrupt, path + "/" + twin->name + " came twice"};
  REPRIEVE_TRY(folder.entry.directory, sink_.put_directory(std::move(folder.children)));
  return std::move(folder.entry);
}

Result<> TreeBuilder::close(std::map<std::string, Folder>::iterator folder) {
  REPRIEVE_TRY(Entry stored, store(folder->first, std::move(folder->second)));
  open_[parent_of(folder->first)].children.push_back(std::move(stored));
  open_.erase(folder);
  return kOk;
}

Result<> TreeBuilder::leave_for(const std::string& parent) {
  while (!is_inside(parent, current_)) {
    const auto folder = open_.find(current_);
    const bool is_deep = current_.find('/') != std::string::npos;
    current_ = parent_of(current_);
    if (is_deep && folder != open_.end()) REPRIEVE_RETURN_IF_ERROR(close(folder));
  }
  current_ = parent;
  return kOk;
}

Result<> TreeBuilder::add(const std::string& path, Entry entry) {
  const std::string parent = parent_of(path);
  REPRIEVE_RETURN_IF_ERROR(leave_for(parent));
  const auto folder = open_.find(parent);
  if (folder == open_.end())
    return Error{ErrorKind::kCorrupt, path + " came outside of its folder"};
  entry.name = path.substr(parent.empty() ? 0 : parent.size() + 1);
  if (entry.type != EntryType::kDirectory) {
    folder->second.children.push_back(std::move(entry));
    return kOk;
  }
  if (!open_.emplace(path, Folder{std::move(entry), {}}).second)
    return Error{ErrorKind::kCorrupt, path + " came twice"};
  current_ = path;
  return kOk;
}

Result<Entry> TreeBuilder::finish() {
  // A folder's path sorts before those of its children: backwards, children close first.
  while (open_.size() > 1)
    REPRIEVE_RETURN_IF_ERROR(close(std::prev(open_.end())));
  return store("", std::move(open_[""]));
}

}  // namespace reprieve
