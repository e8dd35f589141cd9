#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "plan/internal/problems.hpp"
#include "plan/position.hpp"

/// YAML as the plan language uses it: one document, no tags, no merge keys, no repeated keys,
/// aliases copied in, and every node with its place in the text.
namespace reprieve::plan {

struct MappingEntry;

struct Node {
  enum class Kind : std::uint8_t { kScalar, kList, kMapping };
  Kind kind = Kind::kScalar;
  Position at;
  std::string text;         ///< Of a scalar.
  bool is_plain = false;    ///< A scalar without quotes: may mean a number, true, false or null.
  bool is_one_line = true;  ///< A scalar whose text begins and ends on the same line.
  std::vector<Node> items;  ///< Of a list.
  std::vector<MappingEntry> entries;  ///< Of a mapping, in the order of the text.
  std::size_t node_count = 1;         ///< Of the whole subtree, keys included.
  std::size_t text_bytes = 0;         ///< Likewise.
  std::size_t height = 1;             ///< Levels of the subtree.
};

struct MappingEntry {
  std::string key;
  Position key_at;
  Node value;
};

inline constexpr std::size_t kPlanBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kDepthMax = 32;
/// Nodes of the document after aliases were copied in, with one more copy for each anchor.
inline constexpr std::size_t kNodesMax = 100'000;
/// Bytes of scalars, counted likewise.
inline constexpr std::size_t kTextBytesMax = 4 * kPlanBytesMax;

/// The root node; nothing if there is none to go on with, and then `problems` says why. Problems
/// that leave a usable tree (a repeated key) are added, too.
std::optional<Node> parse_yaml(ByteView text, Problems& problems);

}  // namespace reprieve::plan
