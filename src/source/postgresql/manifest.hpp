#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "source/postgresql/lsn.hpp"

namespace reprieve {

/// Size and digest of a file's bytes.
struct FileDigest {
  std::uint64_t size = 0;
  crypto::Digest sha256{};
  friend bool operator==(const FileDigest&, const FileDigest&) = default;
};

/// The server's own record of a base backup (backup_manifest), with SHA-256 checksums.
struct Manifest {
  struct File {
    std::string path;  ///< Relative to PGDATA, raw bytes.
    FileDigest digest;
  };
  struct WalRange {
    std::uint32_t timeline = 0;
    Lsn start;
    Lsn end;
  };
  int version = 0;                ///< 1 (servers 13 to 16) or 2.
  std::string system_identifier;  ///< Decimal; empty in version 1.
  std::vector<File> files;
  std::vector<WalRange> wal_ranges;
};

/// Larger manifests are refused: some five million files.
inline constexpr std::size_t kManifestBytesMax = std::size_t{1} << 30;

/// Reads a whole backup_manifest and checks the checksum that it carries of itself.
/// Errors: kCorrupt, and nothing else.
Result<Manifest> parse_manifest(ByteView text);

/// Whether what arrived is exactly what the manifest lists: no file missing, added or different.
/// Errors: kCorrupt, naming the first files concerned.
Result<> check_manifest(const Manifest& manifest,
                        const std::unordered_map<std::string, FileDigest>& arrived);

}  // namespace reprieve
