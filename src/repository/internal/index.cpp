#include "repository/internal/index.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <tuple>

#include "repository/internal/filter.hpp"
#include "repository/internal/index_unit.hpp"
#include "repository/internal/object_names.hpp"

namespace reprieve::repository {
namespace {

/// Global frame numbers: which index, which of its frames.
constexpr unsigned kRunShift = 32;

/// One index, or several that were merged: never changed but for its members' being retired.
struct Run {
  std::vector<std::string> members;  // Names of objects.
  PackOwners owners;
  std::shared_ptr<const void> backing;
  IndexView view;
  Filter filter;
  std::vector<std::uint32_t> key_numbers = {};  // Global, by the index's own.
  Index::Trust trust = Index::Trust::kSettled;
  std::vector<bool> is_gone = {};  // By member.
  std::size_t gone = 0;            // Of them.

  [[nodiscard]] bool is_retired() const { return gone == members.size(); }
  [[nodiscard]] bool has_pack(std::uint32_t pack) const {
    return gone == 0 || !is_gone[owners.of(pack)];
  }
  [[nodiscard]] bool has_chunk(std::uint64_t row) const {
    return gone == 0 || has_pack(view.frame(view.chunk(row).frame).pack);
  }
  [[nodiscard]] std::uint32_t owner_of_chunk(const IndexView::Chunk& chunk) const {
    return owners.of(view.frame(chunk.frame).pack);
  }
};

/// Where an index is: in which run, and as which of its members.
struct Place {
  std::size_t run = 0;
  std::uint32_t member = 0;
};

/// An id of which only the beginning is known.
ChunkId full_length(ByteView prefix) {
  ChunkId id;
  std::ranges::copy(prefix, id.bytes.begin());
  return id;
}

Index::Row row_of(const Run& run, std::uint32_t number, std::uint64_t at) {
  const IndexView::Chunk chunk = run.view.chunk(at);
  const IndexView::Frame frame = run.view.frame(chunk.frame);
  return {.run = number,
          .number = static_cast<std::uint32_t>(at),
          .place = {.frame = std::uint64_t{number} << kRunShift | chunk.frame,
                    .offset = chunk.offset,
                    .length = chunk.length},
          .pack = run.view.pack(frame.pack).row.id,
          .pack_type = frame.type,
          .trust = run.trust};
}

/// All that an index says of a pack but its chunks, with the keys that its frames name.
PackContents contents_of_pack(const IndexView& view, const IndexView::Pack& pack) {
  PackContents contents;
  contents.id = pack.row.id;
  contents.pack_type = pack.row.pack_type;
  contents.object_bytes = pack.row.object_bytes;
  contents.trailer_length = pack.row.trailer_length;
  contents.label = copy_of(pack.row.label);
  std::map<std::uint16_t, std::uint16_t> keys;
  for (std::uint32_t i = pack.first_frame; i < pack.first_frame + pack.frames; ++i) {
    const IndexView::Frame frame = view.frame(i);
    const auto [key, is_new] =
        keys.try_emplace(frame.key, static_cast<std::uint16_t>(contents.keys.size()));
    if (is_new) contents.keys.push_back(view.key(frame.key));
    contents.frames.push_back(
        {.offset = frame.offset - static_cast<std::uint32_t>(pack.row.label.size()),
         .sealed_length = frame.sealed_length,
         .raw_length = frame.raw_length,
         .codec = frame.codec,
         .key = key->second,
         .salt = frame.salt});
  }
  return contents;
}

/// Appends what a run says of the packs of some of its members.
void add_contents(const Run& run, const std::vector<bool>& members,
                  std::vector<PackContents>& packs) {
  const IndexView& view = run.view;
  constexpr auto kNone = static_cast<std::size_t>(-1);
  std::vector<std::size_t> places(view.pack_count(), kNone);
  for (std::uint32_t i = 0; i < view.pack_count(); ++i) {
    if (!members[run.owners.of(i)]) continue;
    places[i] = packs.size();
    packs.push_back(contents_of_pack(view, view.pack(i)));
  }
  for (std::uint64_t at = 0; at < view.chunk_count(); ++at) {
    const IndexView::Chunk chunk = view.chunk(at);
    const std::uint32_t pack = view.frame(chunk.frame).pack;
    if (places[pack] == kNone) continue;
    packs[places[pack]].chunks.push_back({.id = full_length(chunk.id_prefix),
                                          .type = ChunkType::kData,
                                          .frame = chunk.frame - view.pack(pack).first_frame,
                                          .offset = chunk.offset,
                                          .length = chunk.length,
                                          .children = {}});
  }
}

Filter filter_of(const IndexView& view) {
  Filter filter{view.chunk_count()};
  for (std::uint64_t row = 0; row < view.chunk_count(); ++row)
    filter.add(view.chunk(row).id_prefix);
  return filter;
}

}  // namespace

struct Index::State {
  mutable std::shared_mutex mutex;
  // Guarded by mutex. Runs are only appended, so their numbers stay good.
  std::vector<std::unique_ptr<Run>> runs;
  std::map<std::string, Place, std::less<>> by_name;  // Those that are not retired.
  std::vector<SessionKeyEntry> keys;
  std::map<std::tuple<crypto::PublicKey, std::uint32_t, Commitment>, std::uint32_t> key_numbers;

