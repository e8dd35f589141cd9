#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "repository/stream.hpp"
#include "source/postgresql/wal_map.hpp"

namespace reprieve::backup {

/// Whose log the stream of `pieces`, at least one, is, by the header of one of the first. Errors:
/// of the last that was tried, as StreamReader's; kInvalid if a newer program wrote it.
Result<WalOrigin> origin_of_stream(const repository::StreamReader& reader,
                                   const std::vector<repository::StreamPiece>& pieces);

/// One cluster's log as a repository's streams hold it. The repository must outlive it.
class WalArchive {
 public:
  /// Which log: that of one source, of one cluster, or both; empty means any.
  struct Which {
    std::string source;
    std::string system_identifier;
  };
  /// Lists all pieces and reads one header of each stream. A stream whose headers cannot be read is
  /// left out, with a sentence in problems(). Errors: the store's; kConflict if streams of several
  /// clusters fit; kDenied if the key cannot read.
  static Result<WalArchive> open(const repository::Repository& repository, const Which& which);

  [[nodiscard]] const WalMap& map() const { return map_; }
  [[nodiscard]] bool is_empty() const { return map_.timelines.empty(); }
  [[nodiscard]] const std::string& system_identifier() const { return system_; }
  /// The server's wal_block_size.
  [[nodiscard]] std::uint32_t page_size() const { return page_size_; }
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

  /// The header of a piece by its number in map(). Errors: as StreamReader's.
  [[nodiscard]] Result<WalHeader> header(std::size_t number) const;
  /// The bytes of a part of an answer. Errors: as StreamReader's.
  [[nodiscard]] Result<Bytes> read(const WalAnswer::Part& part) const;

 private:
  explicit WalArchive(const repository::Repository& repository) : reader_{repository} {}

  repository::StreamReader reader_;
  std::vector<repository::StreamPiece> pieces_;
  WalMap map_;
  std::string system_;
  std::uint32_t page_size_ = 0;
  std::vector<std::string> problems_;
};

/// Answers `file` (PostgreSQL's %f) by writing it to `destination`, whole or not at all. Returns
/// the exit status for the server: see staged_wal.hpp. `message` gets a sentence where there is one
/// to be told.
int fetch_wal(const WalArchive& archive, const std::string& file, const std::string& destination,
              bool is_standby, std::string& message);

}  // namespace reprieve::backup
