#pragma once

#include <memory>
#include <vector>

#include "base/codec.hpp"
#include "crypto/crypto.hpp"
#include "io/mapped_file.hpp"
#include "repository/internal/index_view.hpp"

namespace reprieve::repository {

/// Of which member each pack of a merged index is: a table of u32, one for each pack in order.
/// Empty for an index of one member. A view.
class PackOwners {
 public:
  PackOwners() = default;
  /// Every number was checked by whoever parsed the table.
  explicit PackOwners(ByteView table) : table_{table} {}
  [[nodiscard]] std::uint32_t of(std::uint32_t pack) const {
    return table_.empty() ? 0 : Decoder{table_.subspan(std::size_t{pack} * 4, 4)}.u32();
  }

 private:
  ByteView table_;
};

/// What is looked up as one: an index of the store, or several of them merged in the local cache.
struct IndexUnit {
  std::vector<crypto::Digest> members;  ///< The objects that it stands for.
  PackOwners owners;
  IndexView view;
  std::shared_ptr<const void> backing;                 ///< Keeps the bytes alive.
  std::shared_ptr<const io::MappedFile> mapping = {};  ///< The backing, if it is a file.
};

}  // namespace reprieve::repository
