#include <gtest/gtest.h>

#include "crypto/crypto.hpp"
#include "crypto/vectors_test.hpp"

namespace reprieve::crypto {
namespace {

struct SigningVector {
  std::string_view seed;
  std::string_view public_key;
  std::string_view message;
  std::string_view signature;
};

// RFC 8032, section 7.1, tests 1 to 3.
constexpr SigningVector kSigningVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
     "b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
     "c6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(SigningKey, GivesTheSignaturesOfRfc8032) {
  for (const SigningVector& v : kSigningVectors) {
    const auto key = SigningKey::from_seed(secret_of_hex(v.seed));
    ASSERT_TRUE(key);
    EXPECT_EQ(to_hex(key->public_key()), v.public_key);
    EXPECT_EQ(to_hex(key->sign(bytes_of_hex(v.message))), v.signature);
    EXPECT_TRUE(verify_signature(array_of_hex<32>(v.public_key), bytes_of_hex(v.message),
                                 array_of_hex<64>(v.signature)));
  }
}

TEST(VerifySignature, RefusesEveryFlippedByte) {
  SeededRandom random{1};
  const SigningKey key = SigningKey::generate(random);
  Bytes message = copy_of(as_bytes("snapshot"));
  const Signature signature = key.sign(message);
  ASSERT_TRUE(verify_signature(key.public_key(), message, signature));
  for (std::size_t at = 0; at < signature.size(); ++at) {
    Signature flipped = signature;
    flipped[at] ^= std::byte{0x40};
    EXPECT_FALSE(verify_signature(key.public_key(), message, flipped)) << at;
  }
  for (std::byte& byte : message) {
    byte ^= std::byte{1};
    EXPECT_FALSE(verify_signature(key.public_key(), message, signature));
    byte ^= std::byte{1};
  }
  EXPECT_FALSE(verify_signature(SigningKey::generate(random).public_key(), message, signature));
}

TEST(ExchangeKey, GivesTheSharedSecretOfRfc7748) {  // Section 6.1.
  const auto alice = ExchangeKey::from_secret(
      secret_of_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  const auto bob = ExchangeKey::from_secret(
      secret_of_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  ASSERT_TRUE(alice);
  ASSERT_TRUE(bob);
  EXPECT_EQ(to_hex(alice->public_key()),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(to_hex(bob->public_key()),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  constexpr std::string_view kShared =
      "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  EXPECT_EQ(to_hex(alice->agree(bob->public_key())->expose()), kShared);
  EXPECT_EQ(to_hex(bob->agree(alice->public_key())->expose()), kShared);
}

TEST(ExchangeKey, AgreesFromBothSides) {
  SeededRandom random{2};
  const ExchangeKey a = ExchangeKey::generate(random);
  const ExchangeKey b = ExchangeKey::generate(random);
  const auto ab = a.agree(b.public_key());
  const auto ba = b.agree(a.public_key());
  ASSERT_TRUE(ab);
  ASSERT_TRUE(ba);
  EXPECT_TRUE(equal_in_constant_time(ab->expose(), ba->expose()));
}

TEST(ExchangeKey, RefusesAPeerOfSmallOrder) {
  SeededRandom random{3};
  const ExchangeKey key = ExchangeKey::generate(random);
  PublicKey one{};
  one[0] = std::byte{1};
  for (const PublicKey& weak : {PublicKey{}, one}) {
    const auto shared = key.agree(weak);
    ASSERT_FALSE(shared);
    EXPECT_EQ(shared.error().kind, ErrorKind::kInvalid);
  }
}

TEST(ExchangeKey, OfASigningKeyIsTheOneThatItsPublicHalfPromises) {
  SeededRandom random{5};
  for (int i = 0; i < 20; ++i) {
    const SigningKey signing = SigningKey::generate(random);
    const auto public_half = exchange_public_of(signing.public_key());
    ASSERT_TRUE(public_half);
    EXPECT_EQ(exchange_key_of(signing).public_key(), *public_half);
    const ExchangeKey other = ExchangeKey::generate(random);
    EXPECT_EQ(copy_of(other.agree(*public_half)->expose()),
              copy_of(exchange_key_of(signing).agree(other.public_key())->expose()));
  }
}

TEST(ExchangeKey, OfASigningKeyThatIsNoPointIsRefused) {
  PublicKey neutral{};  // y = 1, of order 1.
  neutral[0] = std::byte{1};
  PublicKey high{};
  high.fill(std::byte{0xff});
  for (const PublicKey& bad : {PublicKey{}, neutral, high})
    EXPECT_EQ(exchange_public_of(bad).error().kind, ErrorKind::kInvalid);
}

TEST(Keys, AreRefusedWithAnyLengthBut32) {
  for (const std::size_t size : {0U, 31U, 33U, 64U}) {
    EXPECT_EQ(SigningKey::from_seed(Secret{size}).error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(ExchangeKey::from_secret(Secret{size}).error().kind, ErrorKind::kInvalid);
  }
}

TEST(Keys, SignAndAgreeAfterAMove) {
  SeededRandom random{4};
  SigningKey signing = SigningKey::generate(random);
  const SigningKey moved = std::move(signing);
  EXPECT_TRUE(verify_signature(moved.public_key(), as_bytes("m"), moved.sign(as_bytes("m"))));
}

TEST(EqualInConstantTime, ComparesContentsAndLength) {
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  EXPECT_TRUE(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
  EXPECT_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("ab")));
}

}  // namespace
}  // namespace reprieve::crypto
