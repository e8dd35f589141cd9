#include "backup/wal_prune.hpp"

#include <algorithm>
#include <map>
#include <ranges>
#include <tuple>

#include "backup/wal_archive.hpp"
#include "backup/wal_place.hpp"
#include "source/postgresql/wal_retention.hpp"

namespace reprieve::backup {
namespace {

using repository::Snapshot;
using repository::StreamId;
using repository::StreamPiece;
using repository::StreamReader;
using Kind = WalVerdict::Kind;
using Report = WalPruneReport;

/// A stream as it is stored.
struct Held {
  std::vector<StreamPiece> pieces;  ///< By from, then to.
  std::vector<std::uint64_t> sizes;
  std::optional<WalOrigin> origin;  ///< Nothing if it cannot be read.
};

/// Whether an error says something of a piece and nothing of the store.
bool is_of_piece(const Error& error) {
  return error.kind == ErrorKind::kCorrupt || error.kind == ErrorKind::kDenied ||
         error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kNotFound;
}

/// Where the kept points of each cluster end. Nothing if one does not say where it does: then any
/// log may be needed.
std::optional<std::map<std::string, std::vector<WalAnchor>>> anchors_of(
    const std::vector<Snapshot>& kept) {
  std::map<std::string, std::vector<WalAnchor>> anchors;
  for (const Snapshot& point : kept) {
    const std::string& kind = point.description.kind;
    // An interrupted base backup is nothing that a recovery goes on from.
    if (!point.is_final || (!kind.empty() && kind != "postgres")) continue;
    const auto place = wal_place_of(point);
    if (!place) return std::nullopt;
    anchors[place->system_identifier].push_back({place->timeline, place->end});
  }
  return anchors;
}

Result<std::map<StreamId, Held>> look_at_streams(const StreamReader& reader) {
  REPRIEVE_TRY(const auto objects, reader.list_objects());
  std::map<StreamId, Held> streams;
  for (const StreamReader::Object& object : objects) {
    Held& held = streams[object.piece.stream];
    held.pieces.push_back(object.piece);
    held.sizes.push_back(object.size.value);
  }
  for (auto& [id, held] : streams) {
    auto origin = origin_of_stream(reader, held.pieces);
    if (origin)
      held.origin = *std::move(origin);
    else if (!is_of_piece(origin.error()))
      return std::move(origin).error();
  }
  return streams;
}

/// Carries out what was planned for one stream.
class StreamPruner {
 public:
  StreamPruner(const StreamReader& reader, ObjectStore& store, const WalPruneOptions& options,
               const CancelToken& cancel, const Held& held, const WalStreamPlan& plan,
               Report::Stream& report)
      : reader_{reader},
        store_{store},
        options_{options},
        cancel_{cancel},
        held_{held},
        plan_{plan},
        report_{report} {}

  Result<> run() {
    REPRIEVE_RETURN_IF_ERROR(remove_before());
    REPRIEVE_RETURN_IF_ERROR(remove_covered());
    const bool is_changed = report_.before.pieces + report_.covered.pieces > 0;
    return is_changed && !options_.is_dry_run ? store_.sync() : kOk;
  }

 private:
  [[nodiscard]] bool goes(std::size_t i, Kind kind) const {
    return plan_.pieces[i].kind == kind && !options_.spared.contains(held_.pieces[i]);
  }

  /// The oldest first, and none behind one that is locked, so that no gap comes about.
  Result<> remove_before() {
    bool is_locked = false;
    for (std::size_t i = 0; i < held_.pieces.size(); ++i) {
      if (!goes(i, Kind::kBefore)) continue;
      REPRIEVE_RETURN_IF_ERROR(cancel_.check());
      if (is_locked) {
        report_.locked.add(held_.sizes[i]);
        continue;
      }
      if (!options_.is_dry_run) {
        REPRIEVE_TRY(const bool is_what_it_seems, has_own_word(i));
        if (!is_what_it_seems) continue;
      }
      REPRIEVE_TRY(const bool is_removed, remove(i, report_.before));
      is_locked = !is_removed;
    }
    return kOk;
  }

