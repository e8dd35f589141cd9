#include "repository/chunk_reader.hpp"

#include <algorithm>
#include <tuple>
#include <vector>

#include "base/assert.hpp"
#include "base/budget_cache.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/key_ring.hpp"
#include "repository/internal/pack_reader.hpp"
#include "repository/internal/parallel.hpp"

namespace reprieve::repository {

namespace {

constexpr std::size_t kCacheBytes = 32 * 1024 * 1024;
/// Reading a gap of this size costs less than another request, even on a local disk.
constexpr std::uint32_t kGapMax = 64 * 1024;
/// Threads beyond the cores, so that these have work while a store is waited for.
constexpr unsigned kMoreReads = 2;
/// Large enough that requests do not matter, small enough to stay in the processor's caches.
constexpr std::uint32_t kRunBytes = 2 * 1024 * 1024;

Error not_found(const ChunkId& id) {
  return Error{ErrorKind::kNotFound, "no index knows chunk " + id.hex().substr(0, 16),
               "Run `reprieve repo verify` to see what is missing."};
}

Error wrong_id(const ChunkId& id) {
  return Error{ErrorKind::kCorrupt,
               "chunk " + id.hex().substr(0, 16) + " is not what its id promises",
               "Run `reprieve repo verify` to see what is damaged."};
}

/// Whether an error concerns one chunk only, so that others can still be had.
bool is_local(ErrorKind kind) {
  return kind == ErrorKind::kCorrupt || kind == ErrorKind::kNotFound;
}

/// One request, resolved.
struct Want {
  std::uint64_t frame = 0;
  std::uint32_t offset = 0;  ///< In the raw frame.
  std::uint32_t request = 0;
};

/// Neighbouring frames of one pack that are read in one go.
struct Run {
  PackId pack;
  std::uint32_t begin = 0;  ///< In the object.
  std::uint32_t end = 0;
  std::size_t first_want = 0;
  std::size_t end_want = 0;
};

}  // namespace

struct ChunkReader::State {
  State(const Repository& of, unsigned wanted)
      : repository{of}, threads{thread_count(wanted)}, packs{of} {}

  using Frames = BudgetCache<std::uint64_t, Bytes>;  // By number, plain.
  Result<Frames::Pointer> frame(std::uint64_t number);
  Result<Frames::Loaded> read_frame(std::uint64_t number);
  Result<Bytes> read_at(ChunkType type, const ChunkId& id, const ChunkLocation& location,
                        std::size_t size_max);
  Result<Bytes> read(ChunkType type, const ChunkId& id, std::size_t size_max);

  const Repository& repository;
  const unsigned threads;
  PackReader packs;
  Frames cache{kCacheBytes};
};

Result<ChunkReader::State::Frames::Pointer> ChunkReader::State::frame(std::uint64_t number) {
  return cache.get(number, [&] { return read_frame(number); });
}

Result<ChunkReader::State::Frames::Loaded> ChunkReader::State::read_frame(std::uint64_t number) {
  const FrameLocation at = repository.index().frame(number);
  auto raw = std::make_shared<Bytes>();
  REPRIEVE_TRY(const auto sealed, packs.read(at.pack, at.offset, at.offset + at.sealed_length));
  Result<> opened = Error{ErrorKind::kCorrupt, "cannot be read"};
  if (sealed) opened = packs.open(at, *sealed, *raw);
  if (!opened && opened.error().kind == ErrorKind::kCorrupt) opened = packs.open_healed(at, *raw);
  if (!opened) return std::move(opened).error();
  const std::size_t size = raw->size();
  return Frames::Loaded{std::move(raw), size};
}

Result<Bytes> ChunkReader::State::read_at(ChunkType type, const ChunkId& id,
                                          const ChunkLocation& location, std::size_t size_max) {
  if (location.length > size_max)
    return Error{ErrorKind::kCorrupt,
                 "chunk " + id.hex().substr(0, 16) + " is larger than its kind can be"};
  REPRIEVE_TRY(const auto raw, frame(location.frame));
  if (location.offset > raw->size() || raw->size() - location.offset < location.length)
    return wrong_id(id);
  const ByteView bytes = ByteView{*raw}.subspan(location.offset, location.length);
  if (repository.keys().chunk_id(type, bytes) != id) return wrong_id(id);
  return copy_of(bytes);
}

Result<Bytes> ChunkReader::State::read(ChunkType type, const ChunkId& id, std::size_t size_max) {
  const auto newest = repository.index().find(id);
  if (!newest) return not_found(id);
  auto result = read_at(type, id, *newest, size_max);
  if (result || !is_local(result.error().kind)) return result;
  // The same chunk may stand elsewhere, too: two sessions at once both store it.
  for (const ChunkLocation& other : repository.index().find_all(id)) {
    if (other.frame == newest->frame) continue;
    auto again = read_at(type, id, other, size_max);
    if (again) return again;
  }
  return result;
}

namespace {

/// One call of fetch(): the plan, and what its threads share.
class Fetch {
 public:
  using Request = ChunkReader::Request;
  using ReadOne = std::function<Result<Bytes>(const Request&)>;

  Fetch(const Repository& repository, PackReader& packs, std::span<const Request> requests,
        const ChunkReader::Deliver& deliver, const ChunkReader::Missing& missing,
        ReadOne read_elsewhere)
      : repository_{repository},
        packs_{packs},
        requests_{requests},
        deliver_{deliver},
        missing_{missing},
        read_elsewhere_{std::move(read_elsewhere)} {}

