#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace reprieve::s3 {

/// How a bucket is addressed: https://HOST/BUCKET/KEY or https://BUCKET.HOST/KEY.
enum class Style : std::uint8_t { kPath, kVirtual };

/// Who may remove a locked version before its time: nobody, or who has a special right.
enum class LockMode : std::uint8_t { kCompliance, kGovernance };

/// For how long new objects are locked against removal.
struct LockRule {
  LockMode mode = LockMode::kCompliance;
  Duration period{};
};

/// Where objects lie, as a URL says it:
///
///   s3://BUCKET[/PREFIX][?endpoint=http[s]://HOST[:PORT]&region=NAME&profile=NAME
///        &style=path|virtual&class=STORAGE_CLASS&writers=one&limit_up=RATE&limit_down=RATE
///        &lock=30d&lock_mode=compliance|governance]
///
/// Credentials are never part of it. Without an endpoint it is AWS.
struct Location {
  std::string bucket;
  std::string prefix;    ///< Without slashes at its ends; may be empty.
  std::string endpoint;  ///< "https://host:port"; empty for AWS.
  std::string region;    ///< Empty if not said.
  std::string profile;
  std::string storage_class;
  bool is_style_said = false;
  Style style = Style::kVirtual;  ///< If it was said; else addressed() decides.
  /// The user vouches that one program at a time writes: needed where a store cannot create
  /// conditionally.
  bool has_one_writer = false;
  std::uint64_t limit_up = 0;    ///< Bytes per second; 0 is no limit.
  std::uint64_t limit_down = 0;  ///< As above.
  std::optional<LockRule> lock;

  /// "s3://BUCKET/PREFIX" with "?endpoint=" if it has one; for messages.
  [[nodiscard]] std::string describe() const;
};

bool is_s3_url(std::string_view text);
/// Errors: kInvalid. Their texts never repeat what could hold a secret.
Result<Location> parse_location(std::string_view url);

/// Where requests for the bucket go.
struct Address {
  std::string scheme;  ///< "https://"
  std::string host;    ///< With the port if it is not the scheme's own.
  std::string path;    ///< "/BUCKET" or empty.
};
/// `region` must be known by now. A bucket is addressed by path at an endpoint and, for the sake of
/// its TLS certificate, if its name has a dot.
Address addressed(const Location& location, const std::string& region);

}  // namespace reprieve::s3
