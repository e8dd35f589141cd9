#include "repository/credentials.hpp"

#include <algorithm>

#include "base/codec.hpp"

namespace reprieve::repository {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSecretBytes = 32;
constexpr std::string_view kKeyFileMark = "reprieve-key-1 ";
constexpr std::size_t kKeyFileBytesMax = 64 * 1024;

/// Which members follow, in this order.
enum Field : std::uint8_t {
  kChunkKeys = 1,
  kMetadataKeys = 2,
  kReadingKeys = 4,
  kSigningSeed = 8,
  kRootSeed = 16,
};
constexpr std::uint8_t kFieldsKnown = 31;

/// Where encode_credentials() puts bytes: first nowhere, to learn the length, then into the secret.
/// An Encoder would leave copies of the keys behind in freed memory as it grows.
class SecretWriter {
 public:
  explicit SecretWriter(MutableByteView out) : out_{out} {}
  void u8(std::uint8_t v) {
    const std::byte byte{v};
    raw({&byte, 1});
  }
  void u32(std::uint32_t v) {
    for (unsigned shift = 0; shift < 32; shift += 8)
      u8(static_cast<std::uint8_t>(v >> shift));
  }
  void varint(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7)
      u8(static_cast<std::uint8_t>(v | 0x80));
    u8(static_cast<std::uint8_t>(v));
  }
  void raw(ByteView bytes) {
    if (!out_.empty()) std::ranges::copy(bytes, out_.subspan(size_).begin());
    size_ += bytes.size();
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  MutableByteView out_;
  std::size_t size_ = 0;
};

std::uint8_t fields_of(const Credentials& c) {
  unsigned fields = 0;
  if (!c.chunk_id_key.empty()) fields |= kChunkKeys;
  if (!c.metadata_keys.empty()) fields |= kMetadataKeys;
  if (!c.reading_keys.empty()) fields |= kReadingKeys;
  if (!c.signing_seed.empty()) fields |= kSigningSeed;
  if (!c.root_seed.empty()) fields |= kRootSeed;
  return static_cast<std::uint8_t>(fields);
}

void write_secret(SecretWriter& out, const Secret& secret) {
  REPRIEVE_ASSERT(secret.size() == kSecretBytes);
  out.raw(secret.expose());
}

void write_epochs(SecretWriter& out, const std::vector<Credentials::EpochSecret>& secrets) {
  out.varint(secrets.size());
  for (const auto& [epoch, secret] : secrets) {
    out.u32(epoch);
    write_secret(out, secret);
  }
}

void write_credentials(SecretWriter& out, const Credentials& c) {
  const std::uint8_t fields = fields_of(c);
  out.u8(kVersion);
  out.u8(static_cast<std::uint8_t>(c.role));
  out.raw(c.repository);
  out.raw(c.root_public);
  out.u8(fields);
  if ((fields & kChunkKeys) != 0) {
    write_secret(out, c.chunk_id_key);
    write_secret(out, c.chunker_key);
  }
  if ((fields & kMetadataKeys) != 0) write_epochs(out, c.metadata_keys);
  if ((fields & kReadingKeys) != 0) write_epochs(out, c.reading_keys);
  if ((fields & kSigningSeed) != 0) write_secret(out, c.signing_seed);
  if ((fields & kRootSeed) != 0) write_secret(out, c.root_seed);
}

Secret read_secret(Decoder& in) {
  return Secret::copy_of(in.raw(kSecretBytes));
}

/// At least one, epochs ascending.
std::vector<Credentials::EpochSecret> read_epochs(Decoder& in) {
  std::vector<Credentials::EpochSecret> secrets;
  const std::size_t count = in.count(sizeof(std::uint32_t) + kSecretBytes);
  if (count == 0) in.fail();
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const std::uint32_t epoch = in.u32();
    if (!secrets.empty() && epoch <= secrets.back().epoch) in.fail();
    secrets.push_back({.epoch = epoch, .secret = read_secret(in)});
  }
  return secrets;
}

bool is_blank_or_comment(std::string_view line) {
  return line.empty() || line.front() == '#';
}

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
    line.remove_suffix(1);
  return line;
}

Error bad_key_file(std::string_view what) {
  return Error{ErrorKind::kInvalid, "key file: " + std::string{what},
               "Give the file that `reprieve init` or `reprieve repo keys` wrote, unchanged."};
}

}  // namespace

Secret encode_credentials(const Credentials& credentials) {
  SecretWriter measure{{}};
  write_credentials(measure, credentials);
  Secret encoded{measure.size()};
  SecretWriter out{encoded.expose_mutable()};
  write_credentials(out, credentials);
  return encoded;
}

Result<Credentials> parse_credentials(ByteView bytes) {
  Decoder in{bytes};
  Credentials c;
  if (in.u8() != kVersion) in.fail();
  const std::uint8_t role = in.u8();
  if (role < static_cast<std::uint8_t>(Role::kWriter) ||
      role > static_cast<std::uint8_t>(Role::kAdmin))
    in.fail();
  c.role = static_cast<Role>(role);
  c.repository = in.array<16>();
  c.root_public = in.array<32>();
  const std::uint8_t fields = in.u8();
  if ((fields & ~unsigned{kFieldsKnown}) != 0) in.fail();
  if ((fields & kChunkKeys) != 0) {
    c.chunk_id_key = read_secret(in);
    c.chunker_key = read_secret(in);
  }
  if ((fields & kMetadataKeys) != 0) c.metadata_keys = read_epochs(in);
  if ((fields & kReadingKeys) != 0) c.reading_keys = read_epochs(in);
  if ((fields & kSigningSeed) != 0) c.signing_seed = read_secret(in);
  if ((fields & kRootSeed) != 0) c.root_seed = read_secret(in);
  REPRIEVE_RETURN_IF_ERROR(in.finish("credentials"));
  return c;
}

std::string key_file_text(const Secret& secret, std::string_view comment) {
  REPRIEVE_ASSERT(secret.size() == kSecretBytes);
  std::string text;
  for (std::string_view rest = comment; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    text += "# " + std::string{rest.substr(0, end)} + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text + std::string{kKeyFileMark} + to_hex(secret.expose()) + "\n";
}

Result<Secret> parse_key_file(ByteView text) {
  if (text.size() > kKeyFileBytesMax) return bad_key_file("is too large");
  std::string_view rest = as_text(text);
  Secret secret;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (is_blank_or_comment(line)) continue;
    if (!line.starts_with(kKeyFileMark))
      return bad_key_file("has a line that is neither a comment nor a key");
    if (!secret.empty()) return bad_key_file("holds more than one key");
    const auto bytes = from_hex(line.substr(kKeyFileMark.size()));
    if (!bytes || bytes->size() != kSecretBytes)
      return bad_key_file("the key is not 64 hexadecimal digits");
    secret = Secret::copy_of(*bytes);
  }
  if (secret.empty()) return bad_key_file("holds no key");
  return secret;
}

}  // namespace reprieve::repository
