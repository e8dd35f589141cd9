#include "base/bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace reprieve {
namespace {

TEST(Bytes, PrintAsLowerCaseHexadecimal) {
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(to_hex(as_bytes(std::string_view{"\x00\x0f\xa5\xff", 4})), "000fa5ff");
}

TEST(Bytes, ReadHexadecimalOfEitherCase) {
  const auto bytes = from_hex("00Ff7a");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), (std::string_view{"\x00\xff\x7a", 3}));
  ASSERT_TRUE(from_hex(""));
  EXPECT_TRUE(from_hex("")->empty());
}

TEST(Bytes, RefuseWhatIsNoHexadecimal) {
  for (const char* text : {"0", "abc", "0g", "g0", " 00", "0x00", "/0", ":0", "@0", "`0", "-1"})
    EXPECT_FALSE(from_hex(text)) << text;
  EXPECT_FALSE(from_hex(std::string_view{"\0\0", 2}));
}

TEST(Bytes, ReadEveryByteBackFromItsHexadecimal) {
  for (int value = 0; value < 256; ++value) {
    const Bytes one(1, static_cast<std::byte>(value));
    ASSERT_EQ(from_hex(to_hex(one)), one) << value;
  }
}

TEST(Bytes, KeepTheirContentWhenResized) {
  Bytes bytes = copy_of(as_bytes("pack"));
  bytes.resize(1 << 16);
  EXPECT_EQ(as_text(ByteView{bytes}.first(4)), "pack");
  bytes.assign(8, std::byte{7});
  EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{7}; }));
}

TEST(Bytes, ViewTextWithoutCopyingIt) {
  const std::string text = "snapshot";
  EXPECT_EQ(as_text(as_bytes(text)).data(), text.data());
  EXPECT_EQ(as_text(as_bytes("")), "");
  EXPECT_TRUE(copy_of({}).empty());
}

}  // namespace
}  // namespace reprieve
