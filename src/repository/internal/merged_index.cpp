#include "repository/internal/merged_index.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/assert.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

constexpr std::string_view kMagic = "RPIM";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMemberBytes = sizeof(crypto::Digest);
constexpr std::size_t kPieceBytes = 1024 * 1024;
/// A frame's row names its session key with 16 bits.
constexpr std::size_t kKeysMax = 65'535;

struct Head {
  std::vector<crypto::Digest> members;
  std::uint32_t packs = 0;
};

std::optional<Head> parse_head(Decoder& in) {
  const ByteView magic = in.raw(kMagic.size());
  const std::uint32_t version = in.u32();
  const std::uint32_t members = in.u32();
  Head head;
  head.packs = in.u32();
  if (!in.ok() || as_text(magic) != kMagic || version != kVersion) return std::nullopt;
  if (members > in.remaining() / kMemberBytes) return std::nullopt;
  for (std::uint32_t i = 0; i < members; ++i)
    head.members.push_back(in.array<kMemberBytes>());
  const auto later = std::ranges::adjacent_find(head.members, std::ranges::greater_equal{});
  if (later != head.members.end()) return std::nullopt;
  return head;
}

/// A pack of the result, by its place in a source.
struct PackPlace {
  PackId id;
  std::uint32_t source = 0;
  std::uint32_t number = 0;
};

std::vector<PackPlace> packs_in_order(std::span<const MergeSource> sources) {
  std::vector<PackPlace> packs;
  for (std::uint32_t source = 0; source < sources.size(); ++source) {
    const IndexView& view = sources[source].unit->view;
    for (std::uint32_t number = 0; number < view.pack_count(); ++number) {
      if (sources[source].has(number)) packs.push_back({view.pack(number).row.id, source, number});
    }
  }
  std::ranges::sort(packs, [](const PackPlace& a, const PackPlace& b) {
    return std::tie(a.id, a.source) < std::tie(b.id, b.source);
  });
  return packs;
}

/// Gathers what is written, so that rows of some bytes do not each cost a call.
class PieceWriter {
 public:
  explicit PieceWriter(const WritePiece& write) : write_{write} {}
  Encoder& out() { return out_; }
  Result<> flush_full(MergedPart part) {
    if (out_.size() < kPieceBytes) return kOk;
    return flush(part);
  }
  Result<> flush(MergedPart part) {
    written_ += out_.size();
    const Bytes piece = std::move(std::exchange(out_, Encoder{})).take();
    return piece.empty() ? Result<>{kOk} : write_(part, piece);
  }
  void pad_to_8() {
    while ((written_ + out_.size()) % 8 != 0)
      out_.u8(0);
  }

 private:
  const WritePiece& write_;
  Encoder out_;
  std::uint64_t written_ = 0;
};

class Merge {
 public:
  Merge(std::span<const MergeSource> sources, const WritePiece& write)
      : sources_{sources}, writer_{write}, plans_{sources.size()} {}

  Result<> run() {
    packs_ = packs_in_order(sources_);
    number_members();
    number_frames();
    number_keys();
    count_chunks();
    const std::uint64_t bytes = kIndexHeaderBytes + packs_.size() * kIndexPackBytes +
                                keys_.size() * kIndexKeyBytes + frames_ * kIndexFrameBytes +
                                chunks_ * kIndexChunkBytes + label_bytes_ + 16;
    if (bytes > kIndexBytesMax || keys_.size() > kKeysMax)
      return Error{ErrorKind::kInvalid, "a merged index would be too large"};
    write_head();
    REPRIEVE_RETURN_IF_ERROR(write_packs());
    REPRIEVE_RETURN_IF_ERROR(write_frames());
    REPRIEVE_RETURN_IF_ERROR(write_chunks());
    return write_labels();
  }

 private:
  /// How the numbers of a source become those of the result.
  struct Plan {
    std::vector<std::uint32_t> members;
    std::vector<std::uint32_t> keys;
    /// By pack: what is added to a frame's number. Modulo 2^32, which unsigned numbers are.
    std::vector<std::uint32_t> frame_shift;
  };
  /// The next chunk of a source.
  struct Cursor {
    IndexView::Chunk chunk;
    std::uint32_t frame = 0;  ///< In the result.
    std::uint32_t source = 0;
    std::uint64_t row = 0;
  };

  [[nodiscard]] const IndexView& view(std::uint32_t source) const {
    return sources_[source].unit->view;
  }
  [[nodiscard]] IndexView::Pack pack(const PackPlace& place) const {
    return view(place.source).pack(place.number);
  }

  void number_members() {
    members_ = members_of(sources_);
    for (std::size_t source = 0; source < sources_.size(); ++source) {
      for (const crypto::Digest& member : sources_[source].unit->members) {
        // That of a member which is gone is not used.
        const auto at = std::ranges::lower_bound(members_, member);
        plans_[source].members.push_back(static_cast<std::uint32_t>(at - members_.begin()));
      }
    }
  }

