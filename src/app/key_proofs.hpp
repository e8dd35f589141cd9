#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "app/workspace.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace reprieve::app {

/// When each slot was last opened for real, by its id: a file in the state folder. Losing it loses
/// only the memory of it.
class KeyProofs {
 public:
  static KeyProofs load(const std::string& state_dir, std::string_view repository_hex);
  /// Appends durably. Errors: those of the file.
  Result<> record(const std::string& slot, Instant at);
  [[nodiscard]] std::optional<Instant> proved(const std::string& slot) const;

 private:
  std::string path_;
  std::map<std::string, Instant> proofs_;
};

/// After so long, somebody should look whether a key that lies somewhere still is what it was.
inline constexpr Duration kProofLasts = std::chrono::hours{24 * 180};

struct KeyProof {
  std::string slot;  ///< Id, hexadecimal.
  std::string label;
  repository::Role role = repository::Role::kWriter;
  std::string source;  ///< Of the point that was read; empty if the role reads none, or none is.
};
/// Opens the slot whose id begins with `slot` (or whichever fits, if it is empty) with the key that
/// the user gave and no other, and, if its role reads, reads the root of the newest recovery point.
/// Then remembers that. Errors: kInvalid if no key was given; kNotFound; kDenied if the key does
/// not open it, or was not handed the current keys; kCorrupt.
Result<KeyProof> prove_key(Workspace& workspace, const std::string& slot,
                           const CancelToken& cancel);

}  // namespace reprieve::app
