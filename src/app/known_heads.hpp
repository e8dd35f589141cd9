#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "repository/heads.hpp"

namespace reprieve::app {

/// What this host remembers of one repository, to notice when a store goes back: the heads that it
/// saw, and what a person has accepted as gone. One file in the state folder; without it only what
/// the store itself tells is noticed (repository::judge_chains()).
class KnownHeads {
 public:
  /// Nothing remembered if there is no file. Errors: kCorrupt if it cannot be read as one: losing
  /// this memory must not go unnoticed.
  static Result<KnownHeads> load(const std::string& state_dir, std::string_view repository_hex);

  /// Nothing remembered, whatever the file says: for accept().
  static KnownHeads empty(const std::string& state_dir, std::string_view repository_hex);

  [[nodiscard]] const repository::Heads& heads() const { return heads_; }

  /// `alarms` without those that were accepted.
  [[nodiscard]] std::vector<repository::HeadAlarm> unaccepted(
      std::vector<repository::HeadAlarm> alarms) const;

  /// Remembers what is newer in `seen`, durably; writes nothing if nothing is. Of two processes at
  /// once one may leave it to the next look. Errors: those of the file.
  Result<> advance(const repository::Heads& seen);
  /// From now on `seen` is right and `alarms` are none. Durable. Errors: kConflict if another
  /// process is writing; those of the file.
  Result<> accept(const repository::Heads& seen, const std::vector<repository::HeadAlarm>& alarms);

 private:
  friend std::optional<KnownHeads> parse_known_heads(std::string_view text);
  friend std::string encode_known_heads(const KnownHeads& known);
  [[nodiscard]] std::string path() const { return folder_ + "/heads.json"; }

  std::string folder_;
  repository::Heads heads_;
  std::set<std::string> accepted_;  ///< Objects and what was wrong with them.
};

/// The file's text, for load() and its test. Nothing if it is no such text. Pure.
std::optional<KnownHeads> parse_known_heads(std::string_view text);
std::string encode_known_heads(const KnownHeads& known);

}  // namespace reprieve::app
