#include "tree/tree_codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/codec.hpp"
#include "base/random.hpp"

namespace reprieve {
namespace {

ChunkId id_of(std::uint64_t seed) {
  SeededRandom random{seed};
  ChunkId id;
  random.fill(id.bytes);
  return id;
}

Entry file(std::string name, std::string_view text = "hello") {
  Entry entry;
  entry.name = std::move(name);
  entry.mode = 0644;
  entry.owner = {1000, 1000, "ada", "ada"};
  entry.modified = {1'700'000'000, 123'456'789};
  entry.content.size = text.size();
  entry.content.inline_bytes = copy_of(as_bytes(text));
  return entry;
}

Entry of_type(std::string name, EntryType type) {
  Entry entry;
  entry.name = std::move(name);
  entry.type = type;
  return entry;
}

/// One entry of every kind, with every field in use somewhere.
std::vector<Entry> everything() {
  std::vector<Entry> out;
  out.push_back(file("a\xff\n"));
  out.back().modified = {std::numeric_limits<std::int64_t>::min(), 999'999'999};
  out.back().born = FileTime{-5, 1};
  out.back().xattrs = {{"security.capability", copy_of(as_bytes("cap"))}, {"user.x", {}}};
  out.push_back(file("b"));
  out.back().modified = {std::numeric_limits<std::int64_t>::max(), 0};
  out.back().content = {};
  out.back().content.size = 1'000'000;
  out.back().content.chunks = {{id_of(1), 600'000}, {id_of(2), 300'000}};
  out.back().content.holes = {{0, 40'000}, {900'000, 60'000}};
  out.back().link_group = 77;
  out.push_back(file("c"));
  out.back().content = {};
  out.back().content.size = std::uint64_t{1} << 62;
  out.back().content.chunking = Chunking::kPages;
  out.back().content.list = ListRef{id_of(3), 2};
  out.back().is_inconsistent = true;
  out.back().xattrs = out[0].xattrs;
  out.push_back(of_type("d", EntryType::kDirectory));
  out.back().directory = ListRef{id_of(4), 0};
  out.back().mode = 07777;
  out.back().flags = 0x800010;
  out.push_back(of_type("e", EntryType::kDirectory));
  out.back().is_incomplete = true;
  out.push_back(of_type("f", EntryType::kSymlink));
  out.back().target = "../\xfe/x";
  out.push_back(of_type("g", EntryType::kFifo));
  out.push_back(of_type("h", EntryType::kSocket));
  out.push_back(of_type("i", EntryType::kCharDevice));
  out.back().device_major = std::numeric_limits<std::uint32_t>::max();
  out.push_back(of_type("j", EntryType::kBlockDevice));
  out.back().device_minor = 3;
  return out;
}

bool is_corrupt(ByteView bytes, bool is_root = false) {
  const auto result = parse_tree(bytes, is_root);
  return !result && result.error().kind == ErrorKind::kCorrupt;
}

/// Whether what encode_tree makes of one changed entry is refused.
template <class Change>
bool refuses(Entry entry, const Change& change) {
  change(entry);
  const std::vector<Entry> entries{std::move(entry)};
  return is_corrupt(encode_tree(entries));
}

TEST(TreeCodec, GivesBackEveryKindOfEntry) {
  const std::vector<Entry> entries = everything();
  const auto parsed = parse_tree(encode_tree(entries));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->entries, entries);
}

TEST(TreeCodec, GivesBackAnEmptyTree) {
  const auto parsed = parse_tree(encode_tree({}));
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->entries.empty());
}

TEST(TreeCodec, HasTheBytesThatTheFormatSays) {
  Entry entry = file("n", "hi");
  entry.modified = {-1, 2};
  entry.flags = 0x40;
  const std::vector<Entry> entries{entry};
  // version, 1 owner {1000, 1000, "ada", "ada"}, no xattr set, 1 entry: name, type, mode, owner,
  // no xattrs, seconds, nanoseconds, fields, flags, size, chunking, inline form, bytes, no hole
  EXPECT_EQ(to_hex(encode_tree(entries)),
            "01"
            "01e807e8070361646103616461"
            "00"
            "01"
            "016e01a40300000102"
            "0440"
            "02010002"
            "6869"
            "00");
}

TEST(TreeCodec, RefusesEveryTruncationAndEveryAddition) {
  Bytes bytes = encode_tree(everything());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(is_corrupt(ByteView{bytes}.first(size))) << size;
  bytes.push_back(std::byte{0});
  EXPECT_TRUE(is_corrupt(bytes));
}

TEST(TreeCodec, SurvivesEveryChangedByteAndStaysCanonical) {
  const Bytes bytes = encode_tree(everything());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned flip : {1U, 0x80U, 0xffU}) {
      Bytes changed = bytes;
      changed[at] ^= static_cast<std::byte>(flip);
      const auto parsed = parse_tree(changed);
      // What is accepted must be the only encoding of what it says.
      if (parsed) {
        EXPECT_EQ(encode_tree(parsed->entries), changed) << at;
      }
    }
  }
}

TEST(TreeCodec, RefusesNamesThatAreNotSafeToWalk) {
  for (const std::string name : {"", ".", "..", "a/b", "/", "/etc"}) {
    const std::vector<Entry> entries{file(name)};
    EXPECT_TRUE(is_corrupt(encode_tree(entries))) << name;
  }
  const std::vector<Entry> entries{file(std::string{"a\0b", 3})};
  EXPECT_TRUE(is_corrupt(encode_tree(entries)));
}

TEST(TreeCodec, AcceptsWholePathsInARootOnly) {
  for (const std::string name : {"/", "/srv/data", "srv", "/a/b/c", "dump.sql"}) {
    const std::vector<Entry> entries{file(name)};
    EXPECT_TRUE(parse_tree(encode_tree(entries), true)) << name;
  }
  for (const std::string name : {"", "//", "/a/", "/a//b", "/a/../b", "../x", "/."}) {
    const std::vector<Entry> entries{file(name)};
    EXPECT_TRUE(is_corrupt(encode_tree(entries), true)) << name;
  }
}

TEST(TreeCodec, RefusesEntriesOutOfOrderOrTwice) {
  const std::vector<Entry> entries{file("aa"), file("ab")};
  const Bytes good = encode_tree(entries);
  ASSERT_TRUE(parse_tree(good));
  const std::string text{as_text(good)};
  std::string swapped = text;
  swapped.replace(swapped.find("aa"), 2, "ac");
  EXPECT_TRUE(is_corrupt(as_bytes(swapped)));
  std::string twice = text;
  twice.replace(twice.find("aa"), 2, "ab");
  EXPECT_TRUE(is_corrupt(as_bytes(twice)));
}

TEST(TreeCodec, RefusesContentsThatDoNotAddUp) {
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) { e.content.size = 4; }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) { e.content.size = 6; }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) {
    e.content = {};
    e.content.size = 10;
    e.content.chunks = {{id_of(1), 11}};
  }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) {
    e.content = {};
    e.content.chunks = {{id_of(1), 0}};
  }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) {
    e.content.size = 10;
    e.content.holes = {{6, 5}};  // Ends at 11.
  }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) {
    e.content.size = 15;
    e.content.holes = {{0, 5}, {5, 5}};  // Two that are one.
  }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) { e.content.holes = {{0, 0}}; }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) {
    e.content = {};
    e.content.list = ListRef{id_of(1), 0};
  }));
}

