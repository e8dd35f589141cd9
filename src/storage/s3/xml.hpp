#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace reprieve::s3 {

/// An element of a document. Attributes and namespaces are dropped: S3's answers use neither.
struct XmlElement {
  std::string name;
  std::string text;  ///< All character data directly inside, joined.
  std::vector<XmlElement> children;

  /// The first child of that name, or null.
  [[nodiscard]] const XmlElement* find(std::string_view child) const;
  /// Its text; empty if there is none.
  [[nodiscard]] std::string_view text_of(std::string_view child) const;
};

/// Parses what stores answer with, from bytes that nobody vouches for: elements, character data,
/// the five named entities, character references and comments. Document types, processing
/// instructions but the declaration, and CDATA are refused, so nothing expands or is fetched. At
/// most 16 levels and 100,000 elements. Errors: kCorrupt.
Result<XmlElement> parse_xml(ByteView document);

}  // namespace reprieve::s3
