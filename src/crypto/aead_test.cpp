#include <gtest/gtest.h>

#include <string>

#include "crypto/crypto.hpp"
#include "crypto/vectors_test.hpp"

namespace reprieve::crypto {
namespace {

constexpr std::string_view kKey =
    "0f0e0d0c0b0a09080706050403020100f0e0d0c0b0a090807060504030201000";

TEST(SealOnce, GivesNistsCiphertextForTheZeroKey) {
  // GCM specification (McGrew and Viega), test cases 13 and 14: AES-256, zero key, zero nonce.
  const Secret key{kKeyBytes};
  Bytes sealed;
  seal_once(key, {}, {}, sealed);
  EXPECT_EQ(to_hex(sealed), "530f8afbc74536b9a963b4f1c4cb738b");
  seal_once(key, {}, Bytes(16, std::byte{0}), sealed);
  EXPECT_EQ(to_hex(sealed), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

TEST(OpenOnce, GivesBackWhatWasSealed) {
  const Secret key = secret_of_hex(kKey);
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 300U, 65'537U}) {
    const std::string text(size, 'p');
    Bytes sealed;
    seal_once(key, as_bytes("frame 1"), as_bytes(text), sealed);
    ASSERT_EQ(sealed.size(), size + kTagBytes);

    const auto opened = open_once(key, as_bytes("frame 1"), sealed);

    ASSERT_TRUE(opened) << size;
    EXPECT_EQ(as_text(*opened), text);
  }
}

TEST(OpenOnce, RefusesEveryFlippedByte) {
  const Secret key = secret_of_hex(kKey);
  Bytes sealed;
  seal_once(key, as_bytes("frame 1"), as_bytes("the quick brown fox"), sealed);
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    Bytes flipped = sealed;
    flipped[at] ^= std::byte{0x01};
    const auto opened = open_once(key, as_bytes("frame 1"), flipped);
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(OpenOnce, RefusesEveryShorterLength) {
  const Secret key = secret_of_hex(kKey);
  Bytes sealed;
  seal_once(key, {}, as_bytes("the quick brown fox"), sealed);
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(open_once(key, {}, ByteView{sealed}.first(size))) << size;
}

TEST(OpenOnce, RefusesOtherAssociatedDataAndOtherKeys) {
  const Secret key = secret_of_hex(kKey);
  Bytes sealed;
  seal_once(key, as_bytes("frame 1"), as_bytes("text"), sealed);
  EXPECT_FALSE(open_once(key, as_bytes("frame 2"), sealed));
  EXPECT_FALSE(open_once(key, {}, sealed));
  EXPECT_FALSE(open_once(Secret{kKeyBytes}, as_bytes("frame 1"), sealed));
}

TEST(OpenOnceInto, LeavesNoUnprovedPlaintextBehind) {
  const Secret key = secret_of_hex(kKey);
  Bytes sealed;
  seal_once(key, {}, as_bytes("secret text"), sealed);
  sealed.back() ^= std::byte{1};
  Bytes out(sealed.size() - kTagBytes, std::byte{0xff});

  ASSERT_FALSE(open_once_into(key, {}, sealed, out));

  EXPECT_EQ(out, Bytes(out.size(), std::byte{0}));
}

}  // namespace
}  // namespace reprieve::crypto
