#include "repository/internal/label.hpp"

#include <gtest/gtest.h>

#include "repository/internal/test_pack.hpp"

namespace reprieve::repository {
namespace {

TEST(PackLabel, GivesBackWhatWasEncoded) {
  const TestPack source{1};
  const FinishedPack pack = source.build();
  const auto label = parse_label(pack.contents.label);
  ASSERT_TRUE(label);
  EXPECT_EQ(label->pack_type, kTreePack);
  EXPECT_EQ(label->repository, source.keys.credentials().repository);
  EXPECT_EQ(label->session, source.id);
  ASSERT_EQ(label->keys.size(), 1U);
  EXPECT_EQ(label->keys[0].ephemeral, source.session.entry.ephemeral);
  EXPECT_EQ(encode_label(*label, source.keys.signing_key()), pack.contents.label);
}

TEST(PackLabel, RefusesEveryTruncationAndAnyAddition) {
  const Bytes label = TestPack{1}.build().contents.label;
  for (std::size_t size = 0; size < label.size(); ++size) {
    const auto parsed = parse_label(ByteView{label}.first(size));
    ASSERT_FALSE(parsed) << size;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorrupt);
  }
  Bytes longer = label;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(parse_label(longer));
}

TEST(PackLabel, RefusesFieldsThatDoNotAgree) {
  const Bytes label = TestPack{1}.build().contents.label;
  struct Change {
    std::size_t at;
    int value;
    const char* what;
  };
  for (const auto& [at, value, what] :
       {Change{0, 'X', "magic"}, Change{4, 2, "version"}, Change{5, 0, "type 0"},
        Change{5, 4, "type 4"}, Change{6, 1, "reserved"}, Change{8, 0, "length"},
        Change{79, 0xff, "trailer beyond the largest body"}, Change{77, 0x7f, "wrong geometry"},
        Change{86, 0x10, "shard length"}, Change{88, 9, "k"}, Change{90, 3, "m"},
        Change{92, 0, "no key"}, Change{92, 2, "one key more"}}) {
    Bytes changed = label;
    changed[at] = std::byte{static_cast<unsigned char>(value)};
    EXPECT_FALSE(parse_label(changed)) << what;
  }
}

TEST(PackLabel, IsFoundAtEitherEnd) {
  const FinishedPack pack = TestPack{1}.build();
  Bytes object = copy_of(pack.object());
  const PackId id = pack.contents.id;
  LabelCopies copies = find_label(id, object);
  EXPECT_TRUE(copies.front && copies.tail && copies.locator_is_good);
  EXPECT_NE(copies.front->data(), copies.tail->data());

  object[1] ^= std::byte{1};
  copies = find_label(id, object);
  EXPECT_FALSE(copies.front);
  ASSERT_TRUE(copies.any());
  EXPECT_EQ(copy_of(*copies.any()), pack.contents.label);

  object[object.size() - 1] ^= std::byte{1};  // The locator as well: found by search.
  copies = find_label(id, object);
  EXPECT_TRUE(copies.tail);
  EXPECT_FALSE(copies.locator_is_good);
  EXPECT_FALSE(find_label(PackId{}, object).any());
}

TEST(PackLabel, IsNamedByItsHash) {
  const FinishedPack pack = TestPack{1}.build();
  EXPECT_EQ(pack_id_of(pack.contents.label), pack.contents.id);
  EXPECT_EQ(pack_id_in_key(pack_key(pack.contents.id)), pack.contents.id);
  EXPECT_FALSE(pack_id_in_key("pack/12"));
  EXPECT_FALSE(pack_id_in_key("idx/" + pack.contents.id.hex()));
}

}  // namespace
}  // namespace reprieve::repository
