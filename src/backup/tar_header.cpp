#include "backup/tar_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/assert.hpp"
#include "base/codec.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::backup {
namespace {

// Field widths of ustar, less the NUL at the end of those that are numbers.
constexpr std::size_t kNameField = 100;
constexpr std::size_t kOwnerField = 31;
constexpr std::uint64_t kSevenDigits = (1ULL << 21U) - 1;
constexpr std::uint64_t kElevenDigits = (1ULL << 33U) - 1;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x1f && c < 0x7f; });
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned char first = byte(0);
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xc2 && first < 0xe0 ? 2
                               : first >= 0xe0 && first < 0xf0 ? 3
                               : first >= 0xf0 && first < 0xf5 ? 4
                                                               : 0;
    if (length == 0 || text.size() - at < length) return false;
    for (std::size_t i = 1; i < length; ++i)
      if ((byte(i) & 0xc0U) != 0x80) return false;
    at += length;
  }
  return true;
}

/// Records of a pax extended header: "<length> <key>=<value>\n", the length counting itself.
class PaxRecords {
 public:
  void add(std::string_view key, std::string_view value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (rest + std::to_string(length).size() != length)
      length = rest + std::to_string(length).size();
    text_ += std::to_string(length);
    text_ += ' ';
    text_ += key;
    text_ += '=';
    text_ += value;
    text_ += '\n';
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Decimal seconds; the fraction counts away from zero, as the sign is for the whole.
std::string pax_time(const FileTime& time) {
  constexpr std::uint32_t kSecond = 1'000'000'000;
  std::int64_t seconds = time.seconds;
  std::uint32_t fraction = time.nanoseconds;
  const bool is_negative = seconds < 0;
  if (is_negative && fraction > 0) {
    ++seconds;
    fraction = kSecond - fraction;
  }
  // -0.5 has no seconds that could carry the sign.
  std::string text = is_negative && seconds == 0 ? "-0" : std::to_string(seconds);
  if (fraction > 0) text += fmt::format(".{:09}", fraction);
  return text;
}

/// The kernel's binary form (linux/posix_acl_xattr.h) as acl_from_text(3) reads it; nothing if it
/// is another version.
std::optional<std::string> acl_text(ByteView value) {
  Decoder in{value};
  if (in.u32() != 2) return std::nullopt;
  std::string text;
  while (in.remaining() >= 8) {
    const std::uint16_t tag = in.u16();
    const std::uint16_t permission = in.u16();
    const std::uint32_t id = in.u32();
    if (!text.empty()) text += ',';
    switch (tag) {
      case 0x01:
        text += "user::";
        break;
      case 0x02:
        text += fmt::format("user:{}:", id);
        break;
      case 0x04:
        text += "group::";
        break;
      case 0x08:
        text += fmt::format("group:{}:", id);
        break;
      case 0x10:
        text += "mask::";
        break;
      case 0x20:
        text += "other::";
        break;
      default:
        return std::nullopt;
    }
    text += (permission & 4U) != 0 ? 'r' : '-';
    text += (permission & 2U) != 0 ? 'w' : '-';
    text += (permission & 1U) != 0 ? 'x' : '-';
  }
  return in.finish("ACL") ? std::optional{text} : std::nullopt;
}

void add_xattrs(PaxRecords& records, const std::vector<Xattr>& xattrs) {
  for (const Xattr& xattr : xattrs) {
    if (xattr.name == "system.posix_acl_access" || xattr.name == "system.posix_acl_default") {
      if (const auto text = acl_text(xattr.value)) {
        records.add(
            xattr.name == "system.posix_acl_access" ? "SCHILY.acl.access" : "SCHILY.acl.default",
            *text);
        continue;
      }
    }
    // As GNU tar writes them: a key ends at the first '='.
    std::string key = "SCHILY.xattr.";
    for (const char c : xattr.name) {
      if (c == '%' || c == '=')
        key += c == '%' ? "%25" : "%3D";
      else
        key += c;
    }
    records.add(key, as_text(xattr.value));
  }
}

/// The map that stands before a sparse file's data: numbers in lines, filled up to a block.
std::string sparse_map(const Content& content) {
  std::string runs;
  std::size_t count = 0;
  std::uint64_t at = 0;
  for (const Hole& hole : content.holes) {
    if (hole.offset > at) {
      runs += fmt::format("{}\n{}\n", at, hole.offset - at);
      ++count;
    }
    at = hole.offset + hole.length;
  }
  // The last run may be empty: it says where a hole at the end ends.
  runs += fmt::format("{}\n{}\n", at, content.size - at);
  std::string map = fmt::format("{}\n", count + 1);
  map += runs;
  map.append(tar_padding(map.size()), '\0');
  return map;
}

char type_of(const Entry& entry, bool is_link) {
  if (is_link) return '1';
  switch (entry.type) {
    case EntryType::kFile:
      return '0';
    case EntryType::kDirectory:
      return '5';
    case EntryType::kSymlink:
      return '2';
    case EntryType::kCharDevice:
      return '3';
    case EntryType::kBlockDevice:
      return '4';
    case EntryType::kFifo:
      return '6';
    case EntryType::kSocket:
      break;
  }
  return '\0';
}

/// One header under construction: each value goes to its field if it fits, else to a record.
class Builder {
 public:
  void name(std::size_t offset, std::string_view key, std::string_view value) {
    if (value.size() <= kNameField && is_ascii(value)) {
      header_.text(offset, value);
      return;
    }
    header_.text(offset, value.substr(0, kNameField));
    is_utf8_ = is_utf8_ && is_utf8(value);
    records_.add(key, value);
  }
  void number(std::size_t offset, std::size_t length, std::string_view key, std::uint64_t value) {
    const bool fits = value <= (length == 12 ? kElevenDigits : kSevenDigits);
    header_.octal(offset, length, fits ? value : 0);
    if (!fits) records_.add(key, std::to_string(value));
  }
  void owner(std::size_t offset, std::string_view key, std::string_view value) {
    if (value.size() <= kOwnerField && is_ascii(value)) {
      header_.text(offset, value);
      return;
    }
    is_utf8_ = is_utf8_ && is_utf8(value);
    records_.add(key, value);
  }
  void time(const FileTime& time) {
    const bool fits = time.seconds >= 0 && time.nanoseconds == 0 &&
                      static_cast<std::uint64_t>(time.seconds) <= kElevenDigits;
    header_.octal(136, 12, fits ? static_cast<std::uint64_t>(time.seconds) : 0);
    if (!fits) records_.add("mtime", pax_time(time));
  }
  UstarHeader& header() { return header_; }
  PaxRecords& records() { return records_; }

  Bytes finish() {
    header_.text(257, "ustar");
    header_.text(263, "00");
    Bytes blocks;
    std::string records;
    // It must come first: it says how to read the others.
    if (!is_utf8_) {
      PaxRecords charset;
      charset.add("hdrcharset", "BINARY");
      records = charset.text();
    }
    records += records_.text();
    if (!records.empty()) {
      UstarHeader extended;
      extended.text(0, "././@PaxHeader");
      extended.octal(100, 8, 0644);
      extended.octal(108, 8, 0);
      extended.octal(116, 8, 0);
      extended.octal(124, 12, records.size());
      extended.octal(136, 12, 0);
      extended.text(156, "x");
      extended.text(257, "ustar");
      extended.text(263, "00");
      append_blocks(blocks, extended.finish());
      append_blocks(blocks, reprieve::as_bytes(records));
    }
    append_blocks(blocks, header_.finish());
    return blocks;
  }

 private:
  UstarHeader header_;
  PaxRecords records_;
  bool is_utf8_ = true;
};

}  // namespace

void UstarHeader::text(std::size_t offset, std::string_view value) {
  std::ranges::transform(value, block_.begin() + static_cast<std::ptrdiff_t>(offset),
                         [](char c) { return std::byte{static_cast<unsigned char>(c)}; });
}

void UstarHeader::octal(std::size_t offset, std::size_t length, std::uint64_t value) {
  const std::string digits = fmt::format("{:0{}o}", value, length - 1);
  REPRIEVE_ASSERT(digits.size() < length);
  text(offset, digits);
}

ByteView UstarHeader::finish() {
  text(148, "        ");  // The checksum counts itself as blanks.
  const unsigned sum = std::accumulate(
      block_.begin(), block_.end(), 0U,
      [](unsigned total, std::byte b) { return total + std::to_integer<unsigned>(b); });
  octal(148, 7, sum);
  block_[154] = std::byte{0};
  return block_;
}

std::size_t tar_padding(std::uint64_t size) {
  return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

void append_blocks(Bytes& archive, ByteView bytes) {
  archive.insert(archive.end(), bytes.begin(), bytes.end());
  archive.insert(archive.end(), tar_padding(bytes.size()), std::byte{0});
}

Bytes tar_end() {
  return Bytes(2 * kTarBlock, std::byte{0});
}

Result<Bytes> tar_header(const std::string& path, const Entry& entry,
                         const std::string& linked_to) {
  const char type = type_of(entry, !linked_to.empty());
  if (type == '\0') return Error{ErrorKind::kInvalid, "a tar archive cannot hold a socket"};
  const bool has_data = type == '0';
  const bool is_sparse = has_data && !entry.content.holes.empty();
  const std::string map = is_sparse ? sparse_map(entry.content) : "";
  const std::string slashed = type == '5' ? path + "/" : path;
  Builder builder;
  if (is_sparse) {
    builder.records().add("GNU.sparse.major", "1");
    builder.records().add("GNU.sparse.minor", "0");
    builder.records().add("GNU.sparse.name", slashed);
    builder.records().add("GNU.sparse.realsize", std::to_string(entry.content.size));
    // What a program that knows nothing of sparse files calls the map and the runs.
    builder.name(0, "path", "GNUSparseFile.0/" + slashed);
  } else {
    builder.name(0, "path", slashed);
  }
  builder.header().octal(100, 8, entry.mode);
  builder.number(108, 8, "uid", entry.owner.uid);
  builder.number(116, 8, "gid", entry.owner.gid);
  builder.number(124, 12, "size", has_data ? map.size() + stored_size(entry.content) : 0);
  builder.time(entry.modified);
  builder.header().text(156, std::string_view{&type, 1});
  if (type == '1' || type == '2')
    builder.name(157, "linkpath", type == '1' ? linked_to : entry.target);
  builder.owner(265, "uname", entry.owner.user);
  builder.owner(297, "gname", entry.owner.group);
  if (type == '3' || type == '4') {
    builder.number(329, 8, "SCHILY.devmajor", entry.device_major);
    builder.number(337, 8, "SCHILY.devminor", entry.device_minor);
  }
  if (type != '1') add_xattrs(builder.records(), entry.xattrs);
  Bytes blocks = builder.finish();
  append_blocks(blocks, as_bytes(map));
  return blocks;
}

}  // namespace reprieve::backup
