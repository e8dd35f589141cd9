#include "repository/internal/verify_data.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "repository/internal/bad_sectors.hpp"
#include "repository/internal/frame.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/object_check.hpp"
#include "repository/internal/pack_check.hpp"
#include "repository/internal/parallel.hpp"
#include "repository/internal/trailer.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::repository {

namespace {

/// What one pack turned out to be.
struct PackFinding {
  std::vector<Damage> damages;
  std::uint64_t chunks = 0;
  std::uint64_t bytes_read = 0;
};

/// Ids that a tree or list names. Errors: kCorrupt if it does not parse.
Result<std::vector<ChunkId>> children_in(ChunkType type, ByteView bytes) {
  if (type == ChunkType::kTree) {
    REPRIEVE_TRY(const Tree tree, parse_tree(bytes, true));
    return children_of(tree);
  }
  REPRIEVE_TRY(const auto refs, parse_list(bytes));
  std::vector<ChunkId> ids;
  ids.reserve(refs.size());
  for (const ChunkRef& ref : refs)
    ids.push_back(ref.id);
  return ids;
}

/// Garbage collection marks by the trailer's lists of children: one that is missing there would be
/// deleted while it is needed.
Result<> check_children(const PackContents::Chunk& chunk, ByteView bytes) {
  if (chunk.type == ChunkType::kData) return kOk;
  REPRIEVE_TRY(const auto named, children_in(chunk.type, bytes));
  std::vector<ChunkId> listed = chunk.children;
  std::ranges::sort(listed);
  for (const ChunkId& id : named) {
    if (!std::ranges::binary_search(listed, id))
      return Error{ErrorKind::kCorrupt, "names a child that the trailer does not list"};
  }
  return kOk;
}

/// Checks one pack that is in memory.
class PackVerifier {
 public:
  PackVerifier(const Repository& repository, const ObjectKey& key)
      : repository_{repository}, key_{key} {}

  PackFinding verify(ByteView object) {
    const PackId id = *pack_id_in_key(key_);
    const auto row = repository_.index().find_pack(id);
    const PackCheck check = check_pack(id, object, row ? row->label : ByteView{});
    Bytes healed;
    if (!check.is_whole()) {
      report(check.describe(), check.is_healable());
      auto result = heal_pack(id, check, object);
      if (!result) return std::move(finding_);
      healed = *std::move(result);
      object = healed;
    }
    const auto signer = repository_.keys().signer(check.label->writer);
    if (!signer || !label_is_signed_by(check.label_bytes, signer->key))
      report("no writer of this repository has signed it", false);
    else
      verify_contents(*check.label, object);
    return std::move(finding_);
  }

 private:
  void report(std::string what, bool is_healable = false) {
    finding_.damages.push_back({key_, std::move(what), is_healable});
  }

  void verify_contents(const PackLabel& label, ByteView object) {
    const ByteView body = object.subspan(label.label_bytes);
    const auto trailer = open_trailer(repository_.keys(), label,
                                      body.subspan(label.trailer_offset, label.trailer_length));
    if (!trailer) return report(trailer.error().what);
    std::vector<const PackContents::Chunk*> chunks;
    for (const PackContents::Chunk& chunk : trailer->chunks)
      chunks.push_back(&chunk);
    std::ranges::stable_sort(chunks, {}, &PackContents::Chunk::frame);
    auto next = chunks.begin();
    Bytes raw;
    for (std::uint32_t number = 0; number < trailer->frames.size(); ++number) {
      const PackContents::Frame& frame = trailer->frames[number];
      const auto opened = open(label, frame, body.subspan(frame.offset, frame.sealed_length), raw);
      if (!opened) report("frame " + std::to_string(number) + ": " + opened.error().what);
      for (; next != chunks.end() && (*next)->frame == number; ++next) {
        if (opened) verify_chunk(**next, ByteView{raw}.subspan((*next)->offset, (*next)->length));
      }
    }
  }

  Result<> open(const PackLabel& label, const PackContents::Frame& frame, ByteView sealed,
                Bytes& raw) {
    const SessionKeyEntry& entry = label.keys[frame.key];
    if (!secrets_.contains(frame.key)) {
      REPRIEVE_TRY(Secret secret, repository_.keys().open_session(entry));
      secrets_.emplace(frame.key, std::move(secret));
    }
    const FrameBinding binding{label.repository, entry.epoch, label.pack_type, frame.codec,
                               frame.raw_length};
    return open_frame(secrets_.at(frame.key), binding, frame.salt, sealed, raw);
  }

  void verify_chunk(const PackContents::Chunk& chunk, ByteView bytes) {
    ++finding_.chunks;
    const std::string name = "chunk " + chunk.id.hex().substr(0, 16);
    if (repository_.keys().chunk_id(chunk.type, bytes) != chunk.id)
      return report(name + " is not what its id promises");
    if (const auto checked = check_children(chunk, bytes); !checked)
      report(name + ": " + checked.error().what);
  }

  const Repository& repository_;
  const ObjectKey& key_;
  std::map<std::uint16_t, Secret> secrets_;
  PackFinding finding_;
};

Result<PackFinding> verify_pack(const Repository& repository, const ObjectKey& key) {
  PackFinding finding;
  // Damage is looked at twice before it is called so.
  for (int looks = 0; looks < 2; ++looks) {
    auto object = read_around_bad_sectors(repository.store(), key, ByteCount{kPackObjectMax});
    if (!object && object.error().kind == ErrorKind::kNotFound) return PackFinding{};
    if (!object && object.error().kind == ErrorKind::kExhausted) {
      finding.damages = {{key, "larger than any pack", false}};
      return finding;
    }
    if (!object) return std::move(object).error().at("read " + key);
    finding = PackVerifier{repository, key}.verify(*object);
    finding.bytes_read = object->size();
    if (finding.damages.empty()) break;
  }
  return finding;
}

}  // namespace

Result<> verify_data(Repository& repository, unsigned threads, Progress& progress,
                     const CancelToken& cancel, const PackRota* rota, VerifyReport& report) {
  if (!repository.keys().can_read())
    return Error{ErrorKind::kDenied, "this key cannot read data",
                 "Use a reader's or an administrator's key, or a lower level."};
  REPRIEVE_TRY(auto packs, list_all_objects(repository.store(), kPackPrefix));
  std::erase_if(packs, [](const ObjectInfo& object) { return !pack_id_in_key(object.key); });
  if (rota != nullptr) packs = rota->choose(std::move(packs));
  for (const ObjectInfo& pack : packs)
    progress.bytes_total += pack.size.value;
  std::mutex mutex;
  auto done = for_each_parallel(packs.size(), threads, cancel, [&](std::size_t i) -> Result<> {
    REPRIEVE_TRY(PackFinding finding, verify_pack(repository, packs[i].key));
    progress.bytes += packs[i].size.value;
    const std::lock_guard lock{mutex};
    ++report.objects;
    report.bytes_read += finding.bytes_read;
    report.chunks += finding.chunks;
    if (rota != nullptr) rota->done(packs[i], finding.damages.empty());
    std::ranges::move(finding.damages, std::back_inserter(report.damages));
    return kOk;
  });
  std::ranges::stable_sort(report.damages, {}, &Damage::object);
  return done;
}

}  // namespace reprieve::repository
