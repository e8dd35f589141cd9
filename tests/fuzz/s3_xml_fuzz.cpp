#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "storage/s3/answer.hpp"
#include "storage/s3/xml.hpp"

/// Whatever a store answers: a refusal, or a tree within its limits and a listing made of it.
namespace {

std::size_t levels_of(const reprieve::s3::XmlElement& element) {
  std::size_t deepest = 0;
  for (const auto& child : element.children)
    deepest = std::max(deepest, levels_of(child));
  return deepest + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  const ByteView body = std::as_bytes(std::span{bytes, size});
  const auto document = s3::parse_xml(body);
  if (document) REPRIEVE_ASSERT(levels_of(*document) <= 16 && !document->name.empty());
  const auto page = s3::parse_list_page(body);
  REPRIEVE_ASSERT(document || !page);
  const auto versions = s3::parse_version_page(body);
  REPRIEVE_ASSERT(document || !versions);
  const auto refusal = s3::parse_refusal(body);
  for (const char c : refusal.code + refusal.message)
    REPRIEVE_ASSERT(c >= ' ' && c <= '~');
  return 0;
}
