#include <algorithm>
#include <map>

#include "base/codec.hpp"
#include "tree/internal/entry_fields.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve {
namespace {

/// Numbers distinct values in the order of their first use.
template <class T>
class FirstUseTable {
 public:
  std::size_t index_of(const T& value) {
    // Neighbours in a directory mostly share their owner: one comparison instead of a look-up.
    if (!order_.empty() && *order_[last_] == value) return last_;
    const auto [at, is_new] = indexes_.try_emplace(&value, order_.size());
    if (is_new) order_.push_back(&value);
    last_ = at->second;
    return last_;
  }
  [[nodiscard]] const std::vector<const T*>& order() const { return order_; }

 private:
  struct Less {
    bool operator()(const T* a, const T* b) const { return *a < *b; }
  };
  std::map<const T*, std::size_t, Less> indexes_;
  std::vector<const T*> order_;
  std::size_t last_ = 0;
};

void encode_content(Encoder& out, const Content& content) {
  out.varint(content.size);
  out.u8(static_cast<std::uint8_t>(content.chunking));
  if (content.list) {
    out.u8(static_cast<std::uint8_t>(ContentForm::kList));
    out.raw(content.list->id.bytes);
    out.u8(content.list->depth);
  } else if (!content.chunks.empty()) {
    out.u8(static_cast<std::uint8_t>(ContentForm::kChunks));
    out.varint(content.chunks.size());
    for (const ChunkRef& chunk : content.chunks) {
      out.raw(chunk.id.bytes);
      out.varint(chunk.length);
    }
  } else {
    out.u8(static_cast<std::uint8_t>(ContentForm::kInline));
    out.bytes(content.inline_bytes);
  }
  out.varint(content.holes.size());
  std::uint64_t end = 0;
  for (const Hole& hole : content.holes) {
    out.varint(hole.offset - end);
    out.varint(hole.length);
    end = hole.offset + hole.length;
  }
}

void encode_by_type(Encoder& out, const Entry& entry) {
  switch (entry.type) {
    case EntryType::kFile:
      encode_content(out, entry.content);
      break;
    case EntryType::kDirectory:
      out.u8(entry.directory ? 1 : 0);
      if (entry.directory) {
        out.raw(entry.directory->id.bytes);
        out.u8(entry.directory->depth);
      }
      break;
    case EntryType::kSymlink:
      out.text(entry.target);
      break;
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
      out.varint(entry.device_major);
      out.varint(entry.device_minor);
      break;
    case EntryType::kFifo:
    case EntryType::kSocket:
      break;
  }
}

std::uint64_t field_bits(const Entry& entry) {
  return (entry.born ? kFieldBorn : 0) | (entry.link_group != 0 ? kFieldLinkGroup : 0) |
         (entry.flags != 0 ? kFieldFlags : 0) | (entry.is_inconsistent ? kFieldInconsistent : 0) |
         (entry.is_incomplete ? kFieldIncomplete : 0);
}

void encode_entry(Encoder& out, const Entry& entry, std::size_t owner, std::size_t xattr_set) {
  out.text(entry.name);
  out.u8(static_cast<std::uint8_t>(entry.type));
  out.varint(entry.mode);
  out.varint(owner);
  out.varint(xattr_set);
  out.zigzag(entry.modified.seconds);
  out.varint(entry.modified.nanoseconds);
  out.varint(field_bits(entry));
  if (entry.born) {
    out.zigzag(entry.born->seconds);
    out.varint(entry.born->nanoseconds);
  }
  if (entry.link_group != 0) out.varint(entry.link_group);
  if (entry.flags != 0) out.varint(entry.flags);
  encode_by_type(out, entry);
}

void encode_tables(Encoder& out, const std::vector<const Owner*>& owners,
                   const std::vector<const std::vector<Xattr>*>& xattr_sets) {
  out.varint(owners.size());
  for (const Owner* owner : owners) {
    out.varint(owner->uid);
    out.varint(owner->gid);
    out.text(owner->user);
    out.text(owner->group);
  }
  out.varint(xattr_sets.size());
  for (const std::vector<Xattr>* set : xattr_sets) {
    out.varint(set->size());
    for (const Xattr& xattr : *set) {
      out.text(xattr.name);
      out.bytes(xattr.value);
    }
  }
}

}  // namespace

Bytes encode_tree(std::span<const Entry> entries) {
  FirstUseTable<Owner> owners;
  FirstUseTable<std::vector<Xattr>> xattr_sets;
  Encoder body;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    REPRIEVE_ASSERT(i == 0 || entries[i - 1].name < entry.name);
    const std::size_t xattr_set = entry.xattrs.empty() ? 0 : xattr_sets.index_of(entry.xattrs) + 1;
    encode_entry(body, entry, owners.index_of(entry.owner), xattr_set);
  }
  Encoder out;
  out.u8(kTreeVersion);
  encode_tables(out, owners.order(), xattr_sets.order());
  out.varint(entries.size());
  out.raw(body.view());
  return std::move(out).take();
}

Bytes encode_list(std::span<const ChunkRef> children) {
  REPRIEVE_ASSERT(!children.empty() && children.size() <= kListChildrenMax);
  Encoder out;
  out.u8(kListVersion);
  out.varint(children.size());
  for (const ChunkRef& child : children) {
    out.raw(child.id.bytes);
    out.varint(child.length);
  }
  return std::move(out).take();
}

}  // namespace reprieve
