#include "source/postgresql/tar.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace reprieve {
namespace {

// POSIX.1-2017, pax, "ustar Interchange Format".
struct Field {
  std::size_t offset;
  std::size_t length;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kLink{157, 100};
constexpr Field kMagic{257, 5};
constexpr Field kUser{265, 32};
constexpr Field kGroup{297, 32};
constexpr Field kPrefix{345, 155};
constexpr std::size_t kHeaderBytes = 512;

/// Far above the 1 GiB segments that PostgreSQL cuts its relations into (they can be made larger
/// when the server is built), and far below any overflow.
constexpr std::uint64_t kMemberSizeMax = 1ULL << 44;

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt, "tar archive: " + std::move(what)};
}

std::string_view field_text(ByteView block, Field field) {
  const std::string_view all = as_text(block.subspan(field.offset, field.length));
  return all.substr(0, all.find('\0'));
}

/// Octal digits, or base 256 where the first bit is set (only sizes above 8 GiB need that).
std::optional<std::uint64_t> field_number(ByteView block, Field field) {
  const ByteView bytes = block.subspan(field.offset, field.length);
  std::uint64_t value = 0;
  if (std::to_integer<unsigned>(bytes[0]) == 0x80) {
    for (const std::byte b : bytes.subspan(1)) {
      if (value >> 56 != 0) return std::nullopt;
      value = (value << 8) | std::to_integer<std::uint64_t>(b);
    }
    return value;
  }
  std::size_t i = 0;
  const std::string_view text = as_text(bytes);
  while (i < text.size() && text[i] == ' ')
    ++i;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '7'; ++i) {
    if (value >> 61 != 0) return std::nullopt;
    value = (value << 3) | static_cast<std::uint64_t>(text[i] - '0');
  }
  for (; i < text.size(); ++i)
    if (text[i] != ' ' && text[i] != '\0') return std::nullopt;
  return value;
}

bool is_all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

bool has_right_checksum(ByteView block) {
  const auto expected = field_number(block, kChecksum);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool is_own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.length;
    sum += is_own ? std::uint64_t{' '} : std::to_integer<std::uint64_t>(block[i]);
  }
  return expected == sum;
}

Result<std::string> member_path(ByteView block) {
  std::string path{field_text(block, kName)};
  const std::string_view prefix = field_text(block, kPrefix);
  if (!prefix.empty()) path = std::string{prefix} + "/" + path;
  if (path.starts_with("./")) path.erase(0, 2);
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  if (!is_safe_relative_path(path)) return corrupt("a member has an unsafe name");
  return path;
}

std::optional<EntryType> member_type(ByteView block) {
  switch (static_cast<char>(block[kType])) {
    case '0':
    case '\0':
      return EntryType::kFile;
    case '5':
      return EntryType::kDirectory;
    case '2':
      return EntryType::kSymlink;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_safe_relative_path(std::string_view path) {
  constexpr std::size_t kPathMax = 4096;
  constexpr std::size_t kPartMax = 255;
  if (path.empty() || path.size() > kPathMax || path.find('\0') != std::string_view::npos)
    return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > kPartMax) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<std::optional<TarMember>> parse_tar_header(ByteView block) {
  if (block.size() != kHeaderBytes) return corrupt("a header is cut off");
  if (is_all_zero(block)) return std::optional<TarMember>{};
  if (!has_right_checksum(block)) return corrupt("a header's checksum is wrong");
  if (field_text(block, kMagic) != "ustar") return corrupt("a header is not in ustar format");
  TarMember member;
  REPRIEVE_TRY(member.path, member_path(block));
  const auto type = member_type(block);
  const auto mode = field_number(block, kMode);
  const auto uid = field_number(block, kUid);
  const auto gid = field_number(block, kGid);
  const auto size = field_number(block, kSize);
  const auto time = field_number(block, kTime);
  if (!type || !mode || !uid || *uid > UINT32_MAX || !gid || *gid > UINT32_MAX || !size ||
      *size > kMemberSizeMax || !time || *time > static_cast<std::uint64_t>(INT64_MAX))
    return corrupt("the header of " + member.path + " has a field out of range");
  member.type = *type;
  member.mode = static_cast<std::uint16_t>(*mode & 07777);
  member.owner = {static_cast<std::uint32_t>(*uid), static_cast<std::uint32_t>(*gid),
                  std::string{field_text(block, kUser)}, std::string{field_text(block, kGroup)}};
  member.modified = {static_cast<std::int64_t>(*time), 0};
  if (member.type == EntryType::kFile)
    member.size = *size;
  else if (*size != 0)
    return corrupt(member.path + " is no file but has content");
  if (member.type == EntryType::kSymlink) {
    member.target = field_text(block, kLink);
    if (member.target.empty()) return corrupt(member.path + " is a link to nothing");
  }
  return std::optional{std::move(member)};
}

Result<> TarParser::take_header() {
  header_filled_ = 0;
  REPRIEVE_TRY(auto member, parse_tar_header(header_));
  if (!member) {
    is_closed_ = true;
    return kOk;
  }
  if (is_closed_) return corrupt("a member follows the closing block");
  body_left_ = member->size;
  padding_left_ = (kBlock - member->size % kBlock) % kBlock;
  REPRIEVE_RETURN_IF_ERROR(visitor_.begin(*std::move(member)));
  if (body_left_ == 0) return visitor_.end();
  return kOk;
}

Result<> TarParser::feed(ByteView bytes) {
  while (!bytes.empty()) {
    std::size_t taken = 0;
    if (body_left_ > 0) {
      taken = static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, bytes.size()));
      REPRIEVE_RETURN_IF_ERROR(visitor_.data(bytes.first(taken)));
      body_left_ -= taken;
      if (body_left_ == 0) REPRIEVE_RETURN_IF_ERROR(visitor_.end());
    } else if (padding_left_ > 0) {
      taken = static_cast<std::size_t>(std::min<std::uint64_t>(padding_left_, bytes.size()));
      padding_left_ -= taken;
    } else {
      taken = std::min(kBlock - header_filled_, bytes.size());
      std::memcpy(header_.data() + header_filled_, bytes.data(), taken);
      header_filled_ += taken;
      if (header_filled_ == kBlock) REPRIEVE_RETURN_IF_ERROR(take_header());
    }
    bytes = bytes.subspan(taken);
  }
  return kOk;
}

Result<> TarParser::finish() {
  if (body_left_ > 0 || padding_left_ > 0 || header_filled_ > 0)
    return corrupt("it ends inside a member");
  return kOk;
}

}  // namespace reprieve