  /// Whether the piece itself says that it is of this cluster and timeline. The stream's first
  /// piece may be a thief's, who says something else in it.
  Result<bool> has_own_word(std::size_t i) {
    const auto header = [&]() -> Result<WalHeader> {
      REPRIEVE_TRY(const std::string text, reader_.header(held_.pieces[i]));
      return parse_wal_header(text);
    }();
    if (!header && !is_of_piece(header.error())) return header.error();
    if (!header) return doubt(i, header.error().what);
    const WalOrigin& own = header->origin;
    if (own.system_identifier != held_.origin->system_identifier ||
        own.timeline != held_.origin->timeline || own.segment_size != held_.origin->segment_size)
      return doubt(i, "it is of another cluster or timeline than the stream's first piece");
    return true;
  }

  Result<> remove_covered() {
    std::map<std::size_t, std::vector<std::size_t>> by;
    for (std::size_t i = 0; i < held_.pieces.size(); ++i)
      if (goes(i, Kind::kCovered)) by[plan_.pieces[i].by].push_back(i);
    for (const auto& [whole, parts] : by) {
      std::optional<StreamReader::Contents> contents;
      if (!options_.is_dry_run) {
        auto read = reader_.read(held_.pieces[whole]);
        if (!read && !is_of_piece(read.error())) return std::move(read).error();
        if (read)
          contents = *std::move(read);
        else
          for (const std::size_t i : parts)
            doubt(i, "what covers it cannot be read: " + read.error().what);
        if (!contents) continue;
      }
      for (const std::size_t i : parts) {
        REPRIEVE_RETURN_IF_ERROR(cancel_.check());
        if (contents) {
          REPRIEVE_TRY(const bool is_same, is_held_by(i, whole, contents->bytes));
          if (!is_same) continue;
        }
        REPRIEVE_TRY([[maybe_unused]] const bool is_removed, remove(i, report_.covered));
      }
    }
    return kOk;
  }

  /// A thief with a writer's key can put a longer piece of other bytes over those that are there.
  Result<bool> is_held_by(std::size_t i, std::size_t whole, ByteView bytes) {
    const repository::StreamRange& range = held_.pieces[i].range;
    const auto at = static_cast<std::size_t>(range.from - held_.pieces[whole].range.from);
    const ByteView same = bytes.subspan(at, static_cast<std::size_t>(range.length()));
    const auto own = reader_.read(held_.pieces[i]);
    if (!own && !is_of_piece(own.error())) return own.error();
    if (!own) {
      // What nobody can read holds nothing that the longer one lacks.
      if (own.error().kind == ErrorKind::kCorrupt) return true;
      return doubt(i, own.error().what);
    }
    if (std::ranges::equal(own->bytes, same)) return true;
    return doubt(i, "the longer piece over it holds other bytes");
  }

  /// Always false.
  bool doubt(std::size_t i, const std::string& why) {
    report_.doubtful.add(held_.sizes[i]);
    if (report_.doubt.empty())
      report_.doubt = repository::stream_piece_key(held_.pieces[i]) + ": " + why;
    return false;
  }

  /// False: the store does not let it go.
  Result<bool> remove(std::size_t i, Report::Sum& sum) {
    if (!options_.is_dry_run) {
      auto removed = store_.remove(repository::stream_piece_key(held_.pieces[i]));
      if (!removed && removed.error().kind != ErrorKind::kDenied) return std::move(removed).error();
      if (!removed) {
        report_.locked.add(held_.sizes[i]);
        return false;
      }
    }
    sum.add(held_.sizes[i]);
    return true;
  }

