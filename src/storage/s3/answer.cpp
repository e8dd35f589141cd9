#include "storage/s3/answer.hpp"

#include <charconv>

#include "storage/s3/uri.hpp"
#include "storage/s3/xml.hpp"

namespace reprieve::s3 {
namespace {

constexpr std::size_t kMessageCharsMax = 200;

Error bad(std::string_view why) {
  return {ErrorKind::kCorrupt, "no listing of objects: " + std::string{why}};
}

Result<ListedObject> parse_object(const XmlElement& contents) {
  const XmlElement* key = contents.find("Key");
  const XmlElement* size = contents.find("Size");
  if (key == nullptr || size == nullptr) return bad("an object without a name or size");
  auto name = uri_decode(key->text);
  if (!name) return bad("a broken name");
  ListedObject object{*std::move(name), 0};
  const char* const end = size->text.data() + size->text.size();
  const auto parsed = std::from_chars(size->text.data(), end, object.size);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return bad("a size that is no number");
  return object;
}

Result<ListedVersion> parse_version(const XmlElement& element) {
  ListedVersion version;
  version.is_delete_marker = element.name == "DeleteMarker";
  version.id = element.text_of("VersionId");
  if (version.id.empty()) return bad("a version without an id");
  if (version.is_delete_marker) {
    auto name = uri_decode(element.text_of("Key"));
    if (!name || name->empty()) return bad("a delete marker without a name");
    version.key = *std::move(name);
    return version;
  }
  REPRIEVE_TRY(ListedObject object, parse_object(element));
  version.key = std::move(object.key);
  version.size = object.size;
  return version;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMessageCharsMax))
    out += c >= ' ' && c <= '~' ? c : '?';
  return out;
}

}  // namespace

Result<ListPage> parse_list_page(ByteView body) {
  REPRIEVE_TRY(const XmlElement document, parse_xml(body));
  if (document.name != "ListBucketResult") return bad("another document");
  ListPage page;
  for (const XmlElement& child : document.children) {
    if (child.name != "Contents") continue;
    REPRIEVE_TRY(ListedObject object, parse_object(child));
    page.objects.push_back(std::move(object));
  }
  const std::string_view more = document.text_of("IsTruncated");
  if (more == "true") {
    page.next = document.text_of("NextContinuationToken");
    if (page.next.empty()) return bad("it goes on, but does not say where");
  } else if (more != "false") {
    return bad("it does not say whether it goes on");
  }
  return page;
}

Result<VersionPage> parse_version_page(ByteView body) {
  REPRIEVE_TRY(const XmlElement document, parse_xml(body));
  if (document.name != "ListVersionsResult") return bad("another document");
  VersionPage page;
  for (const XmlElement& child : document.children) {
    if (child.name != "Version" && child.name != "DeleteMarker") continue;
    REPRIEVE_TRY(ListedVersion version, parse_version(child));
    page.versions.push_back(std::move(version));
  }
  const std::string_view more = document.text_of("IsTruncated");
  if (more == "true") {
    auto next = uri_decode(document.text_of("NextKeyMarker"));
    if (!next || next->empty()) return bad("it goes on, but does not say where");
    page.next_key = *std::move(next);
    page.next_version = document.text_of("NextVersionIdMarker");
  } else if (more != "false") {
    return bad("it does not say whether it goes on");
  }
  return page;
}

Refusal parse_refusal(ByteView body) {
  const auto document = parse_xml(body);
  if (!document || document->name != "Error") return {};
  return {printable(document->text_of("Code")), printable(document->text_of("Message"))};
}

std::string text_in_answer(ByteView body, const std::string& name) {
  const auto document = parse_xml(body);
  return document ? std::string{document->text_of(name)} : std::string{};
}

}  // namespace reprieve::s3
