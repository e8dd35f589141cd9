#include "repository/internal/snapshot_record.hpp"

#include <algorithm>

#include "base/codec.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

constexpr auto kKind = static_cast<std::uint8_t>(RecordKind::kSnapshot);
constexpr std::uint8_t kDepthMax = 8;

/// The numbers of the statistics in the bytes: index + 1.
constexpr std::uint64_t Statistics::*kStatistics[] = {
    &Statistics::files,         &Statistics::directories,   &Statistics::others,
    &Statistics::bytes,         &Statistics::bytes_new,     &Statistics::bytes_stored,
    &Statistics::files_new,     &Statistics::files_changed, &Statistics::files_unchanged,
    &Statistics::problems,      &Statistics::duration_ms,   &Statistics::bytes_dense,
    &Statistics::files_removed, &Statistics::files_renamed,
};

Bytes encode_clear(const Snapshot& snapshot, std::span<const SnapshotHead> seen,
                   const RepositoryId& repository) {
  Encoder out;
  out.raw(repository);
  out.raw(snapshot.writer);
  out.u64(snapshot.seq);
  out.raw(snapshot.session);
  out.u8(snapshot.is_final ? 1 : 0);
  out.raw(snapshot.previous.bytes);
  out.varint(seen.size());
  for (const SnapshotHead& head : seen) {
    out.raw(head.writer);
    out.u64(head.seq);
    out.raw(head.id.bytes);
  }
  out.i64(snapshot.time.nanoseconds);
  out.u64(snapshot.gc_seen);
  return std::move(out).take();
}

void read_seen(Decoder& in, std::vector<SnapshotHead>& seen) {
  const std::size_t count = in.count(16 + 8 + 32);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    SnapshotHead head;
    head.writer = in.array<16>();
    head.seq = in.u64();
    head.id = SnapshotId{in.array<32>()};
    seen.push_back(head);
  }
}

Bytes seal_description(const Description& description, ByteView clear,
                       const KeyRing::Session& session, RandomSource& random) {
  const crypto::Salt16 salt = crypto::random_array<16>(random);
  const std::string text = encode_description(description);
  Bytes sealed;
  crypto::seal_once(frame_key(session.shared, salt), clear, as_bytes(text), sealed);
  Encoder out;
  out.raw(session.entry.ephemeral);
  out.u32(session.entry.epoch);
  out.raw(session.entry.commitment);
  out.raw(salt);
  out.raw(sealed);
  return std::move(out).take();
}

/// Empty bytes if the key at hand cannot read it.
Result<Description> open_description(const SnapshotEnvelope& envelope, const KeyRing& keys) {
  Decoder in{envelope.sealed_description};
  SessionKeyEntry entry;
  entry.ephemeral = in.array<32>();
  entry.epoch = in.u32();
  entry.commitment = in.array<16>();
  const crypto::Salt16 salt = in.array<16>();
  if (!in.ok()) return Error{ErrorKind::kCorrupt, "snapshot: its description is cut off"};
  auto shared = keys.open_session(entry);
  if (!shared) {
    if (shared.error().kind == ErrorKind::kDenied) return Description{};
    return std::move(shared).error();
  }
  REPRIEVE_TRY(const Bytes text,
               crypto::open_once(frame_key(*shared, salt), envelope.clear, in.raw(in.remaining())));
  return parse_description(text);
}

std::string text_member(const Json& json, const char* key) {
  const auto member = json.find(key);
  return member != json.end() && member->is_string() ? member->get<std::string>() : std::string{};
}

Instant time_member(const Json& json, const char* key) {
  return parse_rfc3339(text_member(json, key)).value_or(Instant{});
}

/// A path has its raw bytes in "hex"; "text" is for people.
Json path_json(const std::string& path) {
  return Json{{"text", path}, {"hex", to_hex(as_bytes(path))}};
}

Json replaced_json(const Replaced& replaced) {
  return Json{{"id", replaced.id.hex()},
              {"writer", to_hex(replaced.writer)},
              {"seq", replaced.seq},
              {"time", format_rfc3339(replaced.time)}};
}