  void number_frames() {
    for (std::uint32_t source = 0; source < sources_.size(); ++source)
      plans_[source].frame_shift.resize(view(source).pack_count());
    for (const PackPlace& place : packs_) {
      const IndexView::Pack from = pack(place);
      plans_[place.source].frame_shift[place.number] =
          static_cast<std::uint32_t>(frames_) - from.first_frame;
      frames_ += from.frames;
      label_bytes_ += from.row.label.size();
    }
  }

  void number_keys() {
    using Name = std::tuple<crypto::PublicKey, std::uint32_t, Commitment>;
    std::map<Name, std::uint32_t> numbers;
    for (std::uint32_t source = 0; source < sources_.size(); ++source) {
      for (std::uint32_t i = 0; i < view(source).key_count(); ++i) {
        const SessionKeyEntry key = view(source).key(i);
        const auto next = static_cast<std::uint32_t>(keys_.size());
        const auto [at, is_new] =
            numbers.try_emplace({key.ephemeral, key.epoch, key.commitment}, next);
        if (is_new) keys_.push_back(key);
        plans_[source].keys.push_back(at->second);
      }
    }
  }

  [[nodiscard]] bool has_chunk(std::uint32_t source, const IndexView::Chunk& chunk) const {
    return sources_[source].is_gone.empty() ||
           sources_[source].has(view(source).frame(chunk.frame).pack);
  }

  void count_chunks() {
    for (std::uint32_t source = 0; source < sources_.size(); ++source) {
      if (sources_[source].is_gone.empty()) {
        chunks_ += view(source).chunk_count();
        continue;
      }
      for (std::uint64_t row = 0; row < view(source).chunk_count(); ++row)
        chunks_ += has_chunk(source, view(source).chunk(row)) ? 1U : 0U;
    }
  }

  void write_head() {
    Encoder& out = writer_.out();
    out.raw(as_bytes(kMagic));
    out.u32(kVersion);
    out.u32(static_cast<std::uint32_t>(members_.size()));
    out.u32(static_cast<std::uint32_t>(packs_.size()));
    for (const crypto::Digest& member : members_)
      out.raw(member);
    for (const PackPlace& place : packs_)
      out.u32(plans_[place.source].members[sources_[place.source].unit->owners.of(place.number)]);
    writer_.pad_to_8();
    out.raw(as_bytes(kIndexMagic));
    out.u32(kIndexVersion);
    out.u32(static_cast<std::uint32_t>(packs_.size()));
    out.u32(static_cast<std::uint32_t>(keys_.size()));
    out.u32(static_cast<std::uint32_t>(frames_));
    out.u32(static_cast<std::uint32_t>(label_bytes_));
    out.u64(chunks_);
  }

  Result<> write_packs() {
    std::uint32_t label_offset = 0;
    for (const PackPlace& place : packs_) {
      const IndexView::Pack from = pack(place);
      Encoder& out = writer_.out();
      out.raw(from.row.id.bytes);
      out.u64(from.row.object_bytes);
      out.u32(label_offset);
      out.u32(static_cast<std::uint32_t>(from.row.label.size()));
      out.u32(from.first_frame + plans_[place.source].frame_shift[place.number]);
      out.u32(from.frames);
      out.u32(from.row.pack_type);
      out.u32(from.row.trailer_length);
      label_offset += static_cast<std::uint32_t>(from.row.label.size());
      REPRIEVE_RETURN_IF_ERROR(writer_.flush_full(MergedPart::kChecked));
    }
    for (const SessionKeyEntry& key : keys_) {
      writer_.out().raw(key.ephemeral);
      writer_.out().u32(key.epoch);
      writer_.out().raw(key.commitment);
      writer_.out().u32(0);
    }
    return kOk;
  }

  Result<> write_frames() {
    for (std::uint32_t number = 0; number < packs_.size(); ++number) {
      const PackPlace& place = packs_[number];
      const IndexView::Pack from = pack(place);
      for (std::uint32_t i = from.first_frame; i < from.first_frame + from.frames; ++i) {
        const IndexView::Frame frame = view(place.source).frame(i);
        Encoder& out = writer_.out();
        out.u32(number);
        out.u32(frame.offset);
        out.u32(frame.sealed_length);
        out.u32(frame.raw_length);
        out.raw(frame.salt);
        out.u16(static_cast<std::uint16_t>(plans_[place.source].keys[frame.key]));
        out.u8(static_cast<std::uint8_t>(frame.codec));
        out.u8(frame.type);
        REPRIEVE_RETURN_IF_ERROR(writer_.flush_full(MergedPart::kChecked));
      }
    }
    writer_.pad_to_8();
    return kOk;
  }

