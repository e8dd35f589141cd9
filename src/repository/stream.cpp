#include "repository/stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/assert.hpp"
#include "repository/internal/frame.hpp"
#include "repository/internal/pack_builder.hpp"
#include "repository/internal/stream_object.hpp"
#include "repository/internal/trailer.hpp"

namespace reprieve::repository {
namespace {

constexpr int kCompressionLevel = 1;
constexpr std::size_t kPositionDigits = 16;
/// Enough for the label of a piece and the frame of a usual header.
constexpr std::uint64_t kHeadBytes = 64 * 1024;

std::optional<std::uint64_t> parse_position(std::string_view text) {
  std::uint64_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != kPositionDigits || end.ec != std::errc{} ||
      end.ptr != text.data() + text.size() || fmt::format("{:016x}", value) != text)
    return std::nullopt;
  return value;
}

Error no_such_piece() {
  return Error{ErrorKind::kCorrupt, "it is not signed as this piece by a writer of the repository"};
}

}  // namespace

ObjectKey stream_piece_key(const StreamPiece& piece) {
  return fmt::format("{}{}/{:016x}-{:016x}", kStreamPrefix, to_hex(piece.stream), piece.range.from,
                     piece.range.to);
}

std::optional<StreamPiece> stream_piece_in_key(std::string_view key) {
  constexpr std::size_t kIdDigits = 2 * sizeof(StreamId);
  if (!key.starts_with(kStreamPrefix)) return std::nullopt;
  key.remove_prefix(kStreamPrefix.size());
  if (key.size() != kIdDigits + 1 + 2 * kPositionDigits + 1 || key[kIdDigits] != '/' ||
      key[kIdDigits + 1 + kPositionDigits] != '-')
    return std::nullopt;
  const auto id = from_hex(key.substr(0, kIdDigits));
  const auto from = parse_position(key.substr(kIdDigits + 1, kPositionDigits));
  const auto to = parse_position(key.substr(kIdDigits + kPositionDigits + 2));
  if (!id || to_hex(*id) != key.substr(0, kIdDigits) || !from || !to || *from >= *to ||
      *to - *from > kStreamPieceMax)
    return std::nullopt;
  StreamPiece piece{.range = {*from, *to}};
  std::ranges::copy(*id, piece.stream.begin());
  return piece;
}

struct StreamWriter::State {
  const Repository& repository;
  KeyRing::Session session;
};

Result<StreamWriter> StreamWriter::begin(const Repository& repository) {
  const KeyRing& keys = repository.keys();
  REPRIEVE_RETURN_IF_ERROR(keys.check_is_current());
  if (!keys.can_write())
    return Error{ErrorKind::kDenied, "this key may not write to the repository",
                 "Use the key of a writer or an admin."};
  REPRIEVE_TRY(auto session, keys.new_session(repository.random()));
  return StreamWriter{std::make_shared<State>(repository, std::move(session))};
}

StreamId StreamWriter::new_stream() {
  StreamId stream{};
  const WriterId writer = state_->repository.keys().writer_id();
  const auto random = std::ranges::copy(writer, stream.begin()).out;
  state_->repository.random().fill({random, stream.end()});
  return stream;
}

bool StreamWriter::owns(const StreamId& stream) const {
  return is_stream_of(stream, state_->repository.keys().writer_id());
}

Result<> StreamWriter::put(const StreamId& stream, std::uint64_t from, std::string_view header,
                           ByteView bytes) {
  if (bytes.empty() || bytes.size() > kStreamPieceMax || header.size() > kStreamHeaderMax ||
      bytes.size() > UINT64_MAX - from)
    return Error{ErrorKind::kInvalid, "a piece of a stream has 1 byte to 16 MiB"};
  if (!owns(stream)) return Error{ErrorKind::kInvalid, "the stream is another key's"};
  const StreamPiece piece{stream, {from, from + bytes.size()}};
  const Repository& repository = state_->repository;
  const KeyRing& keys = repository.keys();
  PackBuilder builder{kStreamPack, {state_->session.entry}, bytes.size()};
  const auto add = [&](ByteView plain) {
    const FrameBinding binding{.repository = repository.id(),
                               .epoch = state_->session.entry.epoch,
                               .pack_type = kStreamPack};
    PackContents::Chunk chunk;
    chunk.id = keys.chunk_id(ChunkType::kData, plain);
    chunk.type = ChunkType::kData;
    chunk.length = static_cast<std::uint32_t>(plain.size());
    builder.add(
        seal_frame(state_->session.shared, binding, repository.random(), plain, kCompressionLevel),
        0, {chunk});
  };
  add(as_bytes(header));
  for (ByteView rest = bytes; !rest.empty();) {
    const ByteView part = rest.first(std::min<std::size_t>(rest.size(), kFrameTarget));
    add(part);
    rest = rest.subspan(part.size());
  }
  const FinishedPack pack =
      std::move(builder).finish(keys, stream_binding(piece), repository.random());
  ObjectStore& store = repository.store();
  auto stored = store.put(stream_piece_key(piece), pack.object());
  // Sealed twice, the same bytes differ: an earlier try that was heard of too late, or another
  // receiver that goes on with this stream.
  if (!stored && stored.error().kind != ErrorKind::kConflict)
    return std::move(stored).error().at("store " + stream_piece_key(piece));
  return store.sync();
}

