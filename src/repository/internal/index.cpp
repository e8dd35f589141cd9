#include "repository/internal/index.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <tuple>

#include "repository/internal/filter.hpp"
#include "repository/internal/index_view.hpp"

namespace reprieve::repository {
namespace {

/// Global frame numbers: which index, which of its frames.
constexpr unsigned kRunShift = 32;

/// One index: never changed but for its being retired.
struct Run {
  std::string object_name;
  std::shared_ptr<const void> backing;
  IndexView view;
  Filter filter;
  std::vector<std::uint32_t> key_numbers;  // Global, by the index's own.
  Index::Trust trust = Index::Trust::kSettled;
  bool is_retired = false;
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

/// All that an index says of a pack but its chunks.
PackContents contents_of_pack(const IndexView& view, const IndexView::Pack& pack) {
  PackContents contents;
  contents.id = pack.row.id;
  contents.pack_type = pack.row.pack_type;
  contents.object_bytes = pack.row.object_bytes;
  contents.trailer_length = pack.row.trailer_length;
  contents.label = copy_of(pack.row.label);
  for (std::uint32_t i = 0; i < view.key_count(); ++i)
    contents.keys.push_back(view.key(i));
  for (std::uint32_t i = pack.first_frame; i < pack.first_frame + pack.frames; ++i) {
    const IndexView::Frame frame = view.frame(i);
    contents.frames.push_back(
        {.offset = frame.offset - static_cast<std::uint32_t>(pack.row.label.size()),
         .sealed_length = frame.sealed_length,
         .raw_length = frame.raw_length,
         .codec = frame.codec,
         .key = frame.key,
         .salt = frame.salt});
  }
  return contents;
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
  std::map<std::string, std::size_t, std::less<>> by_name;  // Those that are not retired.
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

  [[nodiscard]] Row row_at(std::uint32_t number, std::uint64_t at) const {
    return row_of(*runs[number], number, at);
  }

  /// Calls `visit` with each place of a chunk, and how far to trust it, until it returns false;
  /// newest index first.
  template <class Visit>
  void visit_places(const ChunkId& id, const Visit& visit) const {
    for (std::size_t number = runs.size(); number-- > 0;) {
      const Run& run = *runs[number];
      if (run.is_retired || !run.filter.may_have(id.bytes)) continue;
      for (std::uint64_t row = run.view.lower_bound(id); run.view.is_row_of(row, id); ++row) {
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
      if (runs[number]->is_retired) continue;
      if (const auto pack = runs[number]->view.find_pack(id)) return found(number, *pack);
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
  auto run = std::make_unique<Run>(Run{.object_name = object_name,
                                       .backing = std::move(backing),
                                       .view = *view,
                                       .filter = filter_of(*view),
                                       .key_numbers = {},
                                       .trust = trust});
  const std::unique_lock lock{state_->mutex};
  for (std::uint32_t i = 0; i < view->key_count(); ++i)
    run->key_numbers.push_back(state_->number_of(view->key(i)));
  const bool is_new = state_->by_name.emplace(std::move(object_name), state_->runs.size()).second;
  if (is_new) state_->runs.push_back(std::move(run));
  return kOk;
}

bool Index::has_object(std::string_view object_name) const {
  const std::shared_lock lock{state_->mutex};
  return state_->by_name.find(object_name) != state_->by_name.end();
}

std::vector<std::string> Index::objects() const {
  const std::shared_lock lock{state_->mutex};
  std::vector<std::string> names;
  for (const auto& [name, run] : state_->by_name)
    names.push_back(name);
  return names;
}

void Index::retire(std::string_view object_name) {
  const std::unique_lock lock{state_->mutex};
  const auto found = state_->by_name.find(object_name);
  if (found == state_->by_name.end()) return;
  Run& run = *state_->runs[found->second];
  run.is_retired = true;
  run.filter = Filter{0};
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
    if (run.is_retired || !run.filter.may_have(id.bytes)) continue;
    for (std::uint64_t at = run.view.lower_bound(id); run.view.is_row_of(at, id); ++at)
      if (!visit(state_->row_at(number, at))) return;
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
    {
      // Runs are never freed: the pointer stays good without the lock.
      const std::shared_lock lock{state_->mutex};
      run = state_->runs[number].get();
      if (run->is_retired) continue;
    }
    for (std::uint64_t at = 0; at < run->view.chunk_count(); ++at)
      visit(full_length(run->view.chunk(at).id_prefix), row_of(*run, number, at));
  }
}

std::vector<PackContents> Index::contents_of(std::string_view object_name) const {
  const std::shared_lock lock{state_->mutex};
  const auto found = state_->by_name.find(object_name);
  if (found == state_->by_name.end()) return {};
  const IndexView& view = state_->runs[found->second]->view;
  std::vector<PackContents> packs(view.pack_count());
  for (std::uint32_t i = 0; i < view.pack_count(); ++i)
    packs[i] = contents_of_pack(view, view.pack(i));
  for (std::uint64_t at = 0; at < view.chunk_count(); ++at) {
    const IndexView::Chunk chunk = view.chunk(at);
    const std::uint32_t pack = view.frame(chunk.frame).pack;
    packs[pack].chunks.push_back({.id = full_length(chunk.id_prefix),
                                  .type = ChunkType::kData,
                                  .frame = chunk.frame - view.pack(pack).first_frame,
                                  .offset = chunk.offset,
                                  .length = chunk.length,
                                  .children = {}});
  }
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
    if (run->is_retired) continue;
    for (std::uint32_t i = 0; i < run->view.pack_count(); ++i)
      rows.push_back(run->view.pack(i).row);
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
  const IndexView& view = state_->runs[found->second]->view;
  std::vector<PackRow> rows;
  for (std::uint32_t i = 0; i < view.pack_count(); ++i)
    rows.push_back(view.pack(i).row);
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
    if (!run->is_retired) count += run->view.chunk_count();
  }
  return count;
}

}  // namespace reprieve::repository
