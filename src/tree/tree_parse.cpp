#include <algorithm>
#include <limits>

#include "base/codec.hpp"
#include "tree/internal/entry_fields.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve {
namespace {

constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;
// The fewest bytes that one element can take; bounds what a hostile count makes us allocate.
constexpr std::size_t kOwnerBytesMin = 4;
constexpr std::size_t kXattrSetBytesMin = 1;
constexpr std::size_t kXattrBytesMin = 2;
constexpr std::size_t kEntryBytesMin = 9;
constexpr std::size_t kChunkRefBytesMin = ChunkId::kSize + 1;
constexpr std::size_t kHoleBytesMin = 2;

template <class T>
T narrow(Decoder& in, std::uint64_t max = std::numeric_limits<T>::max()) {
  const std::uint64_t value = in.varint();
  if (value > max) {
    in.fail();
    return 0;
  }
  return static_cast<T>(value);
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

bool is_safe_path(std::string_view path) {
  if (path == "/") return true;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    if (!is_safe_name(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

FileTime parse_time(Decoder& in) {
  FileTime time;
  time.seconds = in.zigzag();
  time.nanoseconds = narrow<std::uint32_t>(in, kNanosecondsPerSecond - 1);
  return time;
}

ListRef parse_list_ref(Decoder& in, std::uint8_t depth_min) {
  ListRef ref;
  ref.id.bytes = in.array<ChunkId::kSize>();
  ref.depth = in.u8();
  if (ref.depth < depth_min || ref.depth > kListDepthMax) in.fail();
  return ref;
}

/// Every child has a length: a chunk of nothing is never stored, and a part of nothing neither.
std::vector<ChunkRef> parse_chunk_refs(Decoder& in, std::size_t count_max) {
  const std::size_t count = in.count(kChunkRefBytesMin);
  if (count == 0 || count > count_max) in.fail();
  if (!in.ok()) return {};
  std::vector<ChunkRef> out(count);
  for (ChunkRef& ref : out) {
    ref.id.bytes = in.array<ChunkId::kSize>();
    ref.length = narrow<std::uint32_t>(in);
    if (ref.length == 0) in.fail();
    if (!in.ok()) return {};
  }
  return out;
}

/// Returns how many bytes the holes stand for.
std::uint64_t parse_holes(Decoder& in, Content& content) {
  const std::size_t count = in.count(kHoleBytesMin);
  if (!in.ok()) return 0;
  content.holes.reserve(count);
  std::uint64_t end = 0;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t gap = in.varint();
    const std::uint64_t length = in.varint();
    // Two holes that touch are one.
    if ((gap == 0 && i > 0) || length == 0 || gap > content.size - end ||
        length > content.size - end - gap) {
      in.fail();
      return 0;
    }
    content.holes.push_back({end + gap, length});
    end += gap + length;
    total += length;
  }
  return total;
}

Content parse_content(Decoder& in) {
  Content content;
  content.size = in.varint();
  const std::uint8_t chunking = in.u8();
  if (chunking != static_cast<std::uint8_t>(Chunking::kContentDefined) &&
      chunking != static_cast<std::uint8_t>(Chunking::kPages))
    in.fail();
  content.chunking = static_cast<Chunking>(chunking);
  const std::uint8_t form = in.u8();
  std::uint64_t stored = 0;
  if (form == static_cast<std::uint8_t>(ContentForm::kInline)) {
    content.inline_bytes = copy_of(in.bytes(Content::kInlineMax));
    stored = content.inline_bytes.size();
  } else if (form == static_cast<std::uint8_t>(ContentForm::kChunks)) {
    content.chunks = parse_chunk_refs(in, Content::kContentChunksMax);
    for (const ChunkRef& chunk : content.chunks)
      stored += chunk.length;
  } else if (form == static_cast<std::uint8_t>(ContentForm::kList)) {
    content.list = parse_list_ref(in, 1);
  } else {
    in.fail();
  }
  const std::uint64_t hole_bytes = parse_holes(in, content);
  if (!content.list && stored != content.size - hole_bytes) in.fail();
  return content;
}

void parse_by_type(Decoder& in, Entry& entry) {
  switch (entry.type) {
    case EntryType::kFile:
      entry.content = parse_content(in);
      break;
    case EntryType::kDirectory: {
      const std::uint8_t is_present = in.u8();
      if (is_present > 1 || entry.link_group != 0) in.fail();
      if (is_present == 1) entry.directory = parse_list_ref(in, 0);
      break;
    }
    case EntryType::kSymlink:
      entry.target = in.text(kTargetMax);
      if (has_nul(entry.target)) in.fail();
      break;
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
      entry.device_major = narrow<std::uint32_t>(in);
      entry.device_minor = narrow<std::uint32_t>(in);
      break;
    case EntryType::kFifo:
    case EntryType::kSocket:
      break;
    default:
      in.fail();
  }
}

void parse_fields(Decoder& in, Entry& entry) {
  const std::uint64_t fields = in.varint();
  if ((fields & ~kFieldsKnown) != 0) in.fail();
  if ((fields & kFieldBorn) != 0) entry.born = parse_time(in);
  if ((fields & kFieldLinkGroup) != 0) {
    entry.link_group = in.varint();
    if (entry.link_group == 0) in.fail();
  }
  if ((fields & kFieldFlags) != 0) {
    entry.flags = narrow<std::uint32_t>(in);
    if (entry.flags == 0) in.fail();
  }
  entry.is_inconsistent = (fields & kFieldInconsistent) != 0;
  entry.is_incomplete = (fields & kFieldIncomplete) != 0;
}

/// A table whose values must be met in the order in which they are first used, each at least once.
template <class T>
struct ReadTable {
  std::vector<T> values;
  std::size_t used = 0;

  const T* at(Decoder& in, std::uint64_t index) {
    if (!in.ok() || index >= values.size() || index > used) {
      in.fail();
      return nullptr;
    }
    if (index == used) ++used;
    return &values[static_cast<std::size_t>(index)];
  }
  [[nodiscard]] bool has_repeats() const {
    std::vector<const T*> sorted;
    sorted.reserve(values.size());
    for (const T& value : values)
      sorted.push_back(&value);
    std::sort(sorted.begin(), sorted.end(), [](const T* a, const T* b) { return *a < *b; });
    return std::adjacent_find(sorted.begin(), sorted.end(),
                              [](const T* a, const T* b) { return *a == *b; }) != sorted.end();
  }
};

using XattrSet = std::vector<Xattr>;

ReadTable<Owner> parse_owners(Decoder& in) {
  ReadTable<Owner> table;
  const std::size_t count = in.count(kOwnerBytesMin);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    Owner owner;
    owner.uid = narrow<std::uint32_t>(in);
    owner.gid = narrow<std::uint32_t>(in);
    owner.user = in.text(kOwnerNameMax);
    owner.group = in.text(kOwnerNameMax);
    if (has_nul(owner.user) || has_nul(owner.group)) in.fail();
    table.values.push_back(std::move(owner));
  }
  if (table.has_repeats()) in.fail();
  return table;
}

XattrSet parse_xattr_set(Decoder& in) {
  XattrSet set;
  const std::size_t count = in.count(kXattrBytesMin);
  if (count == 0) in.fail();
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    Xattr xattr;
    xattr.name = in.text(kXattrNameMax);
    xattr.value = copy_of(in.bytes(kXattrValueMax));
    if (xattr.name.empty() || has_nul(xattr.name) || (i > 0 && set.back().name >= xattr.name))
      in.fail();
    set.push_back(std::move(xattr));
  }
  return set;
}

ReadTable<XattrSet> parse_xattr_sets(Decoder& in) {
  ReadTable<XattrSet> table;
  const std::size_t count = in.count(kXattrSetBytesMin);
  for (std::size_t i = 0; i < count && in.ok(); ++i)
    table.values.push_back(parse_xattr_set(in));
  if (table.has_repeats()) in.fail();
  return table;
}

std::size_t size_of(const Owner& owner) {
  return owner.user.size() + owner.group.size();
}

std::size_t size_of(const XattrSet& set) {
  std::size_t size = 0;
  for (const Xattr& xattr : set)
    size += sizeof xattr + xattr.name.size() + xattr.value.size();
  return size;
}

/// What is left of kTreeSharedBytesMax.
void spend(Decoder& in, std::size_t& budget, std::size_t size) {
  if (size > budget) in.fail();
  budget -= std::min(size, budget);
}

void parse_entry(Decoder& in, bool is_root, ReadTable<Owner>& owners,
                 ReadTable<XattrSet>& xattr_sets, std::size_t& budget, Entry& entry) {
  entry.name = in.text(is_root ? kRootNameMax : kNameMax);
  if (is_root ? !is_safe_path(entry.name) : !is_safe_name(entry.name)) in.fail();
  entry.type = static_cast<EntryType>(in.u8());
  entry.mode = narrow<std::uint16_t>(in, 07777);
  if (const Owner* owner = owners.at(in, in.varint())) {
    spend(in, budget, size_of(*owner));
    if (in.ok()) entry.owner = *owner;
  }
  if (const std::uint64_t set = in.varint(); set != 0) {
    const XattrSet* xattrs = xattr_sets.at(in, set - 1);
    if (xattrs != nullptr) spend(in, budget, size_of(*xattrs));
    if (in.ok()) entry.xattrs = *xattrs;
  }
  entry.modified = parse_time(in);
  parse_fields(in, entry);
  parse_by_type(in, entry);
}

}  // namespace

bool is_safe_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         !has_nul(name);
}

