#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/point_tree.hpp"
#include "source/source.hpp"

namespace reprieve::backup {

/// What a part of a recovery point is poured into, in the order of its tree: directories before
/// what is in them, siblings by name. Called by one thread.
class EntrySink {
 public:
  virtual ~EntrySink() = default;
  /// The next name; `path` counts from the tree's root and is "" there. `linked_to` is the path of
  /// an earlier name of the same inode, which brought the bytes; empty otherwise.
  virtual Result<> begin(const std::string& path, const Entry& entry,
                         const std::string& linked_to) = 0;
  /// The next stored bytes of the file that was begun last: its content less its holes, in order.
  virtual Result<> bytes(ByteView stored) = 0;
};

/// Pours everything at and below each of `paths` (all if there is none), each name once, with the
/// directories on the way there. Made-up directories are left out. Trees and contents are read
/// ahead by some 32 MiB, and no more is held. A name that cannot be read is reported to the reader
/// and left out; where a large file breaks off after it was begun, the whole ends with kCorrupt.
/// Errors: kNotFound for a path that is not there; the sink's and the reader's.
Result<> pour(RestoreReader& reader, const PointTree& tree, const std::vector<std::string>& paths,
              EntrySink& sink);

/// Pours one file: all its bytes, holes as zeros, front to back. Errors: kInvalid if it is no
/// regular file; as pour().
using TakeBytes = std::function<Result<>(ByteView)>;
Result<> pour_file(RestoreReader& reader, const PointTree& tree, const std::string& path,
                   const TakeBytes& take);

}  // namespace reprieve::backup
