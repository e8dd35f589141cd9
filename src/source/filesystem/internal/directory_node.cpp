#include "source/filesystem/internal/directory_node.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/assert.hpp"
#include "source/filesystem/internal/inode.hpp"

namespace reprieve::filesystem {

DirectoryNode::~DirectoryNode() {
  // A long chain of parents, each kept by its child alone, must not be released by recursion: the
  // outermost destructor of a thread lets go of them one after the other. Counting the owners would
  // not do, for another thread may have been one a moment ago.
  thread_local std::vector<std::shared_ptr<DirectoryNode>>* waiting = nullptr;
  if (!parent) return;
  if (waiting != nullptr) {
    waiting->push_back(std::move(parent));
    return;
  }
  std::vector<std::shared_ptr<DirectoryNode>> own;
  own.push_back(std::move(parent));
  waiting = &own;
  while (!own.empty()) {
    const std::shared_ptr<DirectoryNode> next = std::move(own.back());
    own.pop_back();
  }
  waiting = nullptr;
}

std::string DirectoryNode::path() const {
  std::vector<const DirectoryNode*> chain;
  for (const DirectoryNode* at = this; at != nullptr && (at->parent || at->is_root);
       at = at->parent.get())
    chain.push_back(at);
  std::string out;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    if (!out.empty() && out.back() != '/') out += '/';
    out += (*at)->name;
  }
  return out;
}

std::string DirectoryNode::path_of(std::string_view child) const {
  std::string out = path();
  if (!out.empty() && out.back() != '/') out += '/';
  return out.append(child);
}

std::size_t open_directories_max() {
  struct rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 64;
  return std::clamp<std::size_t>(limit.rlim_cur / 4, 16, 1024);
}

DirectoryHandles::Pin DirectoryHandles::adopt(DirectoryNode& directory, io::FileHandle handle) {
  const std::lock_guard lock{mutex_};
  directory.handle = std::move(handle);
  ++open_;
  add_pin(directory);
  // The root cannot be opened again by a name in its parent: it stays open.
  if (directory.is_root) add_pin(directory);
  close_surplus();
  return Pin{this, &directory};
}

int DirectoryHandles::pin(DirectoryNode& directory, Pin& out) {
  const std::lock_guard lock{mutex_};
  std::vector<DirectoryNode*> closed;
  DirectoryNode* at = &directory;
  for (; !at->handle.is_open(); at = at->parent.get()) {
    REPRIEVE_ASSERT(at->parent != nullptr);
    closed.push_back(at);
  }
  add_pin(*at);
  // Those on the way stay open too: the walk comes back through them.
  for (; !closed.empty(); closed.pop_back()) {
    DirectoryNode* next = closed.back();
    io::FileHandle handle;
    Inode found;
    int error = open_for_reading(at->handle.fd(), next->name.c_str(), O_DIRECTORY, handle);
    if (error == 0) error = stat_fd(handle.fd(), found);
    if (error == 0 && (found.number != next->inode_number || found.device != next->device))
      error = ESTALE;
    drop_pin(*at);
    if (error != 0) return error;
    next->handle = std::move(handle);
    ++open_;
    add_pin(*next);
    at = next;
    close_surplus();
  }
  out = Pin{this, &directory};
  return 0;
}

void DirectoryHandles::forget(DirectoryNode& directory) {
  const std::lock_guard lock{mutex_};
  if (!directory.handle.is_open()) return;
  if (directory.is_idle) idle_.erase(directory.idle_at);
  directory.is_idle = false;
  directory.handle = io::FileHandle{};
  --open_;
}

void DirectoryHandles::unpin(DirectoryNode& directory) {
  const std::lock_guard lock{mutex_};
  drop_pin(directory);
}

void DirectoryHandles::add_pin(DirectoryNode& directory) {
  if (directory.is_idle) idle_.erase(directory.idle_at);
  directory.is_idle = false;
  ++directory.pins;
}

void DirectoryHandles::drop_pin(DirectoryNode& directory) {
  REPRIEVE_ASSERT(directory.pins > 0);
  if (--directory.pins > 0 || !directory.handle.is_open()) return;
  directory.idle_at = idle_.insert(idle_.end(), &directory);
  directory.is_idle = true;
  close_surplus();
}

void DirectoryHandles::close_surplus() {
  while (open_ > open_max_ && !idle_.empty()) {
    DirectoryNode* oldest = idle_.front();
    idle_.pop_front();
    oldest->is_idle = false;
    oldest->handle = io::FileHandle{};
    --open_;
  }
}

}  // namespace reprieve::filesystem