/// A proved piece, and how its frames are opened.
class OpenPiece {
 public:
  OpenPiece(const KeyRing& keys, StreamLabel found) : keys_{keys}, found_{std::move(found)} {}

  Result<> open_trailer_in(ByteView sealed) {
    REPRIEVE_TRY(trailer_, open_trailer(keys_, found_.label, sealed));
    if (trailer_.chunks.size() < 2 || trailer_.chunks.size() != trailer_.frames.size())
      return malformed();
    REPRIEVE_TRY(secret_, keys_.open_session(found_.label.keys.front()));
    return kOk;
  }

  /// Where chunk `number` lies in the body.
  [[nodiscard]] const PackContents::Frame& frame(std::size_t number) const {
    return trailer_.frames[number];
  }
  [[nodiscard]] std::size_t chunks() const { return trailer_.chunks.size(); }

  Result<Bytes> chunk(std::size_t number, ByteView sealed) const {
    const PackContents::Frame& row = frame(number);
    const PackContents::Chunk& chunk = trailer_.chunks[number];
    if (row.key != 0 || chunk.frame != number || chunk.offset != 0 ||
        chunk.length != row.raw_length)
      return malformed();
    const FrameBinding binding{.repository = keys_.repository_id(),
                               .epoch = found_.label.keys.front().epoch,
                               .pack_type = kStreamPack,
                               .codec = row.codec,
                               .raw_length = row.raw_length};
    Bytes raw;
    REPRIEVE_RETURN_IF_ERROR(open_frame(secret_, binding, row.salt, sealed, raw));
    if (keys_.chunk_id(ChunkType::kData, raw) != chunk.id) return malformed();
    return raw;
  }

  [[nodiscard]] const PackLabel& label() const { return found_.label; }
  [[nodiscard]] const PackId& id() const { return found_.id; }

 private:
  static Error malformed() {
    return Error{ErrorKind::kCorrupt, "its chunks are not as a writer puts them"};
  }
  const KeyRing& keys_;
  StreamLabel found_;
  TrailerContents trailer_;
  Secret secret_;
};

namespace {

/// The label of a piece that `object`, or the beginning of it, has. Errors: kCorrupt; kDenied.
Result<StreamLabel> label_in(const Repository& repository, const StreamPiece& piece,
                             ByteView object) {
  std::vector<crypto::PublicKey> signers;
  const Config& config = repository.keys().config();
  signers.reserve(config.members.size() + 1);
  for (const Config::Member& member : config.members)
    signers.push_back(member.key);
  signers.push_back(config.root);
  auto found = find_stream_label(piece, object, signers);
  if (!found || found->label.repository != repository.id()) return no_such_piece();
  const auto signer = repository.keys().signer(found->label.writer);
  if (!signer || !signer->may_write) return no_such_piece();
  if (signer->is_revoked)
    return Error{ErrorKind::kDenied, "it was written with a key that was revoked",
                 "Restore to a moment that other streams or a base backup hold."};
  return *std::move(found);
}

Result<std::string> as_header(Result<Bytes> chunk) {
  if (!chunk) return std::move(chunk).error();
  if (chunk->size() > kStreamHeaderMax) return Error{ErrorKind::kCorrupt, "its header is too long"};
  return std::string{as_text(*chunk)};
}

/// The header by two small reads. Errors as those of the ways that it takes.
Result<std::string> read_header_quickly(const Repository& repository, ObjectStore& store,
                                        const StreamPiece& piece) {
  const ObjectKey key = stream_piece_key(piece);
  REPRIEVE_TRY(const ObjectInfo info, store.stat(key));
  const std::uint64_t head_bytes = std::min(info.size.value, kHeadBytes);
  REPRIEVE_TRY(const Bytes head, store.get(key, ByteRange{.offset = {}, .length = {head_bytes}}));
  REPRIEVE_TRY(StreamLabel found, label_in(repository, piece, head));
  OpenPiece open{repository.keys(), std::move(found)};
  const PackLabel& label = open.label();
  const ByteRange trailer{.offset = {label.label_bytes + std::uint64_t{label.trailer_offset}},
                          .length = {label.trailer_length}};
  REPRIEVE_TRY(const Bytes sealed, store.get(key, trailer));
  REPRIEVE_RETURN_IF_ERROR(open.open_trailer_in(sealed));
  const PackContents::Frame& frame = open.frame(0);
  const std::uint64_t at = label.label_bytes + std::uint64_t{frame.offset};
  if (at + frame.sealed_length <= head.size())
    return as_header(
        open.chunk(0, ByteView{head}.subspan(static_cast<std::size_t>(at), frame.sealed_length)));
  REPRIEVE_TRY(const Bytes body, store.get(key, ByteRange{{at}, {frame.sealed_length}}));
  return as_header(open.chunk(0, body));
}

}  // namespace

