#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "io/mapped_file.hpp"
#include "repository/internal/merged_index.hpp"

namespace reprieve::repository {

/// Opened indexes on the local disk, mapped rather than read. What lies there was proved before it
/// was kept; a checksum tells of damage since. May be deleted at any time, and several processes
/// may use one folder: what one of them removes, others still have mapped or fetch anew. Without a
/// folder, or when the disk refuses, indexes stay in memory. Thread-safe.
class IndexCache {
 public:
  /// `folder` is made when first needed; empty: no cache.
  explicit IndexCache(std::filesystem::path folder) : folder_{std::move(folder)} {}

  /// Plain bytes and what keeps them alive.
  struct Entry {
    std::shared_ptr<const void> backing;
    ByteView plain;
    std::shared_ptr<const io::MappedFile> mapping = {};  ///< The backing, if it is a file.
  };
  /// Nothing if it is not there or damaged (then it is removed).
  [[nodiscard]] std::optional<Entry> find(const crypto::Digest& id) const;
  /// Keeps `plain`, in memory if need be.
  [[nodiscard]] Entry keep(const crypto::Digest& id, Bytes plain) const;
  /// Removes every entry that is not in `ids`; merged ones stay.
  void keep_only(const std::set<crypto::Digest>& ids) const;

  /// A merged index, by its file's name, and what it stands for as far as a glance tells.
  struct Merged {
    std::string name;
    std::vector<crypto::Digest> members;
  };
  [[nodiscard]] std::vector<Merged> merged() const;
  /// Nothing if it is not there or damaged (then it is removed).
  [[nodiscard]] std::optional<IndexUnit> find_merged(const std::string& name) const;
  /// Merges `sources`, which have no pack in common, and removes them from the cache. Nothing if
  /// there is no folder, no room, or the result would be too large; then all is as before.
  [[nodiscard]] std::optional<IndexUnit> merge(std::span<const MergeSource> sources) const;
  void remove(const std::string& merged_name) const;
  void remove(const crypto::Digest& id) const;

 private:
  [[nodiscard]] std::string path_of(const crypto::Digest& id) const;
  [[nodiscard]] Result<> write_merged(const std::string& name,
                                      std::span<const MergeSource> sources) const;
  [[nodiscard]] Result<> write(const crypto::Digest& id, ByteView plain) const;
  std::filesystem::path folder_;
};

}  // namespace reprieve::repository
