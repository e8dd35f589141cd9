#include "backup/wal_archive.hpp"

#include <algorithm>

#include "io/durable_file.hpp"
#include "source/postgresql/staged_wal.hpp"

namespace reprieve::backup {
namespace {

using repository::StreamId;
using repository::StreamPiece;
using repository::StreamReader;

Result<> write_answer(const WalArchive& archive, const WalAnswer& answer,
                      const std::string& destination) {
  REPRIEVE_TRY(io::AtomicFile out, io::AtomicFile::create(destination));
  if (answer.parts.empty()) {
    REPRIEVE_RETURN_IF_ERROR(out.write(as_bytes(answer.history)));
    return out.commit_replacing();
  }
  std::uint64_t written = 0;
  for (const WalAnswer::Part& part : answer.parts) {
    REPRIEVE_TRY(const Bytes bytes, archive.read(part));
    REPRIEVE_RETURN_IF_ERROR(out.write(bytes));
    written += bytes.size();
  }
  constexpr std::uint64_t kZeros = 1024 * 1024;
  for (std::uint64_t left = archive.map().segment_size - written; left > 0;) {
    const auto size = static_cast<std::size_t>(std::min(left, kZeros));
    REPRIEVE_RETURN_IF_ERROR(out.write(Bytes(size, std::byte{0})));
    left -= size;
  }
  return out.commit_replacing();
}

}  // namespace

Result<WalOrigin> origin_of_stream(const StreamReader& reader,
                                   const std::vector<StreamPiece>& pieces) {
  // One damaged piece says nothing of the others.
  constexpr std::size_t kTries = 3;
  std::optional<Error> failure;
  for (std::size_t i = 0; i < std::min(kTries, pieces.size()); ++i) {
    auto text = reader.header(pieces[i]);
    if (!text) {
      failure = std::move(text).error();
      continue;
    }
    auto header = parse_wal_header(*text);
    if (header) return std::move(header->origin);
    failure = std::move(header).error();
  }
  return *failure;
}

Result<WalArchive> WalArchive::open(const repository::Repository& repository, const Which& which) {
  WalArchive archive{repository};
  REPRIEVE_TRY(archive.pieces_, archive.reader_.list());
  std::map<StreamId, std::vector<StreamPiece>> streams;
  for (const StreamPiece& piece : archive.pieces_)
    streams[piece.stream].push_back(piece);
  std::map<StreamId, std::uint32_t> timelines;
  for (const auto& [id, pieces] : streams) {
    auto origin = origin_of_stream(archive.reader_, pieces);
    if (!origin) {
      const ErrorKind kind = origin.error().kind;
      if (kind != ErrorKind::kCorrupt && kind != ErrorKind::kDenied && kind != ErrorKind::kInvalid)
        return std::move(origin).error();
      archive.problems_.push_back("stream " + to_hex(id) + ": " + origin.error().what);
      continue;
    }
    if ((!which.source.empty() && origin->source != which.source) ||
        (!which.system_identifier.empty() && origin->system_identifier != which.system_identifier))
      continue;
    if (!archive.system_.empty() && (archive.system_ != origin->system_identifier ||
                                     archive.map_.segment_size != origin->segment_size))
      return Error{ErrorKind::kConflict,
                   "the repository has logs of several clusters of the source " + which.source,
                   "Name one by its system identifier with --system: " + archive.system_ + " or " +
                       origin->system_identifier + "."};
    archive.system_ = origin->system_identifier;
    archive.map_.segment_size = origin->segment_size;
    archive.page_size_ = origin->page_size;
    WalTimeline& timeline = archive.map_.timelines[origin->timeline];
    if (timeline.history.empty()) timeline.history = origin->history;
    timelines[id] = origin->timeline;
  }
  for (std::size_t i = 0; i < archive.pieces_.size(); ++i) {
    const auto timeline = timelines.find(archive.pieces_[i].stream);
    if (timeline == timelines.end()) continue;
    const auto& range = archive.pieces_[i].range;
    archive.map_.timelines[timeline->second].pieces.push_back({i, {{range.from}, {range.to}}});
  }
  for (auto& [number, timeline] : archive.map_.timelines)
    std::ranges::sort(timeline.pieces, {}, [](const WalPiece& piece) {
      return std::pair{piece.range.from, UINT64_MAX - piece.range.to.value};
    });
  return archive;
}

Result<WalHeader> WalArchive::header(std::size_t number) const {
  REPRIEVE_TRY(const std::string text, reader_.header(pieces_[number]));
  return parse_wal_header(text);
}

Result<Bytes> WalArchive::read(const WalAnswer::Part& part) const {
  const StreamPiece& piece = pieces_[part.number];
  REPRIEVE_TRY(StreamReader::Contents contents, reader_.read(piece));
  const auto skipped = static_cast<std::size_t>(part.range.from.value - piece.range.from);
  const ByteView wanted =
      ByteView{contents.bytes}.subspan(skipped, static_cast<std::size_t>(part.range.length()));
  return wanted.size() == contents.bytes.size() ? std::move(contents.bytes) : copy_of(wanted);
}

int fetch_wal(const WalArchive& archive, const std::string& file, const std::string& destination,
              bool is_standby, std::string& message) {
  if (archive.is_empty()) {
    message = "the repository holds no log of this cluster";
    // A stream that cannot be read may be the one that is asked for.
    return archive.problems().empty() ? kWalAbsent : kWalDoubt;
  }
  const WalAnswer answer = answer_wal_request(archive.map(), file, is_standby);
  switch (answer.kind) {
    case WalAnswer::Kind::kAbsent:
      if (archive.problems().empty()) return kWalAbsent;
      message = file + " is not held, but " + archive.problems().front();
      return kWalDoubt;
    case WalAnswer::Kind::kMissing:
      message = file + ": " + answer.why;
      return kWalDoubt;
    case WalAnswer::Kind::kServe:
      break;
  }
  if (auto written = write_answer(archive, answer, destination); !written) {
    message = file + ": " + written.error().what;
    return kWalDoubt;
  }
  return kWalServed;
}

}  // namespace reprieve::backup