std::optional<Replaced> parse_replaced(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const auto id = SnapshotId::from_hex(text_member(json, "id"));
  const auto writer = from_hex(text_member(json, "writer"));
  const auto seq = json.find("seq");
  const auto time = parse_rfc3339(text_member(json, "time"));
  Replaced replaced;
  if (!id || !writer || writer->size() != replaced.writer.size() || seq == json.end() ||
      !seq->is_number_unsigned() || !time)
    return std::nullopt;
  replaced.id = *id;
  std::ranges::copy(*writer, replaced.writer.begin());
  replaced.seq = seq->get<std::uint64_t>();
  replaced.time = *time;
  return replaced;
}

/// Only who may remove points may say that one stands for another.
void take_place(Snapshot& snapshot, const KeyRing::Signer& signer) {
  std::optional<Replaced>& replaces = snapshot.description.replaces;
  if (!replaces) return;
  if (!signer.may_prune) return replaces.reset();
  replaces->rewritten = snapshot.time;
  snapshot.time = replaces->time;
}

std::optional<std::string> parse_path(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const auto bytes = from_hex(text_member(json, "hex"));
  if (!bytes) return std::nullopt;
  return std::string{as_text(*bytes)};
}

}  // namespace

Bytes encode_snapshot_metadata(const ListRef& root, const Statistics& statistics) {
  Encoder out;
  out.raw(root.id.bytes);
  out.u8(root.depth);
  const auto is_stored = [&](auto member) { return statistics.*member != 0; };
  out.varint(static_cast<std::uint64_t>(std::ranges::count_if(kStatistics, is_stored)));
  for (std::size_t i = 0; i < std::size(kStatistics); ++i) {
    if (!is_stored(kStatistics[i])) continue;
    out.u8(static_cast<std::uint8_t>(i + 1));
    out.varint(statistics.*kStatistics[i]);
  }
  return std::move(out).take();
}

Result<> parse_snapshot_metadata(ByteView bytes, Snapshot& out) {
  Decoder in{bytes};
  out.root.id = ChunkId{in.array<32>()};
  out.root.depth = in.u8();
  if (out.root.depth > kDepthMax) in.fail();
  const std::size_t count = in.count(2);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const std::size_t field = in.u8();
    const std::uint64_t value = in.varint();
    // Fields of later versions are passed over.
    if (field >= 1 && field <= std::size(kStatistics))
      out.statistics.*kStatistics[field - 1] = value;
  }
  return in.finish("snapshot's statistics");
}

std::string encode_description(const Description& description) {
  Json paths = Json::array();
  for (const std::string& path : description.paths)
    paths.push_back(path_json(path));
  Json json;
  json["source"] = description.source;
  json["kind"] = description.kind;
  json["host"] = description.host;
  json["paths"] = std::move(paths);
  json["name"] = description.name;
  json["tags"] = description.tags;
  json["started"] = format_rfc3339(description.started);
  json["data_time"] = format_rfc3339(description.data_time);
  json["program"] = description.program;
  json["facts"] = description.facts;
  if (description.replaces) json["replaces"] = replaced_json(*description.replaces);
  return to_text(json);
}

Result<Description> parse_description(ByteView text) {
  const auto json = parse_json(as_text(text));
  if (!json || !json->is_object())
    return Error{ErrorKind::kCorrupt, "snapshot: its description is no JSON object"};
  Description d;
  d.source = text_member(*json, "source");
  d.kind = text_member(*json, "kind");
  d.host = text_member(*json, "host");
  d.name = text_member(*json, "name");
  d.program = text_member(*json, "program");
  d.started = time_member(*json, "started");
  d.data_time = time_member(*json, "data_time");
  if (const auto paths = json->find("paths"); paths != json->end() && paths->is_array()) {
    for (const Json& path : *paths) {
      auto raw = parse_path(path);
      if (!raw)
        return Error{ErrorKind::kCorrupt, "snapshot: a path in its description is malformed"};
      d.paths.push_back(*std::move(raw));
    }
  }
  if (const auto tags = json->find("tags"); tags != json->end() && tags->is_array()) {
    for (const Json& tag : *tags) {
      if (tag.is_string()) d.tags.push_back(tag.get<std::string>());
    }
  }
  if (const auto replaces = json->find("replaces"); replaces != json->end()) {
    d.replaces = parse_replaced(*replaces);
    if (!d.replaces) return Error{ErrorKind::kCorrupt, "snapshot: what it replaces is malformed"};
  }
  if (const auto facts = json->find("facts"); facts != json->end()) d.facts = *facts;
  return d;
}