  Result<> run(unsigned threads, const CancelToken& cancel) {
    REPRIEVE_RETURN_IF_ERROR(resolve());
    plan();
    return for_each_parallel(runs_.size(), threads, cancel,
                             [&](std::size_t i) { return read_run(runs_[i]); });
  }

 private:
  Result<> resolve() {
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      const auto location = repository_.index().find(requests_[i].chunk.id);
      if (!location) {
        REPRIEVE_RETURN_IF_ERROR(missing_(requests_[i], not_found(requests_[i].chunk.id)));
        continue;
      }
      wants_.push_back({location->frame, location->offset, static_cast<std::uint32_t>(i)});
    }
    std::ranges::sort(wants_, [](const Want& a, const Want& b) {
      return std::tie(a.frame, a.offset, a.request) < std::tie(b.frame, b.offset, b.request);
    });
    return kOk;
  }

  void plan() {
    for (std::size_t i = 0; i < wants_.size(); ++i) {
      if (i > 0 && wants_[i].frame == wants_[i - 1].frame) {
        runs_.back().end_want = i + 1;
        continue;
      }
      const FrameLocation at = repository_.index().frame(wants_[i].frame);
      const std::uint32_t end = at.offset + at.sealed_length;
      const bool is_near =
          !runs_.empty() && runs_.back().pack == at.pack && at.offset >= runs_.back().end &&
          at.offset - runs_.back().end <= kGapMax && end - runs_.back().begin <= kRunBytes;
      if (!is_near) runs_.push_back({at.pack, at.offset, end, i, i});
      runs_.back().end = end;
      runs_.back().end_want = i + 1;
    }
  }

  Result<> read_run(const Run& run) {
    REPRIEVE_TRY(const auto bytes, packs_.read(run.pack, run.begin, run.end));
    Bytes raw;
    for (std::size_t i = run.first_want; i < run.end_want;) {
      std::size_t end = i + 1;
      while (end < run.end_want && wants_[end].frame == wants_[i].frame)
        ++end;
      const FrameLocation at = repository_.index().frame(wants_[i].frame);
      Result<> opened = Error{ErrorKind::kCorrupt, "cannot be read"};
      if (bytes)
        opened =
            packs_.open(at, ByteView{*bytes}.subspan(at.offset - run.begin, at.sealed_length), raw);
      if (!opened && opened.error().kind == ErrorKind::kCorrupt)
        opened = packs_.open_healed(at, raw);
      if (!opened && !is_local(opened.error().kind)) return opened;
      const std::span<const Want> wants{wants_.data() + i, end - i};
      REPRIEVE_RETURN_IF_ERROR(opened ? deliver_all(wants, raw) : replace_all(wants));
      i = end;
    }
    return kOk;
  }

  Result<> deliver_all(std::span<const Want> wants, ByteView raw) {
    for (const Want& want : wants) {
      const Request& request = requests_[want.request];
      const std::size_t length = request.chunk.length;
      const bool fits = want.offset <= raw.size() && raw.size() - want.offset >= length;
      const ByteView bytes = fits ? raw.subspan(want.offset, length) : ByteView{};
      if (fits && repository_.keys().chunk_id(ChunkType::kData, bytes) == request.chunk.id)
        REPRIEVE_RETURN_IF_ERROR(deliver_(request, bytes));
      else
        REPRIEVE_RETURN_IF_ERROR(replace_all({&want, 1}));
    }
    return kOk;
  }

  /// For chunks whose frame is lost or wrong: from any other place, else reported as missing.
  Result<> replace_all(std::span<const Want> wants) {
    for (const Want& want : wants) {
      const Request& request = requests_[want.request];
      auto bytes = read_elsewhere_(request);
      if (!bytes && !is_local(bytes.error().kind)) return std::move(bytes).error();
      if (bytes && bytes->size() != request.chunk.length) bytes = wrong_id(request.chunk.id);
      REPRIEVE_RETURN_IF_ERROR(bytes ? deliver_(request, *bytes)
                                     : missing_(request, bytes.error()));
    }
    return kOk;
  }

  const Repository& repository_;
  PackReader& packs_;
  const std::span<const Request> requests_;
  const ChunkReader::Deliver& deliver_;
  const ChunkReader::Missing& missing_;
  const ReadOne read_elsewhere_;
  std::vector<Want> wants_;  // Sorted by frame: pack by pack, by place in each.
  std::vector<Run> runs_;
};

}  // namespace

ChunkReader::ChunkReader(const Repository& repository, unsigned threads)
    : state_{std::make_unique<State>(repository, threads)} {}
ChunkReader::~ChunkReader() = default;

Result<Bytes> ChunkReader::read(ChunkType type, const ChunkId& id, std::size_t size_max) {
  return state_->read(type, id, size_max);
}

bool ChunkReader::is_chunk(ChunkType type, const ChunkId& id, ByteView plaintext) const {
  return state_->repository.keys().chunk_id(type, plaintext) == id;
}

Result<> ChunkReader::fetch(std::span<const Request> requests, const Deliver& deliver,
                            const Missing& missing, const CancelToken& cancel) {
  REPRIEVE_ASSERT(requests.size() <= UINT32_MAX);
  Fetch fetch{state_->repository,
              state_->packs,
              requests,
              deliver,
              missing,
              [this](const Request& request) {
                return state_->read(ChunkType::kData, request.chunk.id, kFrameRawMax);
              }};
  return fetch.run(state_->threads + kMoreReads, cancel);
}

std::vector<PackId> ChunkReader::damaged_packs() const {
  return state_->packs.damaged();
}

}  // namespace reprieve::repository
