#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "io/mapped_file.hpp"

namespace reprieve::repository {

/// Opened indexes on the local disk, mapped rather than read. What lies there was proved before it
/// was kept; a checksum tells of damage since. May be deleted at any time. Without a folder, or
/// when the disk refuses, indexes stay in memory. Thread-safe.
class IndexCache {
 public:
  /// `folder` is made when first needed; empty: no cache.
  explicit IndexCache(std::filesystem::path folder) : folder_{std::move(folder)} {}

  /// Plain bytes and what keeps them alive.
  struct Entry {
    std::shared_ptr<const void> backing;
    ByteView plain;
    std::shared_ptr<const io::MappedFile> mapping = {};  ///< The backing, if it is a file.
    /// To be called once all of it was looked through: gives the memory of its pages back.
    void expect_scattered_reads() const {
      if (mapping) mapping->expect_scattered_reads();
    }
  };
  /// Nothing if it is not there or damaged (then it is removed).
  [[nodiscard]] std::optional<Entry> find(const crypto::Digest& id) const;
  /// Keeps `plain`, in memory if need be.
  [[nodiscard]] Entry keep(const crypto::Digest& id, Bytes plain) const;
  /// Removes every entry that is not in `ids`.
  void keep_only(const std::set<crypto::Digest>& ids) const;

 private:
  [[nodiscard]] std::string path_of(const crypto::Digest& id) const;
  [[nodiscard]] Result<> write(const crypto::Digest& id, ByteView plain) const;
  std::filesystem::path folder_;
};

}  // namespace reprieve::repository
