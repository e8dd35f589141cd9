#include "repository/heads.hpp"

#include <algorithm>

#include "base/codec.hpp"
#include "crypto/crypto.hpp"
#include "repository/internal/object_names.hpp"

namespace reprieve::repository {
namespace {

/// Gaps longer than this are told as one.
constexpr std::uint64_t kGapMax = 100;

/// Without letters and digits that look like others. Five bits each.
constexpr std::string_view kDigestAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";
constexpr std::size_t kDigestCharacters = 20;
constexpr unsigned kBitsPerCharacter = 5;

constexpr RecordHash kUnverified{};

bool differs(const RecordHash& known, const RecordHash& found) {
  return known != kUnverified && found != kUnverified && known != found;
}

class Judgement {
 public:
  void add(std::string object, std::string what) {
    const bool is_told = std::ranges::any_of(
        alarms_, [&](const HeadAlarm& alarm) { return alarm.object == object; });
    if (!is_told) alarms_.push_back({std::move(object), std::move(what)});
  }
  std::vector<HeadAlarm> take() && { return std::move(alarms_); }

  void check_gap(const WriterId& writer, std::uint64_t first, std::uint64_t end) {
    const std::uint64_t told = std::min(end, first + kGapMax);
    for (std::uint64_t seq = first; seq < told; ++seq)
      add(snapshot_key(writer, seq), "gone, and no tomb says so");
    if (told < end) {
      add(snapshot_key(writer, told),
          "gone, as are " + std::to_string(end - told - 1) + " after it");
    }
  }

  void check_chain(const WriterId& writer, const SnapshotChain& chain) {
    std::uint64_t expected = 1;
    std::optional<SnapshotId> before = SnapshotId{};  // What the first one names: zeros.
    for (const auto& [seq, link] : chain) {
      if (seq != expected) {
        check_gap(writer, expected, seq);
      } else if (link.previous && before && *link.previous != *before) {
        add(snapshot_key(writer, seq), "does not follow on the snapshot that stands before it");
      }
      before = link.id;
      expected = seq + 1;
    }
  }

  /// `who` saw a snapshot under a name: it must be there or have its tomb.
  void check_seen(const SnapshotChains& chains, const SnapshotHead& head, std::string_view who) {
    // What did not verify then proves nothing now: anybody may put such an object and take it away.
    if (head.seq == 0 || head.id == SnapshotId{}) return;
    const auto chain = chains.find(head.writer);
    if (chain == chains.end() || !chain->second.contains(head.seq)) {
      add(snapshot_key(head.writer, head.seq),
          "gone, though " + std::string{who} + " saw it, and no tomb says so");
      return;
    }
    const auto& id = chain->second.at(head.seq).id;
    if (id && *id != head.id)
      add(snapshot_key(head.writer, head.seq),
          "is not what " + std::string{who} + " saw under its name");
  }

  void check_config(const NumberedRecord& known, const HeadLook& look) {
    if (known.n == 0) return;
    if (look.newest.config.n < known.n) {
      add(config_key(known.n),
          look.known_config ? "does not verify, so an older config is in force: keys that were "
                              "revoked since may sign again"
                            : "gone, though this host saw it: keys that were revoked since may "
                              "sign again");
    } else if (!look.known_config) {
      add(config_key(known.n), "gone, though this host saw it");
    } else if (differs(known.id, *look.known_config)) {
      add(config_key(known.n), "is not what this host saw under its name");
    }
  }

  void check_gc(const NumberedRecord& known, const HeadLook& look) {
    if (look.newest.gc.n < known.n)
      add(gc_key(known.n), "gone, though this host saw it, and the newest plan is never removed");
    else if (look.known_gc && differs(known.id, *look.known_gc))
      add(gc_key(known.n), "is not what this host saw under its name");
  }