Result<Tree> parse_tree(ByteView bytes, bool is_root) {
  if (bytes.size() > kTreeBytesMax)
    return Error{ErrorKind::kCorrupt,
                 "tree: " + std::to_string(bytes.size()) + " bytes is too long"};
  Decoder in{bytes};
  const std::uint8_t version = in.u8();
  if (in.ok() && version != kTreeVersion)
    return Error{ErrorKind::kCorrupt, "tree: version " + std::to_string(version) + " is not known",
                 "Use a newer version of reprieve to read this repository."};
  ReadTable<Owner> owners = parse_owners(in);
  ReadTable<XattrSet> xattr_sets = parse_xattr_sets(in);
  const std::size_t count = in.count(kEntryBytesMin);
  if (count > kTreeEntriesMax) in.fail();
  std::size_t budget = kTreeSharedBytesMax;
  Tree tree;
  if (in.ok()) tree.entries.reserve(std::min<std::size_t>(count, 4096));
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    Entry& entry = tree.entries.emplace_back();
    parse_entry(in, is_root, owners, xattr_sets, budget, entry);
    if (i > 0 && tree.entries[i - 1].name >= entry.name) in.fail();
  }
  if (owners.used != owners.values.size() || xattr_sets.used != xattr_sets.values.size()) in.fail();
  REPRIEVE_RETURN_IF_ERROR(in.finish("tree"));
  return tree;
}

Result<std::vector<ChunkRef>> parse_list(ByteView bytes) {
  Decoder in{bytes};
  if (in.u8() != kListVersion) in.fail();
  std::vector<ChunkRef> children = parse_chunk_refs(in, kListChildrenMax);
  REPRIEVE_RETURN_IF_ERROR(in.finish("list chunk"));
  return children;
}

}  // namespace reprieve
