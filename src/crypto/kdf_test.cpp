#include <gtest/gtest.h>

#include "crypto/crypto.hpp"
#include "crypto/vectors_test.hpp"

namespace reprieve::crypto {
namespace {

TEST(Hkdf, GivesTheKeysOfRfc5869) {
  const Secret first =
      hkdf(secret_of_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
           bytes_of_hex("000102030405060708090a0b0c"), bytes_of_hex("f0f1f2f3f4f5f6f7f8f9"), 42);
  EXPECT_EQ(to_hex(first.expose()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

  const Secret second = hkdf(
      secret_of_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425"
                    "262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b"
                    "4c4d4e4f"),
      bytes_of_hex("606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868"
                   "788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadae"
                   "af"),
      bytes_of_hex("b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d"
                   "7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfe"
                   "ff"),
      82);
  EXPECT_EQ(
      to_hex(second.expose()),
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
      "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");

  const Secret third =
      hkdf(secret_of_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), {}, {}, 42);
  EXPECT_EQ(to_hex(third.expose()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(DeriveFromPassword, GivesArgon2idsKey) {
  // Computed with another implementation (OpenSSL's): one lane, one pass, 8 MiB.
  const auto key =
      derive_from_password(Secret::copy_of(as_bytes("correct horse")),
                           array_of_hex<16>("000102030405060708090a0b0c0d0e0f"), {8 * 1024, 1});
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(key->expose()),
            "68aa6b3e6343f355586e5dd84710fb380cc542b0a47fa8a06ad81318fa48e3b3");
}

TEST(DeriveFromPassword, DependsOnEachInput) {
  const auto derive = [](std::string_view password, std::string_view salt, KdfCost cost) {
    return to_hex(
        derive_from_password(Secret::copy_of(as_bytes(password)), array_of_hex<16>(salt), cost)
            ->expose());
  };
  constexpr std::string_view kSalt = "000102030405060708090a0b0c0d0e0f";
  const KdfCost cost{8 * 1024, 1};
  const std::string key = derive("one", kSalt, cost);
  EXPECT_EQ(derive("one", kSalt, cost), key);
  EXPECT_NE(derive("two", kSalt, cost), key);
  EXPECT_NE(derive("one", "ff0102030405060708090a0b0c0d0e0f", cost), key);
  EXPECT_NE(derive("one", kSalt, {8 * 1024, 2}), key);
  EXPECT_NE(derive("one", kSalt, {9 * 1024, 1}), key);
}

TEST(DeriveFromPassword, RefusesACostThatWouldStopTheHost) {
  const Secret password = Secret::copy_of(as_bytes("x"));
  for (const KdfCost cost : {KdfCost{1024, 3}, KdfCost{2 * 1024 * 1024, 3}, KdfCost{8 * 1024, 0},
                             KdfCost{8 * 1024, 11}}) {
    const auto key = derive_from_password(password, Salt16{}, cost);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind, ErrorKind::kInvalid);
  }
  EXPECT_TRUE(KdfCost{}.within_limits());
}

}  // namespace
}  // namespace reprieve::crypto