Result<Bytes> encode_snapshot(const Snapshot& snapshot, std::span<const SnapshotHead> seen,
                              const KeyRing& keys, const KeyRing::Session& session,
                              RandomSource& random) {
  REPRIEVE_ASSERT(snapshot.writer == keys.writer_id());
  const Bytes clear = encode_clear(snapshot, seen, keys.repository_id());
  Encoder body;
  body.raw(clear);
  body.bytes(keys.seal_metadata(random, kKind, clear,
                                encode_snapshot_metadata(snapshot.root, snapshot.statistics)));
  body.bytes(seal_description(snapshot.description, clear, session, random));
  if (kRecordHeaderBytes + body.size() + kSignatureBytes > kSnapshotBytesMax) {
    return Error{ErrorKind::kInvalid, "the snapshot's description is too large",
                 "Give fewer paths, or fewer facts."};
  }
  return encode_signed_record(RecordKind::kSnapshot, body.view(), keys.signing_key());
}

SnapshotId snapshot_id_of(ByteView record) {
  return SnapshotId{crypto::sha256(record)};
}

Result<SnapshotEnvelope> parse_snapshot_envelope(ByteView record) {
  REPRIEVE_TRY(const ByteView body, parse_signed_record(record, RecordKind::kSnapshot));
  Decoder in{body};
  SnapshotEnvelope e;
  e.repository = in.array<16>();
  e.writer = in.array<16>();
  e.seq = in.u64();
  e.session = in.array<32>();
  const std::uint8_t is_final = in.u8();
  if (is_final > 1 || e.seq == 0) in.fail();
  e.is_final = is_final == 1;
  e.previous = SnapshotId{in.array<32>()};
  read_seen(in, e.seen);
  e.time = Instant{in.i64()};
  e.gc_seen = in.u64();
  if (in.ok()) e.clear = body.first(body.size() - in.remaining());
  e.sealed_metadata = in.bytes(kSnapshotBytesMax);
  e.sealed_description = in.bytes(kSnapshotBytesMax);
  REPRIEVE_RETURN_IF_ERROR(in.finish("snapshot"));
  return e;
}

Result<SnapshotEnvelope> parse_signed_snapshot(ByteView record, const KeyRing& keys) {
  REPRIEVE_TRY(SnapshotEnvelope envelope, parse_snapshot_envelope(record));
  const auto signer = keys.signer(envelope.writer);
  if (envelope.repository != keys.repository_id() || !signer || !signer->may_write ||
      !is_signed_by(record, signer->key))
    return Error{ErrorKind::kCorrupt, "snapshot: not signed by a writer of this repository"};
  if (signer->is_revoked && envelope.seq > signer->last_seq)
    return Error{ErrorKind::kCorrupt, "snapshot: signed by a writer after it was revoked"};
  return envelope;
}

Result<Snapshot> parse_snapshot(ByteView record, const KeyRing& keys) {
  REPRIEVE_TRY(const SnapshotEnvelope envelope, parse_signed_snapshot(record, keys));
  Snapshot snapshot;
  snapshot.id = snapshot_id_of(record);
  snapshot.writer = envelope.writer;
  snapshot.seq = envelope.seq;
  snapshot.session = envelope.session;
  snapshot.is_final = envelope.is_final;
  snapshot.previous = envelope.previous;
  snapshot.time = envelope.time;
  snapshot.gc_seen = envelope.gc_seen;
  REPRIEVE_TRY(const Bytes metadata,
               keys.open_metadata(kKind, envelope.clear, envelope.sealed_metadata));
  REPRIEVE_RETURN_IF_ERROR(parse_snapshot_metadata(metadata, snapshot));
  REPRIEVE_TRY(snapshot.description, open_description(envelope, keys));
  take_place(snapshot, *keys.signer(envelope.writer));
  return snapshot;
}

}  // namespace reprieve::repository
