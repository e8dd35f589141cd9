#include "app/key_proofs.hpp"

#include <algorithm>

#include "app/json_lines.hpp"
#include "backup/repository_reader.hpp"

namespace reprieve::app {
namespace {

/// The source of the newest point, whose root was read; empty if there is no point.
Result<std::string> read_newest(const repository::Repository& repository,
                                const CancelToken& cancel) {
  REPRIEVE_TRY(const auto list, repository.snapshots());
  if (!list.sealed_off.empty())
    return Error{ErrorKind::kDenied,
                 "the key opens its slot, but was not handed the keys of the newest points",
                 "Make a new one: `reprieve repo keys add`."};
  if (list.snapshots.empty()) return std::string{};
  const repository::Snapshot& newest = list.snapshots.back();
  Progress progress;
  backup::RepositoryReader reader{repository, progress, cancel};
  REPRIEVE_TRY([[maybe_unused]] const auto roots, reader.roots_of(newest));
  return newest.description.source;
}

}  // namespace

KeyProofs KeyProofs::load(const std::string& state_dir, std::string_view repository_hex) {
  KeyProofs proofs;
  proofs.path_ = repository_file(state_dir, repository_hex, "key-proofs.jsonl");
  visit_lines(proofs.path_, [&](const Json& line) {
    if (const auto at = parse_rfc3339(text_of(line, "at")))
      proofs.proofs_[text_of(line, "slot")] = *at;
  });
  return proofs;
}

Result<> KeyProofs::record(const std::string& slot, Instant at) {
  REPRIEVE_RETURN_IF_ERROR(append_line(path_, {{"slot", slot}, {"at", format_rfc3339(at)}}));
  proofs_[slot] = at;
  return kOk;
}

std::optional<Instant> KeyProofs::proved(const std::string& slot) const {
  const auto found = proofs_.find(slot);
  if (found == proofs_.end()) return std::nullopt;
  return found->second;
}

Result<KeyProof> prove_key(Workspace& workspace, const std::string& slot,
                           const CancelToken& cancel) {
  REPRIEVE_TRY(const repository::UnlockKey key, workspace.given_key());
  if (key.passphrase.empty() && key.key_file_secret.empty())
    return Error{ErrorKind::kInvalid, "no key was given to be tested",
                 "Name it with --key-file or --password-file."};
  REPRIEVE_TRY(const auto store, workspace.open_store());
  REPRIEVE_TRY(const auto repository,
               repository::Repository::open(*store, key, system_random(), system_clock(),
                                            {.cache_dir = {}, .slot = slot}));
  KeyProof proof;
  proof.slot = repository->slot_id();
  proof.role = repository->role();
  REPRIEVE_TRY(const auto slots, repository->slots());
  const auto own = std::ranges::find(slots, proof.slot, &repository::SlotSummary::id);
  if (own != slots.end()) proof.label = own->label;
  if (proof.role == repository::Role::kReader || proof.role == repository::Role::kAdmin) {
    REPRIEVE_TRY(proof.source, read_newest(*repository, cancel));
  }
  auto proofs = KeyProofs::load(workspace.state_dir(), to_hex(repository->id()));
  REPRIEVE_RETURN_IF_ERROR(proofs.record(proof.slot, system_clock().now()));
  return proof;
}

}  // namespace reprieve::app