TEST(TreeCodec, RefusesFieldsOutOfRange) {
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) { e.mode = 010000; }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) { e.modified.nanoseconds = 1'000'000'000; }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) { e.type = static_cast<EntryType>(8); }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) { e.content.chunking = static_cast<Chunking>(3); }));
  EXPECT_TRUE(refuses(of_type("n", EntryType::kDirectory), [](Entry& e) { e.link_group = 1; }));
  EXPECT_TRUE(refuses(of_type("n", EntryType::kSymlink), [](Entry& e) {
    e.target = std::string{"a\0b", 3};
  }));
  EXPECT_TRUE(refuses(file("n"), [](Entry& e) { e.xattrs = {{"user.b", {}}, {"user.a", {}}}; }));
}

TEST(TreeCodec, RefusesAVersionItDoesNotKnow) {
  Bytes bytes = encode_tree(everything());
  bytes[0] = std::byte{2};
  const auto result = parse_tree(bytes);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(result.error().hint.empty());
}

TEST(TreeCodec, DoesNotLetSharedAttributesFillTheMemory) {
  constexpr unsigned kEntries = 40;  // Of 1 MiB each, when read.
  Encoder out;
  out.u8(kTreeVersion);
  for (const unsigned byte : {1U, 0U, 0U, 0U, 0U, 1U, 1U})
    out.u8(static_cast<std::uint8_t>(byte));
  out.text("user.big");
  out.bytes(Bytes(kXattrValueMax, std::byte{1}));
  out.varint(kEntries);
  for (unsigned i = 0; i < kEntries; ++i) {
    out.text("n" + std::to_string(100 + i));
    out.u8(static_cast<std::uint8_t>(EntryType::kFifo));
    for (const unsigned byte : {0U, 0U, 1U, 0U, 0U, 0U})
      out.u8(static_cast<std::uint8_t>(byte));
  }
  EXPECT_TRUE(is_corrupt(out.view()));
}

