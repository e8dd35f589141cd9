#include "base/codec.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "base/random.hpp"

namespace reprieve {
namespace {

constexpr auto kU64Max = std::numeric_limits<std::uint64_t>::max();
constexpr auto kI64Min = std::numeric_limits<std::int64_t>::min();
constexpr auto kI64Max = std::numeric_limits<std::int64_t>::max();

Bytes hex(std::string_view text) {
  return from_hex(text).value();
}

std::string varint_hex(std::uint64_t value) {
  Encoder encoder;
  encoder.varint(value);
  return to_hex(encoder.view());
}

TEST(Encoder, WritesLittleEndian) {
  Encoder out;
  out.u8(0x01);
  out.u16(0x0203);
  out.u32(0x04050607);
  out.u64(0x08090a0b0c0d0e0f);
  out.i64(-2);
  EXPECT_EQ(to_hex(out.view()),
            "01"
            "0302"
            "07060504"
            "0f0e0d0c0b0a0908"
            "feffffffffffffff");
  EXPECT_EQ(out.size(), 23U);
}

TEST(Encoder, KeepsSmallVariableIntegersShort) {
  EXPECT_EQ(varint_hex(0), "00");
  EXPECT_EQ(varint_hex(127), "7f");
  EXPECT_EQ(varint_hex(128), "8001");
  EXPECT_EQ(varint_hex(kU64Max), "ffffffffffffffffff01");
  Encoder out;
  for (const std::int64_t value : {0, -1, 1, -64, 63})
    out.zigzag(value);
  EXPECT_EQ(to_hex(out.view()),
            "00"
            "01"
            "02"
            "7f"
            "7e");
}

TEST(Decoder, ReadsBackWhatWasWritten) {
  Encoder out;
  out.u8(1);
  out.u16(2);
  out.u32(3);
  out.u64(kU64Max);
  out.i64(kI64Min);
  out.text("näme");
  out.bytes({});
  out.raw(as_bytes("fixed"));
  const Bytes written = std::move(out).take();

  Decoder in{written};
  EXPECT_EQ(in.u8(), 1);
  EXPECT_EQ(in.u16(), 2);
  EXPECT_EQ(in.u32(), 3U);
  EXPECT_EQ(in.u64(), kU64Max);
  EXPECT_EQ(in.i64(), kI64Min);
  EXPECT_EQ(in.text(5), "näme");
  EXPECT_TRUE(in.bytes(0).empty());
  EXPECT_EQ(in.array<5>()[4], std::byte{'d'});
  EXPECT_TRUE(in.finish("record"));
}

TEST(Decoder, ReadsBackVariableIntegersAtEveryLength) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value :
         {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1, kU64Max >> bit}) {
      Encoder out;
      out.varint(value);
      out.zigzag(static_cast<std::int64_t>(value));
      out.zigzag(-static_cast<std::int64_t>(value >> 1));
      Decoder in{out.view()};
      EXPECT_EQ(in.varint(), value);
      EXPECT_EQ(in.zigzag(), static_cast<std::int64_t>(value));
      EXPECT_EQ(in.zigzag(), -static_cast<std::int64_t>(value >> 1));
      EXPECT_TRUE(in.finish("integers")) << value;
    }
  }
  for (const std::int64_t value : {kI64Min, kI64Max}) {
    Encoder out;
    out.zigzag(value);
    EXPECT_EQ(Decoder{out.view()}.zigzag(), value);
  }
}

TEST(Decoder, RefusesVariableIntegersThatAreNotTheirShortestForm) {
  for (const char* text : {"8000", "808000", "ff00", "80808080808080808000"}) {
    const Bytes bytes = hex(text);
    Decoder in{bytes};
    EXPECT_EQ(in.varint(), 0U) << text;
    EXPECT_FALSE(in.ok()) << text;
  }
}

