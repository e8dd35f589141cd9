#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

/// The bodies of S3's answers. Parsers of bytes that nobody vouches for.
namespace reprieve::s3 {

struct ListedObject {
  std::string key;  ///< In the bucket, not decoded further; any bytes.
  std::uint64_t size = 0;
};

/// One page of ListObjectsV2 with encoding-type=url.
struct ListPage {
  std::vector<ListedObject> objects;
  std::string next;  ///< The continuation token; empty on the last page.
};
/// Errors: kCorrupt.
Result<ListPage> parse_list_page(ByteView body);

/// A version of an object, or the mark that hides older ones.
struct ListedVersion {
  std::string key;  ///< As in ListedObject.
  std::string id;
  std::uint64_t size = 0;
  bool is_delete_marker = false;
};

/// One page of ListObjectVersions with encoding-type=url: by name, the newest version first.
struct VersionPage {
  std::vector<ListedVersion> versions;
  std::string next_key;  ///< Where the next page begins; empty on the last one.
  std::string next_version;
};
/// Errors: kCorrupt.
Result<VersionPage> parse_version_page(ByteView body);

/// "NoSuchBucket" and its like. Both empty if the body is no error document.
struct Refusal {
  std::string code;
  std::string message;  ///< Printable ASCII, at most 200 characters.
};
Refusal parse_refusal(ByteView body);

/// The text of the element `name` directly below the document's; empty if there is none or the body
/// is no XML. For answers of one word, such as a bucket's versioning.
std::string text_in_answer(ByteView body, const std::string& name);

}  // namespace reprieve::s3
