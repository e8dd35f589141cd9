#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "repository/credentials.hpp"
#include "repository/snapshot.hpp"
#include "storage/object_store.hpp"

/// How a client notices that a store was set back, was forked, or lost recovery points: it keeps
/// the newest of each numbered series, its heads, and compares (docs/format.md section 12).
/// Deciding is pure; look_at_heads() is the one function that reads.
namespace reprieve::repository {

class Repository;

using RecordHash = std::array<std::byte, 32>;

/// One place in a numbered series and the SHA-256 of the record that stands there.
struct NumberedRecord {
  std::uint64_t n = 0;  ///< 0: there is none.
  RecordHash id{};      ///< Zeros: it does not verify.
  friend bool operator==(const NumberedRecord&, const NumberedRecord&) = default;
};

/// The newest of each series.
struct Heads {
  NumberedRecord config;
  NumberedRecord gc;
  std::map<WriterId, NumberedRecord> writers;  ///< Their snapshots.
  friend bool operator==(const Heads&, const Heads&) = default;
};

/// One place in a writer's series: from its record or, once that is deleted, from its tomb.
struct SnapshotLink {
  std::optional<SnapshotId> id;        ///< Nothing: the record does not verify.
  std::optional<SnapshotId> previous;  ///< What it says stands before it.
  std::vector<SnapshotHead> seen;      ///< Of other writers, when it was made.
  bool is_stored = false;              ///< The record is in the store.
  std::string problem;                 ///< Why the record does not verify; else empty.
};
using SnapshotChain = std::map<std::uint64_t, SnapshotLink>;
/// Every writer's series, as far as the store tells.
using SnapshotChains = std::map<WriterId, SnapshotChain>;

/// What the store shows of the series, as far as the comparison needs it.
struct HeadLook {
  Heads newest;
  /// Hashes of the remembered config and plan, if they are in the store; zeros: does not verify.
  std::optional<RecordHash> known_config;
  std::optional<RecordHash> known_gc;
  SnapshotChains chains;
};

/// Something that is not as it was seen.
struct HeadAlarm {
  std::string object;  ///< Name in the store.
  std::string what;    ///< "gone, and no tomb says so".
  friend bool operator==(const HeadAlarm&, const HeadAlarm&) = default;
};

/// Looks at the store. `known` must have been remembered before: what is newer in it than the store
/// is an alarm. `chains` are those of Repository::snapshots(). What does not verify stops nothing.
/// Errors: the store's.
Result<HeadLook> look_at_heads(const Repository& repository, const Heads& known,
                               SnapshotChains chains);

/// Gaps in a writer's series, links that do not follow on each other, and points that another
/// writer saw and that are neither there nor under a tomb. Needs no memory: what a client that was
/// never here before can tell. Pure.
std::vector<HeadAlarm> judge_chains(const SnapshotChains& chains);

/// The same, and everything in which the store is behind `known` or went another way. What
/// retention deleted has its tomb, and revoked keys a newer config: neither is an alarm. Pure.
std::vector<HeadAlarm> judge_heads(const Heads& known, const HeadLook& look);

/// What to remember after a look without an alarm: of each series the newest that ever verified.
Heads merge_heads(Heads known, const Heads& seen);

/// Twenty characters that stand for a repository's config and the newest snapshot of each writer:
/// to be noted elsewhere and compared later. Pure.
std::string digest_of_heads(const RepositoryId& repository, const Heads& heads);

/// Whether `digest` is that of `look`, or of the state in which an earlier snapshot of it left the
/// repository, under any of `configs`. `newer` is how many snapshots came since.
struct DigestMatch {
  std::uint64_t newer = 0;
};
std::optional<DigestMatch> find_digest(const RepositoryId& repository, const HeadLook& look,
                                       const std::vector<NumberedRecord>& configs,
                                       const std::string& digest);
/// Every config in the store that verifies. Errors: the store's.
Result<std::vector<NumberedRecord>> read_config_hashes(const Repository& repository);

/// As a person may write it: letter case, blanks and dashes do not count. Nothing if it cannot be a
/// digest.
std::optional<std::string> parse_head_digest(std::string_view text);

}  // namespace reprieve::repository
