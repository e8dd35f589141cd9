#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/source.hpp"

namespace reprieve::backup {

/// A recovery point's tree as a restore lays it out: a single captured directory is the root
/// itself, a single other thing lies in the root under its last name, and of several each lies
/// under its whole path. Immutable and thread-safe; `reader` must outlive it.
class PointTree {
 private:
  struct Graft;

 public:
  /// A name in the tree. Valid as long as the tree is.
  struct Node {
    Entry entry;  ///< The root's name is empty.
    /// Made up to hold what was captured below: nobody captured this directory itself.
    bool is_virtual = false;
    /// Whether `entry` alone says what is in it.
    [[nodiscard]] bool is_as_captured() const { return !is_virtual && graft_ == nullptr; }

   private:
    friend class PointTree;
    const Graft* graft_ = nullptr;  // What other captured paths put below; may be null.
  };

  /// `roots` as RepositoryReader::roots_of() gives them.
  PointTree(RestoreReader& reader, std::vector<Entry> roots);

  [[nodiscard]] const Node& root() const { return root_; }

  /// What is in a directory, sorted by name; nothing in what is no directory. Errors: the reader's.
  [[nodiscard]] Result<std::vector<Node>> children(const Node& node) const;

  /// The nodes from the root down to `path`, both included. `path` counts from the root or is a
  /// whole path as it was captured; slashes at its ends do not matter. Errors: kNotFound; the
  /// reader's.
  [[nodiscard]] Result<std::vector<Node>> find(std::string_view path) const;

  /// Where the root's path as it was captured ends; empty if several paths were.
  [[nodiscard]] const std::string& captured_path() const { return captured_path_; }

 private:
  struct Graft {
    std::optional<Entry> entry;  // Captured here.
    std::map<std::string, Graft> below;
  };

  [[nodiscard]] Node made_up(std::string name) const;
  [[nodiscard]] Node grafted(const std::string& name, const Graft& graft) const;
  [[nodiscard]] Result<std::optional<std::vector<Node>>> walk_to(std::string_view path) const;

  RestoreReader& reader_;
  std::string captured_path_;
  FileTime modified_;  // Of made-up directories: the newest of the roots'.
  std::unique_ptr<Graft> grafts_;
  Node root_;
};

}  // namespace reprieve::backup
