#include "repository/internal/config.hpp"

#include <algorithm>

#include "base/codec.hpp"
#include "repository/internal/record.hpp"

namespace reprieve::repository {
namespace {

constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kTextMax = 256;
constexpr std::uint32_t kChunkMinLowest = 64;
constexpr std::uint32_t kChunkMaxHighest = 16 * 1024 * 1024;
constexpr std::uint32_t kPageLowest = 512;

void write_texts(Encoder& out, const std::vector<std::string>& texts) {
  out.varint(texts.size());
  for (const std::string& text : texts)
    out.text(text);
}

std::vector<std::string> read_texts(Decoder& in) {
  std::vector<std::string> texts;
  const std::size_t count = in.count(1);
  for (std::size_t i = 0; i < count && in.ok(); ++i)
    texts.push_back(in.text(kTextMax));
  return texts;
}

void read_epochs(Decoder& in, Config& config) {
  const std::size_t count = in.count(sizeof(std::uint32_t) + 32);
  if (count == 0) in.fail();
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const std::uint32_t epoch = in.u32();
    if (!config.epochs.empty() && epoch <= config.epochs.back().epoch) in.fail();
    config.epochs.push_back({.epoch = epoch, .reading_public = in.array<32>()});
  }
}

void read_members(Decoder& in, Config& config) {
  constexpr std::size_t kMemberBytesMin = 1 + 32 + 1 + 1;
  const std::size_t count = in.count(kMemberBytesMin);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    Config::Member member;
    const std::uint8_t role = in.u8();
    if (role < static_cast<std::uint8_t>(Role::kWriter) ||
        role > static_cast<std::uint8_t>(Role::kAdmin))
      in.fail();
    member.role = static_cast<Role>(role);
    member.key = in.array<32>();
    const std::uint8_t state = in.u8();
    if (state != 1 && state != 2) in.fail();
    member.is_revoked = state == 2;
    member.name = in.text(kTextMax);
    if (member.is_revoked) member.last_seq = in.u64();
    config.members.push_back(std::move(member));
  }
}

void read_handovers(Decoder& in, Config& config) {
  const std::size_t count = in.count(16 + 32 + 1);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    Config::Handover handover;
    handover.member = in.array<16>();
    handover.ephemeral = in.array<32>();
    handover.sealed = copy_of(in.bytes(kConfigBytesMax));
    config.handovers.push_back(std::move(handover));
  }
}

bool has_handovers(const Config& config) {
  return std::ranges::find(config.required_features, kHandoverFeature) !=
         config.required_features.end();
}

ChunkerParameters read_chunker(Decoder& in) {
  ChunkerParameters p;
  p.min_bytes = in.u32();
  p.average_bytes = in.u32();
  p.max_bytes = in.u32();
  p.page_bytes = in.u32();
  if (p.min_bytes < kChunkMinLowest || p.average_bytes < p.min_bytes ||
      p.max_bytes < p.average_bytes || p.max_bytes > kChunkMaxHighest ||
      p.page_bytes < kPageLowest || p.page_bytes > p.max_bytes)
    in.fail();
  return p;
}

Error too_new(const std::string& what) {
  return Error{ErrorKind::kInvalid, "the repository needs " + what,
               "Use a newer version of reprieve to open this repository."};
}

}  // namespace

Bytes encode_config(const Config& config, const crypto::SigningKey& root) {
  Encoder out;
  out.raw(config.repository);
  out.u32(config.format_version);
  out.u64(config.generation);
  out.raw(config.previous);
  out.i64(config.created.nanoseconds);
  write_texts(out, config.required_features);
  write_texts(out, config.optional_features);
  out.raw(config.root);
  out.varint(config.epochs.size());
  for (const Config::Epoch& epoch : config.epochs) {
    out.u32(epoch.epoch);
    out.raw(epoch.reading_public);
  }
  out.varint(config.members.size());
  for (const Config::Member& member : config.members) {
    out.u8(static_cast<std::uint8_t>(member.role));
    out.raw(member.key);
    out.u8(member.is_revoked ? 2 : 1);
    out.text(member.name);
    if (member.is_revoked) out.u64(member.last_seq);
  }
  out.u32(config.chunker.min_bytes);
  out.u32(config.chunker.average_bytes);
  out.u32(config.chunker.max_bytes);
  out.u32(config.chunker.page_bytes);
  REPRIEVE_ASSERT(has_handovers(config) || config.handovers.empty());
  if (has_handovers(config)) {
    out.varint(config.handovers.size());
    for (const Config::Handover& handover : config.handovers) {
      out.raw(handover.member);
      out.raw(handover.ephemeral);
      out.bytes(handover.sealed);
    }
  }
  return encode_signed_record(RecordKind::kConfig, out.view(), root);
}

Result<Config> parse_config(ByteView record) {
  REPRIEVE_TRY(const ByteView body, parse_signed_record(record, RecordKind::kConfig));
  Decoder in{body};
  Config config;
  config.repository = in.array<16>();
  config.format_version = in.u32();
  if (in.ok() && config.format_version > kFormatVersion)
    return too_new("format " + std::to_string(config.format_version));
  if (config.format_version != kFormatVersion) in.fail();
  config.generation = in.u64();
  config.previous = in.array<32>();
  config.created = Instant{in.i64()};
  config.required_features = read_texts(in);
  for (const std::string& feature : config.required_features)
    if (in.ok() && feature != kHandoverFeature) return too_new("the feature '" + feature + "'");
  config.optional_features = read_texts(in);
  config.root = in.array<32>();
  read_epochs(in, config);
  read_members(in, config);
  config.chunker = read_chunker(in);
  if (in.ok() && has_handovers(config)) read_handovers(in, config);
  REPRIEVE_RETURN_IF_ERROR(in.finish("config"));
  if (!is_signed_by(record, config.root))
    return Error{ErrorKind::kCorrupt, "config: its signature does not verify"};
  return config;
}

}  // namespace reprieve::repository
