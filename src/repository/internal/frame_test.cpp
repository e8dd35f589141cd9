#include "repository/internal/frame.hpp"

#include <gtest/gtest.h>

#include <string>

#include "repository/internal/test_keys.hpp"

namespace reprieve::repository {
namespace {

class Frame : public testing::Test {
 protected:
  SealedFrame seal(ByteView raw) { return seal_frame(shared_, binding_, random_, raw, 1); }
  Result<Bytes> open(const SealedFrame& frame) {
    FrameBinding binding = binding_;
    binding.codec = frame.codec;
    binding.raw_length = frame.raw_length;
    Bytes raw;
    REPRIEVE_RETURN_IF_ERROR(open_frame(shared_, binding, frame.salt, frame.sealed, raw));
    return raw;
  }
  Bytes random_bytes(std::size_t size) {
    Bytes bytes(size);
    random_.fill(bytes);
    return bytes;
  }

  SeededRandom random_{1};
  Secret shared_ = crypto::random_secret(random_);
  FrameBinding binding_{{}, 1, 1, Codec::kStored, 0};
};

Bytes text_bytes(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i)
    text += "line " + std::to_string(i * i) + "\n";
  return copy_of(as_bytes(text).first(size));
}

TEST_F(Frame, GivesBackWhatWasSealed) {
  for (const std::size_t size : {0U, 1U, 2U, 100U, 65536U, 1000000U}) {
    const Bytes text = text_bytes(size);
    const auto opened = open(seal(text));
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, text);
    const Bytes noise = random_bytes(size);
    const auto opened_noise = open(seal(noise));
    ASSERT_TRUE(opened_noise);
    EXPECT_EQ(*opened_noise, noise);
  }
}

TEST_F(Frame, IsCompressedOnlyIfThatIsSmaller) {
  const SealedFrame text = seal(text_bytes(100000));
  EXPECT_EQ(text.codec, Codec::kZstd);
  EXPECT_LT(text.sealed.size(), 50000U);
  for (const std::size_t size : {100U, 1000U, 200000U}) {
    const SealedFrame noise = seal(random_bytes(size));
    EXPECT_EQ(noise.codec, Codec::kStored);
    EXPECT_EQ(noise.sealed.size(), size + crypto::kTagBytes);
  }
}

TEST_F(Frame, ProbesDenseBytesOnly) {
  EXPECT_TRUE(looks_dense(random_bytes(1 << 20)));
  EXPECT_FALSE(looks_dense(text_bytes(1 << 20)));
  EXPECT_FALSE(looks_dense(Bytes(1 << 20, std::byte{0})));
  Bytes mixed = random_bytes(1 << 20);
  const Bytes text = text_bytes(1 << 18);
  std::ranges::copy(text, mixed.begin() + (1 << 18));
  EXPECT_FALSE(looks_dense(mixed));
}

TEST_F(Frame, RefusesEveryFlippedByte) {
  SealedFrame frame = seal(text_bytes(300));
  for (std::size_t i = 0; i < frame.sealed.size(); ++i) {
    frame.sealed[i] ^= std::byte{1};
    const auto opened = open(frame);
    ASSERT_FALSE(opened) << i;
    EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
    frame.sealed[i] ^= std::byte{1};
  }
}

TEST_F(Frame, RefusesAnyOtherBinding) {
  const SealedFrame frame = seal(text_bytes(300));
  FrameBinding right = binding_;
  right.codec = frame.codec;
  right.raw_length = frame.raw_length;
  Bytes raw;
  ASSERT_TRUE(open_frame(shared_, right, frame.salt, frame.sealed, raw));
  std::vector<FrameBinding> wrong(5, right);
  wrong[0].repository[0] = std::byte{1};
  wrong[1].epoch = 2;
  wrong[2].pack_type = 2;
  wrong[3].codec = Codec::kStored;
  wrong[4].raw_length += 1;
  for (const FrameBinding& binding : wrong)
    EXPECT_FALSE(open_frame(shared_, binding, frame.salt, frame.sealed, raw));
  crypto::Salt16 salt = frame.salt;
  salt[3] ^= std::byte{1};
  EXPECT_FALSE(open_frame(shared_, right, salt, frame.sealed, raw));
}

TEST_F(Frame, RefusesWrongLengthsAndCodecsBehindTheSeal) {
  Bytes raw;
  const Bytes payload = text_bytes(10);
  EXPECT_TRUE(unpack_payload(Codec::kStored, 10, payload, raw));
  EXPECT_FALSE(unpack_payload(Codec::kStored, 11, payload, raw));
  EXPECT_FALSE(unpack_payload(Codec::kZstd, 10, payload, raw));
  EXPECT_FALSE(unpack_payload(static_cast<Codec>(2), 10, payload, raw));
  EXPECT_FALSE(unpack_payload(Codec::kStored, kFrameRawMax + 1, payload, raw));
  EXPECT_FALSE(open_frame(shared_, binding_, {}, ByteView{payload}.first(3), raw));
}

}  // namespace
}  // namespace reprieve::repository
