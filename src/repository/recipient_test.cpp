#include "repository/recipient.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace reprieve::repository {
namespace {

TEST(Recipient, IsTheSameForAKeyFileEachTimeAndAnotherForAnother) {
  SeededRandom random{1};
  const Secret key = crypto::random_secret(random);
  EXPECT_EQ(recipient_key(key).public_key(), recipient_key(key).public_key());
  EXPECT_NE(recipient_key(key).public_key(),
            recipient_key(crypto::random_secret(random)).public_key());
  EXPECT_NE(recipient_key(key).public_key(), crypto::ExchangeKey::from_secret(key)->public_key())
      << "what a key is for is in its derivation";
}

TEST(Recipient, IsReadAsItIsWrittenWithOrWithoutItsFirstWord) {
  SeededRandom random{2};
  const auto recipient = recipient_key(crypto::random_secret(random)).public_key();
  const std::string text = recipient_text(recipient);
  EXPECT_EQ(text.size(), std::string_view{"reprieve-recipient-1 "}.size() + 72);
  for (const std::string& given : {text, text + "\n", " " + text.substr(21) + " "}) {
    const auto parsed = parse_recipient(given);
    ASSERT_TRUE(parsed) << given;
    EXPECT_EQ(*parsed, recipient) << given;
  }
}

TEST(Recipient, WithAnyDigitWrongIsRefused) {
  SeededRandom random{3};
  const std::string text =
      recipient_text(recipient_key(crypto::random_secret(random)).public_key());
  for (std::size_t at = 21; at < text.size(); ++at) {
    std::string wrong = text;
    wrong[at] = wrong[at] == '0' ? '1' : '0';
    EXPECT_EQ(parse_recipient(wrong).error().kind, ErrorKind::kInvalid) << at;
  }
  for (const char* wrong : {"", "reprieve-recipient-1", "reprieve-key-1 00", "zz"})
    EXPECT_EQ(parse_recipient(wrong).error().kind, ErrorKind::kInvalid) << wrong;
  EXPECT_FALSE(parse_recipient(text + "00"));
  EXPECT_FALSE(parse_recipient(text.substr(0, text.size() - 2)));
}

}  // namespace
}  // namespace reprieve::repository
