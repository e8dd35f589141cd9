#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "storage/object_store.hpp"

namespace reprieve::app {

/// When each pack of a repository was last proved whole by this host: what `verify --percent` and
/// `--max-age` go by. A file in the state folder, 40 bytes for each pack that is in the store; it
/// is not signed, for all that follows from it is which packs are read first. Losing it loses the
/// memory: then all packs count as never proved.
class PackProofs {
 public:
  static PackProofs load(const std::string& state_dir, std::string_view repository_hex);

  void record(const ObjectKey& pack, Instant at) { proved_[pack] = at; }
  /// It has to be read again: it was damaged.
  void forget(const ObjectKey& pack) { proved_.erase(pack); }
  /// Keeps what is remembered of `packs`, durably, and nothing else. Errors: those of the file.
  Result<> save(const std::vector<ObjectInfo>& packs);

  [[nodiscard]] std::optional<Instant> proved_at(const ObjectKey& pack) const;
  /// Since when all of `packs` are proved; nothing if one never was.
  [[nodiscard]] std::optional<Instant> oldest(const std::vector<ObjectInfo>& packs) const;

 private:
  friend std::optional<PackProofs> parse_pack_proofs(ByteView bytes);
  friend Bytes encode_pack_proofs(const PackProofs& proofs);
  std::string folder_;
  std::map<ObjectKey, Instant> proved_;
};

/// The file's bytes. Nothing if they are not what encode_pack_proofs() made. Pure.
std::optional<PackProofs> parse_pack_proofs(ByteView bytes);
Bytes encode_pack_proofs(const PackProofs& proofs);

struct RotaChoice {
  std::optional<double> percent;    ///< At most so much of all bytes; at least one pack.
  std::optional<Duration> max_age;  ///< Only what was not proved for so long.
};
/// Which packs to read now: never proved before long ago. Pure.
std::vector<ObjectInfo> choose_packs(std::vector<ObjectInfo> all, const PackProofs& proofs,
                                     const RotaChoice& choice, Instant now);

}  // namespace reprieve::app
