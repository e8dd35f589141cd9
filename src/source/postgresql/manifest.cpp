#include "source/postgresql/manifest.hpp"

#include <algorithm>
#include <optional>

#include "base/json.hpp"

namespace reprieve {
namespace {

constexpr std::string_view kChecksumKey = "\"Manifest-Checksum\"";
/// Object, list, object: what the format nests.
constexpr std::size_t kDepthMax = 3;
constexpr std::size_t kPathMax = 4096;

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt, "backup manifest: " + std::move(what)};
}

std::optional<crypto::Digest> parse_digest(std::string_view hex) {
  const auto bytes = from_hex(hex);
  crypto::Digest digest;
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

/// Fills a Manifest while the JSON parser runs: a document tree of a million files would cost ten
/// times the memory. Every handler returns whether to go on.
class Reader : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(Manifest& manifest) : manifest_{manifest} {}
  std::string complaint = "not valid JSON";
  std::string own_checksum;

  bool null() override { return fail("an unexpected null"); }
  bool boolean(bool) override { return fail("an unexpected boolean"); }
  bool number_integer(number_integer_t) override { return fail("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return fail("a fraction"); }
  bool binary(binary_t&) override { return fail("binary data"); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ == 1 && key_ == "PostgreSQL-Backup-Manifest-Version") {
      if (value != 1 && value != 2) return fail("an unknown version");
      manifest_.version = static_cast<int>(value);
    } else if (depth_ == 1 && key_ == "System-Identifier") {
      manifest_.system_identifier = std::to_string(value);
    } else if (depth_ == 3 && list_ == "Files" && key_ == "Size") {
      size_ = value;
    } else if (depth_ == 3 && list_ == "WAL-Ranges" && key_ == "Timeline") {
      if (value == 0 || value > UINT32_MAX) return fail("a timeline out of range");
      range_.timeline = static_cast<std::uint32_t>(value);
    }
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ == 1 && key_ == "Manifest-Checksum") own_checksum = value;
    if (depth_ != 3) return true;
    return list_ == "Files" ? file_text(value) : range_text(value);
  }

  bool start_object(std::size_t) override {
    if (++depth_ > kDepthMax) return fail("nested too deep");
    path_.reset();
    size_.reset();
    sha256_.reset();
    range_ = {};
    return true;
  }
  bool start_array(std::size_t) override {
    if (++depth_ != 2) return fail("a list out of place");
    list_ = key_;
    return true;
  }
  bool end_array() override {
    --depth_;
    list_.clear();
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    return true;
  }
  bool end_object() override {
    --depth_;
    if (depth_ != 2) return true;
    if (list_ == "WAL-Ranges") {
      if (range_.timeline == 0 || range_.end < range_.start) return fail("a bad WAL range");
      manifest_.wal_ranges.push_back(range_);
    } else if (list_ == "Files") {
      if (!path_ || !size_ || !sha256_) return fail("a file without path, size or checksum");
      manifest_.files.push_back({*std::move(path_), {*size_, *sha256_}});
    }
    return true;
  }

 private:
  bool fail(std::string_view what) {
    complaint = what;
    return false;
  }
  bool file_text(const std::string& value) {
    if (key_ == "Path") {
      path_ = value;
    } else if (key_ == "Encoded-Path") {
      const auto raw = from_hex(value);
      if (!raw) return fail("an encoded path that is no hexadecimal");
      path_ = std::string{as_text(*raw)};
    } else if (key_ == "Checksum-Algorithm") {
      if (value != "SHA256") return fail("checksums that are not SHA-256");
    } else if (key_ == "Checksum") {
      sha256_ = parse_digest(value);
      if (!sha256_) return fail("a checksum that is no SHA-256");
    }
    if (path_ && (path_->empty() || path_->size() > kPathMax)) return fail("a path out of range");
    return true;
  }
  bool range_text(const std::string& value) {
    const auto lsn = parse_lsn(value);
    if (!lsn) return fail("a bad WAL location");
    if (key_ == "Start-LSN") range_.start = *lsn;
    if (key_ == "End-LSN") range_.end = *lsn;
    return true;
  }

  Manifest& manifest_;
  std::size_t depth_ = 0;
  std::string list_;
  std::string key_;
  std::optional<std::string> path_;
  std::optional<std::uint64_t> size_;
  std::optional<crypto::Digest> sha256_;
  Manifest::WalRange range_;
};

/// "3 files are missing: a, b, c" with at most five names.
std::string name_files(std::string_view what, const std::vector<std::string>& paths) {
  constexpr std::size_t kNamed = 5;
  std::string text = std::to_string(paths.size()) + " files " + std::string{what} + ": ";
  for (std::size_t i = 0; i < std::min(paths.size(), kNamed); ++i)
    text += (i == 0 ? "" : ", ") + paths[i];
  if (paths.size() > kNamed) text += ", ...";
  return text;
}

}  // namespace

Result<Manifest> parse_manifest(ByteView text) {
  if (text.size() > kManifestBytesMax) return corrupt("too large");
  const std::string_view all = as_text(text);
  // The checksum covers every byte before its own line (PostgreSQL manual, "Backup Manifest
  // Format"); a path cannot contain the bare quotes of the key.
  const std::size_t end = all.rfind(kChecksumKey);
  if (end == std::string_view::npos) return corrupt("it carries no checksum; it may be cut off");
  Manifest manifest;
  Reader reader{manifest};
  if (!Json::sax_parse(all.begin(), all.end(), &reader)) return corrupt(reader.complaint);
  if (manifest.version == 0) return corrupt("it names no version");
  if (parse_digest(reader.own_checksum) != crypto::sha256(text.first(end)))
    return corrupt("its own checksum is wrong");
  return manifest;
}

Result<> check_manifest(const Manifest& manifest,
                        const std::unordered_map<std::string, FileDigest>& arrived) {
  std::vector<std::string> missing;
  std::vector<std::string> different;
  std::size_t matched = 0;
  for (const Manifest::File& file : manifest.files) {
    const auto found = arrived.find(file.path);
    if (found == arrived.end())
      missing.push_back(file.path);
    else if (found->second != file.digest)
      different.push_back(file.path);
    else
      ++matched;
  }
  if (!missing.empty()) return corrupt(name_files("are listed but did not arrive", missing));
  if (!different.empty()) return corrupt(name_files("arrived with other bytes", different));
  if (matched == arrived.size() && matched == manifest.files.size()) return kOk;
  std::unordered_map<std::string, FileDigest> extra = arrived;
  for (const Manifest::File& file : manifest.files)
    extra.erase(file.path);
  std::vector<std::string> unlisted;
  unlisted.reserve(extra.size());
  for (const auto& [path, digest] : extra)
    unlisted.push_back(path);
  if (unlisted.empty()) return corrupt("a file is listed twice");
  std::ranges::sort(unlisted);
  return corrupt(name_files("arrived but are not listed", unlisted));
}

}  // namespace reprieve