StreamReader::StreamReader(const Repository& repository)
    : StreamReader{repository, repository.store()} {}

StreamReader::StreamReader(const Repository& repository, ObjectStore& store)
    : repository_{repository}, store_{store} {}

Result<std::vector<StreamPiece>> StreamReader::list() const {
  return list_below(kStreamPrefix);
}

Result<std::vector<StreamPiece>> StreamReader::list(const StreamId& stream) const {
  return list_below(std::string{kStreamPrefix} + to_hex(stream) + "/");
}

Result<std::vector<StreamReader::Object>> StreamReader::list_objects() const {
  return list_objects_below(kStreamPrefix);
}

Result<std::vector<StreamPiece>> StreamReader::list_below(std::string_view prefix) const {
  REPRIEVE_TRY(const auto objects, list_objects_below(prefix));
  std::vector<StreamPiece> pieces;
  pieces.reserve(objects.size());
  for (const Object& object : objects)
    pieces.push_back(object.piece);
  return pieces;
}

Result<std::vector<StreamReader::Object>> StreamReader::list_objects_below(
    std::string_view prefix) const {
  std::vector<Object> objects;
  REPRIEVE_RETURN_IF_ERROR(store_.list(prefix, [&](const ObjectInfo& object) -> Result<> {
    if (const auto piece = stream_piece_in_key(object.key))
      objects.push_back({*piece, object.size});
    return kOk;
  }));
  return objects;
}

Result<std::string> StreamReader::header(const StreamPiece& piece) const {
  auto quick = read_header_quickly(repository_, store_, piece);
  if (quick || quick.error().kind == ErrorKind::kNotFound) return quick;
  REPRIEVE_TRY(Contents contents, read(piece));  // Which heals, and proves what was doubted.
  return std::move(contents.header);
}

Result<StreamReader::Contents> StreamReader::read(const StreamPiece& piece) const {
  const ObjectKey key = stream_piece_key(piece);
  const auto contents = [&]() -> Result<Contents> {
    REPRIEVE_TRY(const Bytes object, store_.get(key, ByteCount{kPackObjectMax}));
    return open_stream_object(repository_, piece, object);
  };
  auto done = contents();
  if (!done) return std::move(done).error().at("read " + key);
  return done;
}

Result<StreamReader::Contents> open_stream_object(const Repository& repository,
                                                  const StreamPiece& piece, ByteView object) {
  REPRIEVE_TRY(StreamLabel found, label_in(repository, piece, object));
  OpenPiece open{repository.keys(), std::move(found)};
  const PackCheck check = check_pack(open.id(), object);
  REPRIEVE_TRY(const Bytes body, heal_body(check, object));
  const PackLabel& label = open.label();
  REPRIEVE_RETURN_IF_ERROR(
      open.open_trailer_in(ByteView{body}.subspan(label.trailer_offset, label.trailer_length)));
  StreamReader::Contents read;
  for (std::size_t i = 0; i < open.chunks(); ++i) {
    const PackContents::Frame& frame = open.frame(i);
    auto chunk = open.chunk(i, ByteView{body}.subspan(frame.offset, frame.sealed_length));
    if (!chunk) return std::move(chunk).error();
    if (i == 0) {
      REPRIEVE_TRY(read.header, as_header(std::move(chunk)));
      read.bytes.reserve(static_cast<std::size_t>(piece.range.length()));
      continue;
    }
    if (read.bytes.size() + chunk->size() > piece.range.length()) break;
    read.bytes.insert(read.bytes.end(), chunk->begin(), chunk->end());
  }
  if (read.bytes.size() != piece.range.length())
    return Error{ErrorKind::kCorrupt, "it does not hold what its positions say"};
  return read;
}

}  // namespace reprieve::repository