TEST(Decoder, RefusesVariableIntegersBeyond64Bits) {
  for (const char* text : {"ffffffffffffffffff02", "ffffffffffffffffff7f", "ffffffffffffffffffff01",
                           "80808080808080808080808001"}) {
    const Bytes bytes = hex(text);
    Decoder in{bytes};
    in.varint();
    EXPECT_FALSE(in.ok()) << text;
  }
}

TEST(Decoder, RefusesInputThatEndsInsideAValue) {
  Encoder out;
  out.u64(5);
  out.text("a name");
  out.varint(70'000);
  const Bytes whole = std::move(out).take();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    Decoder in{ByteView{whole}.first(length)};
    in.u64();
    in.text(100);
    in.varint();
    EXPECT_FALSE(in.ok()) << length;
    EXPECT_EQ(in.finish("record").error().kind, ErrorKind::kCorrupt) << length;
  }
}

TEST(Decoder, GivesOnlyZeroValuesAfterAFailure) {
  const Bytes bytes = hex("ffffffffffffffffffffffff");
  Decoder in{bytes};
  EXPECT_TRUE(in.raw(13).empty());
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0);
  EXPECT_EQ(in.u64(), 0U);
  EXPECT_EQ(in.varint(), 0U);
  EXPECT_EQ(in.zigzag(), 0);
  EXPECT_EQ(in.text(10), "");
  EXPECT_EQ(in.count(1), 0U);
  EXPECT_EQ(in.array<4>(), (std::array<std::byte, 4>{}));
  EXPECT_TRUE(in.at_end()) << "a loop until the end must end";
}

TEST(Decoder, BoundsByteStringsByTheirLimitAndByWhatIsThere) {
  const Bytes five = hex("056162636465");
  EXPECT_EQ(Decoder{five}.text(5), "abcde");
  Decoder over_limit{five};
  over_limit.bytes(4);
  EXPECT_FALSE(over_limit.ok());

  const Bytes huge =
      hex("ffffffffffffffffff01"
          "61");
  Decoder over_input{huge};
  EXPECT_TRUE(over_input.bytes(std::numeric_limits<std::size_t>::max()).empty());
  EXPECT_FALSE(over_input.ok());
}

TEST(Decoder, BoundsCountsByWhatTheInputCanHold) {
  const Bytes three =
      hex("03"
          "000000000000");
  EXPECT_EQ(Decoder{three}.count(2), 3U);
  Decoder too_large{three};
  EXPECT_EQ(too_large.count(3), 0U);
  EXPECT_FALSE(too_large.ok());
  const Bytes huge = hex("ffffffffffffffffff01");
  Decoder hostile{huge};
  EXPECT_EQ(hostile.count(8), 0U);
  EXPECT_FALSE(hostile.ok());
}

TEST(Decoder, ReportsBytesTooMany) {
  const Bytes bytes = hex("0102");
  Decoder in{bytes};
  in.u8();
  const Result<> finished = in.finish("label");
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().what, "label: 1 bytes too many");
  EXPECT_EQ(finished.error().kind, ErrorKind::kCorrupt);
}

TEST(Decoder, FailsOnRequestOfItsParser) {
  const Bytes bytes = hex("0102");
  Decoder in{bytes};
  in.fail();
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_FALSE(in.finish("label"));
}

TEST(Decoder, SurvivesAnyBytes) {
  SeededRandom random{20261120};
  for (int round = 0; round < 2'000; ++round) {
    Bytes bytes(random.next() % 64);
    random.fill(bytes);
    Decoder in{bytes};
    std::size_t steps = 0;
    while (!in.at_end() && ++steps < 1'000) {
      const std::size_t before = in.remaining();
      switch (random.next() % 6) {
        case 0:
          in.varint();
          break;
        case 1:
          in.zigzag();
          break;
        case 2:
          EXPECT_LE(in.bytes(20).size(), 20U);
          break;
        case 3:
          in.u32();
          break;
        case 4:
          EXPECT_LE(in.count(3), before / 3);
          break;
        default:
          in.array<3>();
          break;
      }
      ASSERT_LT(in.remaining(), before) << "each getter takes something or fails";
    }
  }
}

}  // namespace
}  // namespace reprieve