  std::uint32_t number_of(const SessionKeyEntry& key) {
    const auto next = static_cast<std::uint32_t>(keys.size());
    const auto [at, is_new] =
        key_numbers.try_emplace({key.ephemeral, key.epoch, key.commitment}, next);
    if (is_new) keys.push_back(key);
    return at->second;
  }

  [[nodiscard]] const Run& run_of(std::uint64_t frame_number) const {
    const std::uint64_t run = frame_number >> kRunShift;
    REPRIEVE_ASSERT(run < runs.size());
    return *runs[run];
  }

  [[nodiscard]] bool is_accepted(std::uint64_t frame_number, const AcceptPack& accept) const {
    const IndexView& view = run_of(frame_number).view;
    const auto row = view.pack(view.frame(static_cast<std::uint32_t>(frame_number)).pack).row;
    return accept(row.id, row.pack_type);
  }

  /// Takes a run whose members have no name that is there.
  void append(std::unique_ptr<Run> run) {
    for (std::uint32_t i = 0; i < run->view.key_count(); ++i)
      run->key_numbers.push_back(number_of(run->view.key(i)));
    for (std::uint32_t i = 0; i < run->members.size(); ++i)
      by_name.emplace(run->members[i], Place{runs.size(), i});
    run->is_gone.resize(run->members.size());
    runs.push_back(std::move(run));
  }
  [[nodiscard]] bool has_any(const std::vector<std::string>& names) const {
    return std::ranges::any_of(names, [&](const auto& name) { return by_name.contains(name); });
  }

  [[nodiscard]] Row row_at(std::uint32_t number, std::uint64_t at) const {
    return row_of(*runs[number], number, at);
  }

  /// Calls `visit` with each place of a chunk, and how far to trust it, until it returns false;
  /// newest index first.
  template <class Visit>
  void visit_places(const ChunkId& id, const Visit& visit) const {
    for (std::size_t number = runs.size(); number-- > 0;) {
      const Run& run = *runs[number];
      if (run.is_retired() || !run.filter.may_have(id.bytes)) continue;
      for (std::uint64_t row = run.view.lower_bound(id); run.view.is_row_of(row, id); ++row) {
        if (!run.has_chunk(row)) continue;
        const IndexView::Chunk chunk = run.view.chunk(row);
        const ChunkLocation place{.frame = std::uint64_t{number} << kRunShift | chunk.frame,
                                  .offset = chunk.offset,
                                  .length = chunk.length};
        if (!visit(place, run.trust)) return;
      }
    }
  }

