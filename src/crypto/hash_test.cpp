#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "crypto/crypto.hpp"
#include "crypto/vectors_test.hpp"

namespace reprieve::crypto {
namespace {

TEST(Sha256, GivesThePublishedDigests) {  // FIPS 180-4, and NIST's examples.
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(as_bytes(std::string(1'000'000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, GivesTheSameDigestInPieces) {
  const std::string text(1000, 'x');
  Sha256 hash;
  for (std::size_t at = 0; at < text.size(); at += 7)
    hash.update(as_bytes(std::string_view{text}.substr(at, 7)));
  EXPECT_EQ(hash.finish(), sha256(as_bytes(text)));
}

TEST(Sha256, StartsAfreshAfterFinish) {
  Sha256 hash;
  hash.update(as_bytes("before"));
  static_cast<void>(hash.finish());
  hash.update(as_bytes("abc"));
  EXPECT_EQ(hash.finish(), sha256(as_bytes("abc")));
}

TEST(Base64, GivesThePublishedTexts) {  // RFC 4648 section 10.
  EXPECT_EQ(base64({}), "");
  EXPECT_EQ(base64(as_bytes("f")), "Zg==");
  EXPECT_EQ(base64(as_bytes("fo")), "Zm8=");
  EXPECT_EQ(base64(as_bytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(base64(as_bytes("\xfb\xff")), "+/8=");
}

struct MacVector {
  std::string key;
  std::string message;
  std::string mac;
};

std::string repeat(std::string_view hex, int count) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out += hex;
  return out;
}

TEST(HmacKey, GivesTheMacsOfRfc4231) {
  const std::vector<MacVector> vectors = {
      {repeat("0b", 20), "4869205468657265",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {repeat("aa", 20), repeat("dd", 50),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {"0102030405060708090a0b0c0d0e0f10111213141516171819", repeat("cd", 50),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {repeat("aa", 131),
       to_hex(as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (const MacVector& v : vectors) {
    const HmacKey key{secret_of_hex(v.key)};
    EXPECT_EQ(to_hex(key.mac({}, bytes_of_hex(v.message))), v.mac) << v.key;
  }
}

TEST(HmacKey, TakesThePrefixAsTheMessagesBeginning) {
  const HmacKey key{secret_of_hex(repeat("0b", 20))};
  EXPECT_EQ(key.mac(as_bytes("Hi "), as_bytes("There")), key.mac({}, as_bytes("Hi There")));
  EXPECT_NE(key.mac(as_bytes("Hi "), as_bytes("There")), key.mac(as_bytes("H"), as_bytes("There")));
}

TEST(HmacKey, GivesTheSameMacsToManyThreads) {
  const HmacKey key{secret_of_hex(repeat("0b", 20))};
  const Digest expected = key.mac({}, as_bytes("Hi There"));
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        count += key.mac({}, as_bytes("Hi There")) != expected ? 1 : 0;
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, std::vector<int>(8, 0));
}

}  // namespace
}  // namespace reprieve::crypto
