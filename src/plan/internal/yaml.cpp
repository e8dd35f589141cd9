#include "plan/internal/yaml.hpp"

#include <yaml.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/format.hpp"

namespace reprieve::plan {
namespace {

Position position_of(const yaml_mark_t& mark) {
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

std::string text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string{} : reinterpret_cast<const char*>(text);
}

/// Owns one event of libyaml.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&event_); }
  yaml_event_t* get() { return &event_; }
  [[nodiscard]] yaml_event_type_t type() const { return event_.type; }
  [[nodiscard]] Position at() const { return position_of(event_.start_mark); }
  const yaml_event_t& operator*() const { return event_; }

 private:
  yaml_event_t event_{};
};

/// Turns libyaml's events into nodes. Any failure that leaves nothing to go on with is added to the
/// problems once, and then `nothing` travels up.
class Builder {
 public:
  Builder(ByteView text, Problems& problems) : problems_{problems} {
    is_ready_ = yaml_parser_initialize(&parser_) == 1;
    if (!is_ready_) return;
    yaml_parser_set_input_string(&parser_, as_u8(text.data()), text.size());
    // Without this, libyaml would guess UTF-16 from a byte order mark.
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;
  ~Builder() {
    if (is_ready_) yaml_parser_delete(&parser_);
  }

  std::optional<Node> document() {
    if (!is_ready_) return fail({}, "the YAML parser could not be started: out of memory", "");
    Event event;
    if (!next(event) || !next(event)) return std::nullopt;  // Stream start, then document start.
    if (event.type() == YAML_STREAM_END_EVENT)
      return fail({1, 1}, "the plan is empty", "Begin it with `reprieve: 1` and `plan: NAME`.");
    if (has_tag_directive(*event))
      return fail(event.at(), "tag directives are not part of the plan language", "Remove it.");
    Event first;
    if (!next(first)) return std::nullopt;
    auto root = node(first, 1);
    if (!root) return std::nullopt;
    if (!ends_here()) return std::nullopt;
    return root;
  }

 private:
  static bool has_tag_directive(const yaml_event_t& event) {
    return event.type == YAML_DOCUMENT_START_EVENT &&
           event.data.document_start.tag_directives.start !=
               event.data.document_start.tag_directives.end;
  }

  std::nullopt_t fail(Position at, std::string what, std::string hint) {
    problems_.add(at, std::move(what), std::move(hint));
    return std::nullopt;
  }

  bool next(Event& event) {
    yaml_event_delete(event.get());
    if (yaml_parser_parse(&parser_, event.get()) == 1) return true;
    const std::string problem = parser_.problem == nullptr ? "unreadable" : parser_.problem;
    Position at = position_of(parser_.problem_mark);
    // What the reader refuses (bad UTF-8, control characters) has an offset and no mark.
    if (parser_.error == YAML_READER_ERROR) at = position_of(parser_.mark);
    problems_.add(at, "not valid YAML: " + problem,
                  "Check the indentation, the quotes and the brackets on this line and above it.");
    return false;
  }

  bool ends_here() {
    Event event;
    if (!next(event) || !next(event)) return false;  // Document end, then what follows.
    if (event.type() == YAML_STREAM_END_EVENT) return true;
    problems_.add(event.at(), "a second document begins here",
                  "A plan is one document: remove the `---` line or what follows it.");
    return false;
  }

  std::optional<Node> node(Event& event, std::size_t depth) {
    if (depth > kDepthMax)
      return fail(event.at(), fmt::format("nested deeper than {} levels", kDepthMax),
                  "Flatten this part of the plan.");
    switch (event.type()) {
      case YAML_ALIAS_EVENT:
        return alias(event, depth);
      case YAML_SCALAR_EVENT:
        return scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return list(event, depth);
      case YAML_MAPPING_START_EVENT:
        return mapping(event, depth);
      default:
        return fail(event.at(), "not valid YAML: a value is missing", "");
    }
  }

  /// Counts against the limits before anything is copied.
  bool spend(Position at, std::size_t nodes, std::size_t bytes) {
    nodes_ += nodes;
    bytes_ += bytes;
    if (nodes_ <= kNodesMax && bytes_ <= kTextBytesMax) return true;
    problems_.add(at,
                  fmt::format("the plan grows beyond {} nodes or {} of text", kNodesMax,
                              format_size(kTextBytesMax)),
                  "Use fewer aliases; split the plan.");
    return false;
  }

  bool is_untagged(const yaml_char_t* tag, Position at) {
    if (tag == nullptr) return true;
    problems_.add(at, fmt::format("the tag {} is not part of the plan language", text_of(tag)),
                  "Remove it; write text that looks like a number in quotes.");
    return false;
  }

  bool remember(const yaml_char_t* anchor, const Node& node) {
    if (anchor == nullptr) return true;
    if (!spend(node.at, node.node_count, node.text_bytes)) return false;
    anchors_[text_of(anchor)] = node;
    return true;
  }

  std::optional<Node> alias(Event& event, std::size_t depth) {
    const std::string anchor = text_of((*event).data.alias.anchor);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      return fail(event.at(), fmt::format("the alias *{} has no finished anchor above it", anchor),
                  fmt::format("Put `&{}` in front of the value that it repeats.", anchor));
    const Node& original = found->second;
    if (depth + original.height - 1 > kDepthMax)
      return fail(event.at(), fmt::format("nested deeper than {} levels", kDepthMax), "");
    if (!spend(event.at(), original.node_count, original.text_bytes)) return std::nullopt;
    return original;
  }

  std::optional<Node> scalar(Event& event) {
    const auto& data = (*event).data.scalar;
    if (!is_untagged(data.tag, event.at())) return std::nullopt;
    Node out;
    out.at = event.at();
    out.text.assign(reinterpret_cast<const char*>(data.value), data.length);
    out.is_plain = data.style == YAML_PLAIN_SCALAR_STYLE;
    out.is_one_line = (*event).start_mark.line == (*event).end_mark.line;
    out.text_bytes = data.length;
    if (out.text.find('\0') != std::string::npos)
      return fail(out.at, "a text must not hold a NUL character", "Remove the \\0.");
    if (!spend(out.at, 1, out.text_bytes)) return std::nullopt;
    if (!remember(data.anchor, out)) return std::nullopt;
    return out;
  }

  static void add_child(Node& parent, const Node& child) {
    parent.node_count += child.node_count;
    parent.text_bytes += child.text_bytes;
    parent.height = std::max(parent.height, child.height + 1);
  }

  std::optional<Node> list(Event& event, std::size_t depth) {
    if (!is_untagged((*event).data.sequence_start.tag, event.at())) return std::nullopt;
    Node out;
    out.kind = Node::Kind::kList;
    out.at = event.at();
    if (!spend(out.at, 1, 0)) return std::nullopt;
    Event item;
    while (true) {
      if (!next(item)) return std::nullopt;
      if (item.type() == YAML_SEQUENCE_END_EVENT) break;
      auto child = node(item, depth + 1);
      if (!child) return std::nullopt;
      add_child(out, *child);
      out.items.push_back(*std::move(child));
    }
    if (!remember((*event).data.sequence_start.anchor, out)) return std::nullopt;
    return out;
  }

  std::optional<Node> mapping(Event& event, std::size_t depth) {
    if (!is_untagged((*event).data.mapping_start.tag, event.at())) return std::nullopt;
    Node out;
    out.kind = Node::Kind::kMapping;
    out.at = event.at();
    if (!spend(out.at, 1, 0)) return std::nullopt;
    std::unordered_set<std::string> seen;
    Event item;
    while (true) {
      if (!next(item)) return std::nullopt;
      if (item.type() == YAML_MAPPING_END_EVENT) break;
      auto key = mapping_key(item);
      if (!key) return std::nullopt;
      if (!next(item)) return std::nullopt;
      auto value = node(item, depth + 1);
      if (!value) return std::nullopt;
      add_child(out, *value);
      add_child(out, *key);
      add_entry(out, seen, *std::move(key), *std::move(value));
    }
    if (!remember((*event).data.mapping_start.anchor, out)) return std::nullopt;
    return out;
  }

  std::optional<Node> mapping_key(Event& event) {
    if (event.type() != YAML_SCALAR_EVENT)
      return fail(event.at(), "a key must be a name, not a list, a mapping or an alias",
                  "Check for a missing quote or bracket.");
    return scalar(event);
  }

  void add_entry(Node& out, std::unordered_set<std::string>& seen, Node key, Node value) {
    if (key.is_plain && key.text == "<<") {
      problems_.add(key.at, "the merge key << is not part of the plan language",
                    "Write the keys out, or use an alias for the whole value.");
      return;
    }
    if (!seen.insert(key.text).second) {
      problems_.add(key.at, fmt::format("the key \"{}\" is there twice", key.text),
                    "Remove one of them.");
      return;
    }
    out.entries.push_back({std::move(key.text), key.at, std::move(value)});
  }

  Problems& problems_;
  yaml_parser_t parser_{};
  bool is_ready_ = false;
  std::map<std::string, Node> anchors_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::optional<Node> parse_yaml(ByteView text, Problems& problems) {
  if (text.size() > kPlanBytesMax) {
    problems.add({1, 1}, fmt::format("the plan is larger than {}", format_size(kPlanBytesMax)),
                 "Split it; data do not belong into a plan.");
    return std::nullopt;
  }
  // Some editors put a byte order mark in front; libyaml takes it for a character of the first key.
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (as_text(text).starts_with(kByteOrderMark)) text = text.subspan(kByteOrderMark.size());
  return Builder{text, problems}.document();
}

}  // namespace reprieve::plan