 private:
  std::vector<HeadAlarm> alarms_;
};

void judge_into(Judgement& judgement, const SnapshotChains& chains) {
  for (const auto& [writer, chain] : chains)
    judgement.check_chain(writer, chain);
  for (const auto& [writer, chain] : chains)
    for (const auto& [seq, link] : chain)
      for (const SnapshotHead& head : link.seen)
        judgement.check_seen(chains, head, "another writer");
}

/// The heads that a snapshot left: itself, and what it saw of others.
Heads heads_after(const WriterId& writer, std::uint64_t seq, const SnapshotLink& link,
                  const NumberedRecord& config) {
  Heads heads;
  heads.config = config;
  heads.writers[writer] = {seq, link.id->bytes};
  for (const SnapshotHead& head : link.seen)
    heads.writers[head.writer] = {head.seq, head.id.bytes};
  return heads;
}

/// How many snapshots stand in `chains` that are newer than `heads`.
std::uint64_t count_newer(const SnapshotChains& chains, const Heads& heads) {
  std::uint64_t count = 0;
  for (const auto& [writer, chain] : chains) {
    const auto head = heads.writers.find(writer);
    const std::uint64_t seq = head == heads.writers.end() ? 0 : head->second.n;
    count += static_cast<std::uint64_t>(std::distance(chain.upper_bound(seq), chain.end()));
  }
  return count;
}

}  // namespace

std::vector<HeadAlarm> judge_chains(const SnapshotChains& chains) {
  Judgement judgement;
  judge_into(judgement, chains);
  return std::move(judgement).take();
}

std::vector<HeadAlarm> judge_heads(const Heads& known, const HeadLook& look) {
  Judgement judgement;
  judgement.check_config(known.config, look);
  judgement.check_gc(known.gc, look);
  for (const auto& [writer, head] : known.writers)
    judgement.check_seen(look.chains, {writer, head.n, SnapshotId{head.id}}, "this host");
  judge_into(judgement, look.chains);
  return std::move(judgement).take();
}

Heads merge_heads(Heads known, const Heads& seen) {
  const auto take = [](NumberedRecord& old, const NumberedRecord& now) {
    if (now.n >= old.n && now.id != kUnverified) old = now;
  };
  take(known.config, seen.config);
  take(known.gc, seen.gc);
  for (const auto& [writer, head] : seen.writers)
    take(known.writers[writer], head);
  std::erase_if(known.writers, [](const auto& item) { return item.second.n == 0; });
  return known;
}

std::string digest_of_heads(const RepositoryId& repository, const Heads& heads) {
  Encoder out;
  out.raw(as_bytes("reprieve heads"));
  out.raw(repository);
  out.u64(heads.config.n);
  out.raw(heads.config.id);
  out.varint(heads.writers.size());
  for (const auto& [writer, head] : heads.writers) {
    out.raw(writer);
    out.u64(head.n);
    out.raw(head.id);
  }
  const crypto::Digest hash = crypto::sha256(out.view());
  std::string digest;
  for (std::size_t i = 0; i < kDigestCharacters; ++i) {
    unsigned value = 0;
    for (std::size_t bit = i * kBitsPerCharacter; bit < (i + 1) * kBitsPerCharacter; ++bit)
      value = value << 1U | (std::to_integer<unsigned>(hash[bit / 8]) >> (7 - bit % 8) & 1U);
    digest += kDigestAlphabet[value];
  }
  return digest;
}

std::optional<DigestMatch> find_digest(const RepositoryId& repository, const HeadLook& look,
                                       const std::vector<NumberedRecord>& configs,
                                       const std::string& digest) {
  if (digest_of_heads(repository, look.newest) == digest) return DigestMatch{};
  std::vector<NumberedRecord> candidates = configs;
  candidates.push_back(look.newest.config);
  for (const NumberedRecord& config : candidates) {
    Heads now = look.newest;
    now.config = config;
    if (digest_of_heads(repository, now) == digest) return DigestMatch{};
    for (const auto& [writer, chain] : look.chains) {
      for (const auto& [seq, link] : chain) {
        if (!link.id || !link.is_stored) continue;
        const Heads then = heads_after(writer, seq, link, config);
        if (digest_of_heads(repository, then) == digest)
          return DigestMatch{count_newer(look.chains, then)};
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> parse_head_digest(std::string_view text) {
  std::string digest;
  for (const char c : text) {
    if (c == '-' || c == ' ') continue;
    digest += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const bool is_one = digest.size() == kDigestCharacters &&
                      digest.find_first_not_of(kDigestAlphabet) == std::string::npos;
  if (!is_one) return std::nullopt;
  return digest;
}

}  // namespace reprieve::repository