TEST(TreeCodec, ListsChildrenOnceInOrder) {
  Tree tree{everything()};
  tree.entries.push_back(file("z"));
  tree.entries.back().content.chunks = {{id_of(2), 5}, {id_of(9), 5}};
  EXPECT_EQ(children_of(tree),
            (std::vector<ChunkId>{id_of(1), id_of(2), id_of(3), id_of(4), id_of(9)}));
}

TEST(TreeCodec, TellsTheStoredSizeOfAContent) {
  EXPECT_EQ(stored_size(everything()[1].content), 900'000U);
}

TEST(ListCodec, GivesBackItsChildren) {
  const std::vector<ChunkRef> children{{id_of(1), 1}, {id_of(2), 0xffffffff}};
  const auto parsed = parse_list(encode_list(children));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, children);
}

TEST(ListCodec, RefusesWhatNoWriterMakes) {
  const std::vector<ChunkRef> children{{id_of(1), 1}, {id_of(2), 2}};
  Bytes bytes = encode_list(children);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse_list(ByteView{bytes}.first(size))) << size;
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(parse_list(bytes));
  Encoder empty;
  empty.u8(kListVersion);
  empty.varint(0);
  EXPECT_FALSE(parse_list(empty.view()));
}

std::vector<Entry> many(std::size_t count) {
  std::vector<Entry> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(file("name" + std::to_string(1'000'000 + i)));
    out.back().content = {};
    out.back().content.size = 1000;
    out.back().content.chunks = {{id_of(i), 1000}};
  }
  return out;
}

TEST(TreeSplit, KeepsASmallDirectoryWhole) {
  EXPECT_EQ(split_tree({}), std::vector<std::size_t>{0});
  EXPECT_EQ(split_tree(many(1000)), std::vector<std::size_t>{1000});
}

TEST(TreeSplit, CutsALargeDirectoryIntoPartsOfAboutTheTarget) {
  const std::vector<Entry> entries = many(30'000);
  const auto parts = split_tree(entries);
  EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), std::size_t{0}), entries.size());
  EXPECT_GT(parts.size(), 5U);
  EXPECT_LT(parts.size(), 40U);
  std::size_t at = 0;
  for (const std::size_t count : parts) {
    EXPECT_LE(encode_tree(std::span{entries}.subspan(at, count)).size(), kTreePartMax);
    at += count;
  }
}

TEST(TreeSplit, ChangesOnePartWhenANameIsAdded) {
  std::vector<Entry> entries = many(30'000);
  const auto cuts = [](const std::vector<Entry>& of) {
    std::vector<std::string> names;
    std::size_t at = 0;
    for (const std::size_t count : split_tree(of)) {
      at += count;
      names.push_back(of[at - 1].name);
    }
    return names;
  };
  const auto before = cuts(entries);
  entries.insert(entries.begin() + 15'000, file(entries[14'999].name + "x"));
  const auto after = cuts(entries);
  std::vector<std::string> differing;
  std::ranges::set_symmetric_difference(before, after, std::back_inserter(differing));
  EXPECT_LE(differing.size(), 3U);
}

TEST(CheckChunks, TakesThoseThatAddUpToWhatIsStored) {
  Content content;
  content.size = 30;
  content.holes = {{10, 5}};
  const auto chunks = [](std::vector<std::uint32_t> lengths) {
    std::vector<ChunkRef> refs;
    for (const std::uint32_t length : lengths)
      refs.push_back({ChunkId{}, length});
    return refs;
  };
  EXPECT_TRUE(check_chunks(content, chunks({20, 5})));
  EXPECT_FALSE(check_chunks(content, chunks({20, 10})));
  EXPECT_FALSE(check_chunks(content, chunks({20})));
  EXPECT_FALSE(check_chunks(content, {}));
}

TEST(CheckChunks, BelievesInNoChunkThatIsLargerThanAnyCanBe) {
  Content content;
  content.size = kChunkBytesMax;
  EXPECT_TRUE(check_chunks(content, {{ChunkId{}, kChunkBytesMax}}));
  ++content.size;
  EXPECT_FALSE(check_chunks(content, {{ChunkId{}, kChunkBytesMax + 1}}));
}

}  // namespace
}  // namespace reprieve