  const StreamReader& reader_;
  ObjectStore& store_;
  const WalPruneOptions& options_;
  const CancelToken& cancel_;
  const Held& held_;
  const WalStreamPlan& plan_;
  Report::Stream& report_;
};

StoredWal as_stored(const Held& held) {
  StoredWal stored{.timeline = held.origin->timeline,
                   .segment_size = held.origin->segment_size,
                   .history = held.origin->history,
                   .pieces = {}};
  for (const StreamPiece& piece : held.pieces)
    stored.pieces.push_back({{piece.range.from}, {piece.range.to}});
  return stored;
}

Report::Stream row_of(const StreamId& id, const Held& held) {
  Report::Stream row;
  row.id = id;
  for (const std::uint64_t size : held.sizes)
    row.all.add(size);
  if (!held.origin) {
    row.reason = "no header of it can be read";
    return row;
  }
  row.source = held.origin->source;
  row.system_identifier = held.origin->system_identifier;
  row.timeline = held.origin->timeline;
  return row;
}

bool can_read(const repository::Repository& repository) {
  const repository::Role role = repository.role();
  return role == repository::Role::kReader || role == repository::Role::kAdmin;
}

/// A stream and what is to become of it.
struct Planned {
  Held held;
  WalStreamPlan plan;  ///< Without pieces if nothing is known of the stream.
  Report::Stream row;
};

/// By cluster, timeline and id.
Result<std::vector<Planned>> plan_streams(const StreamReader& reader,
                                          const std::vector<Snapshot>& kept) {
  REPRIEVE_TRY(auto streams, look_at_streams(reader));
  const auto anchors = anchors_of(kept);
  std::vector<Planned> planned;
  std::map<std::string, std::vector<std::size_t>> clusters;
  for (auto& [id, held] : streams) {
    if (held.origin) clusters[held.origin->system_identifier].push_back(planned.size());
    auto row = row_of(id, held);
    planned.push_back({std::move(held), {}, std::move(row)});
  }
  for (const auto& [system, numbers] : clusters) {
    std::vector<StoredWal> stored;
    stored.reserve(numbers.size());
    for (const std::size_t number : numbers)
      stored.push_back(as_stored(planned[number].held));
    std::vector<WalAnchor> own;
    if (anchors && anchors->contains(system)) own = anchors->at(system);
    auto plans = plan_wal_retention(stored, own);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      Planned& each = planned[numbers[i]];
      each.plan = std::move(plans[i]);
      each.row.needed_from = each.plan.needed_from;
      each.row.reason =
          anchors ? each.plan.reason : "a kept recovery point does not say where its log ends";
    }
  }
  std::ranges::sort(planned, {}, [](const Planned& each) {
    return std::tuple{each.row.system_identifier, each.row.timeline, each.row.id};
  });
  return planned;
}

}  // namespace

Result<Report> prune_wal(const repository::Repository& repository, ObjectStore& store,
                         const std::vector<Snapshot>& kept, const WalPruneOptions& options,
                         const CancelToken& cancel) {
  Report report;
  const StreamReader reader{repository, store};
  if (!can_read(repository)) {
    REPRIEVE_TRY(const auto pieces, reader.list());
    if (!pieces.empty()) report.left_alone = "this key cannot read whose log is stored";
    return report;
  }
  REPRIEVE_TRY(auto planned, plan_streams(reader, kept));
  for (auto& [held, plan, row] : planned) {
    if (held.origin) {
      StreamPruner pruner{reader, store, options, cancel, held, plan, row};
      REPRIEVE_RETURN_IF_ERROR(pruner.run());
    }
    report.streams.push_back(std::move(row));
  }
  return report;
}

Result<std::vector<StreamPiece>> needed_wal(const repository::Repository& repository,
                                            ObjectStore& store, const std::vector<Snapshot>& kept) {
  if (!can_read(repository))
    return Error{ErrorKind::kDenied, "this key cannot read whose log is stored",
                 "Use an administrator's key."};
  REPRIEVE_TRY(const auto planned, plan_streams(StreamReader{repository, store}, kept));
  std::vector<StreamPiece> needed;
  for (const Planned& each : planned)
    for (std::size_t i = 0; i < each.held.pieces.size(); ++i)
      if (!each.held.origin || each.plan.pieces[i].kind == Kind::kKept)
        needed.push_back(each.held.pieces[i]);
  return needed;
}

}  // namespace reprieve::backup