  /// The newest run that has a pack, with its number.
  template <class Found>
  auto visit_pack(const PackId& id, const Found& found) const
      -> decltype(found(std::size_t{}, std::declval<IndexView::Pack>())) {
    for (std::size_t number = runs.size(); number-- > 0;) {
      const Run& run = *runs[number];
      if (run.is_retired()) continue;
      const auto pack = run.view.find_pack(id);
      if (pack && run.has_pack(pack->number)) return found(number, *pack);
    }
    return std::nullopt;
  }
};

Index::Index() : state_{std::make_unique<State>()} {}
Index::~Index() = default;

Result<> Index::add(std::string object_name, std::shared_ptr<const void> backing, ByteView plain,
                    Trust trust) {
  if (has_object(object_name)) return kOk;
  auto view = IndexView::parse(plain);
  if (!view) return std::move(view).error().at(object_name);
  auto run = std::make_unique<Run>(Run{.members = {std::move(object_name)},
                                       .owners = {},
                                       .backing = std::move(backing),
                                       .view = *view,
                                       .filter = filter_of(*view),
                                       .trust = trust});
  const std::unique_lock lock{state_->mutex};
  if (!state_->has_any(run->members)) state_->append(std::move(run));
  return kOk;
}

void Index::add(const IndexUnit& unit) {
  auto run = std::make_unique<Run>(Run{.members = {},
                                       .owners = unit.owners,
                                       .backing = unit.backing,
                                       .view = unit.view,
                                       .filter = filter_of(unit.view)});
  for (const crypto::Digest& member : unit.members)
    run->members.push_back(id_key(kIndexPrefix, member));
  const std::unique_lock lock{state_->mutex};
  if (!state_->has_any(run->members)) state_->append(std::move(run));
}

bool Index::has_object(std::string_view object_name) const {
  const std::shared_lock lock{state_->mutex};
  return state_->by_name.find(object_name) != state_->by_name.end();
}

std::vector<std::string> Index::objects() const {
  const std::shared_lock lock{state_->mutex};
  std::vector<std::string> names;
  for (const auto& run : state_->runs) {
    for (std::size_t i = 0; i < run->members.size(); ++i)
      if (!run->is_gone[i]) names.push_back(run->members[i]);
  }
  return names;
}

void Index::retire(std::string_view object_name) {
  const std::unique_lock lock{state_->mutex};
  const auto found = state_->by_name.find(object_name);
  if (found == state_->by_name.end()) return;
  Run& run = *state_->runs[found->second.run];
  run.is_gone[found->second.member] = true;
  ++run.gone;
  if (run.is_retired()) run.filter = Filter{0};
  state_->by_name.erase(found);
}

std::optional<ChunkLocation> Index::find(const ChunkId& id) const {
  const std::shared_lock lock{state_->mutex};
  std::optional<ChunkLocation> found;
  state_->visit_places(id, [&](const ChunkLocation& place, Trust) {
    found = place;
    return false;
  });
  return found;
}

std::optional<ChunkLocation> Index::find_settled(const ChunkId& id,
                                                 const AcceptPack& accept) const {
  const std::shared_lock lock{state_->mutex};
  std::optional<ChunkLocation> found;
  state_->visit_places(id, [&](const ChunkLocation& place, Trust trust) {
    if (trust == Trust::kSettled && (!accept || state_->is_accepted(place.frame, accept)))
      found = place;
    return !found.has_value();
  });
  return found;
}

void Index::visit_rows_of(const ChunkId& id, const VisitRow& visit) const {
  const std::shared_lock lock{state_->mutex};
  for (std::uint32_t number = 0; number < state_->runs.size(); ++number) {
    const Run& run = *state_->runs[number];
    if (run.is_retired() || !run.filter.may_have(id.bytes)) continue;
    for (std::uint64_t at = run.view.lower_bound(id); run.view.is_row_of(at, id); ++at)
      if (run.has_chunk(at) && !visit(state_->row_at(number, at))) return;
  }
}

void Index::visit_rows(const std::function<void(const ChunkId& id, const Row&)>& visit) const {
  std::uint32_t runs = 0;
  {
    const std::shared_lock lock{state_->mutex};
    runs = static_cast<std::uint32_t>(state_->runs.size());
  }
  for (std::uint32_t number = 0; number < runs; ++number) {
    const Run* run = nullptr;
    std::vector<bool> is_gone;
    {
      // Runs are never freed, and their rows stay: the pointer is good without the lock.
      const std::shared_lock lock{state_->mutex};
      run = state_->runs[number].get();
      if (run->is_retired()) continue;
      if (run->gone > 0) is_gone = run->is_gone;
    }
    for (std::uint64_t at = 0; at < run->view.chunk_count(); ++at) {
      const IndexView::Chunk chunk = run->view.chunk(at);
      if (is_gone.empty() || !is_gone[run->owner_of_chunk(chunk)])
        visit(full_length(chunk.id_prefix), row_of(*run, number, at));
    }
  }
}

std::vector<PackContents> Index::contents_of(std::span<const std::string> object_names) const {
  const std::shared_lock lock{state_->mutex};
  std::map<std::size_t, std::vector<bool>> wanted;  // Members, by run.
  for (const std::string& name : object_names) {
    const auto found = state_->by_name.find(name);
    if (found == state_->by_name.end()) continue;
    std::vector<bool>& members = wanted[found->second.run];
    members.resize(state_->runs[found->second.run]->members.size());
    members[found->second.member] = true;
  }
  std::vector<PackContents> packs;
  for (const auto& [number, members] : wanted)
    add_contents(*state_->runs[number], members, packs);
  return packs;
}

std::vector<ChunkLocation> Index::find_all(const ChunkId& id) const {
  const std::shared_lock lock{state_->mutex};
  std::vector<ChunkLocation> places;
  state_->visit_places(id, [&](const ChunkLocation& place, Trust) {
    places.push_back(place);
    return true;
  });
  return places;
}

FrameLocation Index::frame(std::uint64_t number) const {
  const std::shared_lock lock{state_->mutex};
  const Run& run = state_->run_of(number);
  const IndexView::Frame frame = run.view.frame(static_cast<std::uint32_t>(number));
  return {.pack = run.view.pack(frame.pack).row.id,
          .offset = frame.offset,
          .sealed_length = frame.sealed_length,
          .raw_length = frame.raw_length,
          .salt = frame.salt,
          .codec = frame.codec,
          .pack_type = frame.type,
          .key = run.key_numbers[frame.key]};
}

SessionKeyEntry Index::session_key(std::uint32_t number) const {
  const std::shared_lock lock{state_->mutex};
  REPRIEVE_ASSERT(number < state_->keys.size());
  return state_->keys[number];
}

std::vector<Index::PackRow> Index::packs() const {
  const std::shared_lock lock{state_->mutex};
  std::vector<PackRow> rows;
  for (const auto& run : state_->runs) {
    if (run->is_retired()) continue;
    for (std::uint32_t i = 0; i < run->view.pack_count(); ++i)
      if (run->has_pack(i)) rows.push_back(run->view.pack(i).row);
  }
  std::ranges::stable_sort(rows, {}, &PackRow::id);
  const auto repeated = std::ranges::unique(rows, {}, &PackRow::id);
  rows.erase(repeated.begin(), repeated.end());
  return rows;
}

std::vector<Index::PackRow> Index::packs_of(std::string_view object_name) const {
  const std::shared_lock lock{state_->mutex};
  const auto found = state_->by_name.find(object_name);
  if (found == state_->by_name.end()) return {};
  const auto [number, member] = found->second;
  const Run& run = *state_->runs[number];
  std::vector<PackRow> rows;
  for (std::uint32_t i = 0; i < run.view.pack_count(); ++i)
    if (run.owners.of(i) == member) rows.push_back(run.view.pack(i).row);
  return rows;
}

std::optional<Index::PackRow> Index::find_pack(const PackId& id) const {
  const std::shared_lock lock{state_->mutex};
  return state_->visit_pack(
      id, [](std::size_t, const IndexView::Pack& pack) { return std::optional{pack.row}; });
}

std::optional<Index::FrameRange> Index::frames_of(const PackId& id) const {
  const std::shared_lock lock{state_->mutex};
  return state_->visit_pack(id, [](std::size_t run, const IndexView::Pack& pack) {
    return std::optional{FrameRange{.first = std::uint64_t{run} << kRunShift | pack.first_frame,
                                    .count = pack.frames}};
  });
}

std::uint64_t Index::chunk_count() const {
  const std::shared_lock lock{state_->mutex};
  std::uint64_t count = 0;
  for (const auto& run : state_->runs) {
    if (run->gone == 0) {
      count += run->view.chunk_count();
    } else if (!run->is_retired()) {
      for (std::uint64_t at = 0; at < run->view.chunk_count(); ++at)
        count += run->has_chunk(at) ? 1U : 0U;
    }
  }
  return count;
}

}  // namespace reprieve::repository