  /// Moves to the first row from `row` on that the result has; false at the end.
  bool settle(Cursor& cursor) const {
    const IndexView& rows = view(cursor.source);
    for (; cursor.row < rows.chunk_count(); ++cursor.row) {
      cursor.chunk = rows.chunk(cursor.row);
      if (!has_chunk(cursor.source, cursor.chunk)) continue;
      const std::uint32_t number = rows.frame(cursor.chunk.frame).pack;
      cursor.frame = cursor.chunk.frame + plans_[cursor.source].frame_shift[number];
      return true;
    }
    return false;
  }

  static bool is_later(const Cursor& a, const Cursor& b) {
    const int order =
        std::memcmp(a.chunk.id_prefix.data(), b.chunk.id_prefix.data(), kIndexIdBytes);
    return order != 0 ? order > 0 : a.frame > b.frame;
  }

  Result<> write_chunks() {
    std::vector<Cursor> heap;
    for (std::uint32_t source = 0; source < sources_.size(); ++source) {
      Cursor cursor{.chunk = {}, .source = source};
      if (settle(cursor)) heap.push_back(cursor);
    }
    std::ranges::make_heap(heap, is_later);
    while (!heap.empty()) {
      std::ranges::pop_heap(heap, is_later);
      Cursor& next = heap.back();
      Encoder& out = writer_.out();
      out.raw(next.chunk.id_prefix);
      out.u32(next.frame);
      out.u32(next.chunk.offset);
      out.u32(next.chunk.length);
      REPRIEVE_RETURN_IF_ERROR(writer_.flush_full(MergedPart::kChecked));
      ++next.row;
      if (settle(next))
        std::ranges::push_heap(heap, is_later);
      else
        heap.pop_back();
    }
    writer_.pad_to_8();
    return writer_.flush(MergedPart::kChecked);
  }

  Result<> write_labels() {
    for (const PackPlace& place : packs_) {
      writer_.out().raw(pack(place).row.label);
      REPRIEVE_RETURN_IF_ERROR(writer_.flush_full(MergedPart::kLabels));
    }
    return writer_.flush(MergedPart::kLabels);
  }

  std::span<const MergeSource> sources_;
  PieceWriter writer_;
  std::vector<Plan> plans_;  // By source.
  std::vector<PackPlace> packs_;
  std::vector<crypto::Digest> members_;
  std::vector<SessionKeyEntry> keys_;
  std::uint64_t frames_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t label_bytes_ = 0;
};

}  // namespace

Result<MergedIndex> parse_merged_index(ByteView bytes) {
  const Error malformed{ErrorKind::kCorrupt, "merged index: malformed"};
  Decoder in{bytes};
  auto head = parse_head(in);
  if (!head || head->members.empty()) return malformed;
  const std::size_t owner_bytes = std::size_t{head->packs} * 4;
  const ByteView table = in.raw(owner_bytes);
  const ByteView padding = in.raw(aligned_to_8(owner_bytes) - owner_bytes);
  if (!in.ok() || std::ranges::any_of(padding, [](std::byte b) { return b != std::byte{0}; }))
    return malformed;
  const PackOwners owners{table};
  for (std::uint32_t i = 0; i < head->packs; ++i)
    if (owners.of(i) >= head->members.size()) return malformed;
  const ByteView plain = in.raw(in.remaining());
  REPRIEVE_TRY(const IndexView view, IndexView::parse(plain));
  if (view.pack_count() != head->packs) return malformed;
  const std::size_t labels = plain.size() - view.without_labels().size();
  return MergedIndex{.members = std::move(head->members),
                     .owners = owners,
                     .view = view,
                     .without_labels = bytes.first(bytes.size() - labels)};
}

std::vector<crypto::Digest> members_of_merged_index(ByteView bytes) {
  Decoder in{bytes};
  auto head = parse_head(in);
  return head ? std::move(head->members) : std::vector<crypto::Digest>{};
}

std::vector<crypto::Digest> members_of(std::span<const MergeSource> sources) {
  std::vector<crypto::Digest> members;
  for (const MergeSource& source : sources) {
    for (std::size_t i = 0; i < source.unit->members.size(); ++i)
      if (source.is_gone.empty() || !source.is_gone[i]) members.push_back(source.unit->members[i]);
  }
  std::ranges::sort(members);
  return members;
}

std::vector<std::size_t> sources_without_common_packs(std::span<const MergeSource> sources) {
  const std::vector<PackPlace> packs = packs_in_order(sources);
  std::vector<bool> is_out(sources.size());
  for (std::size_t i = 1; i < packs.size(); ++i)
    if (packs[i].id == packs[i - 1].id) is_out[packs[i].source] = true;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < sources.size(); ++i)
    if (!is_out[i]) chosen.push_back(i);
  return chosen;
}

Result<> write_merged_index(std::span<const MergeSource> sources, const WritePiece& write) {
  return Merge{sources, write}.run();
}

}  // namespace reprieve::repository
