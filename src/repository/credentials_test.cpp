#include "repository/credentials.hpp"

#include <gtest/gtest.h>

namespace reprieve::repository {
namespace {

Credentials full_credentials() {
  SeededRandom random{3};
  Credentials c;
  c.role = Role::kAdmin;
  c.repository = crypto::random_array<16>(random);
  c.root_public = crypto::random_array<32>(random);
  c.chunk_id_key = crypto::random_secret(random);
  c.chunker_key = crypto::random_secret(random);
  c.metadata_keys.push_back({.epoch = 1, .secret = crypto::random_secret(random)});
  c.metadata_keys.push_back({.epoch = 4, .secret = crypto::random_secret(random)});
  c.reading_keys.push_back({.epoch = 4, .secret = crypto::random_secret(random)});
  c.signing_seed = crypto::random_secret(random);
  c.root_seed = crypto::random_secret(random);
  return c;
}

Bytes encoded(const Credentials& c) {
  return copy_of(encode_credentials(c).expose());
}

TEST(Credentials, ComeBackAsTheyWereGiven) {
  const Credentials given = full_credentials();
  const auto parsed = parse_credentials(encode_credentials(given).expose());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->role, given.role);
  EXPECT_EQ(parsed->repository, given.repository);
  EXPECT_EQ(parsed->metadata_keys.at(1).epoch, 4U);
  EXPECT_EQ(encoded(*parsed), encoded(given));
}

TEST(Credentials, LeaveOutWhatARoleDoesNotHold) {
  Credentials given;
  given.role = Role::kPruner;
  given.metadata_keys.push_back({.epoch = 1, .secret = Secret{32}});
  given.signing_seed = Secret{32};
  const auto parsed = parse_credentials(encode_credentials(given).expose());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->role, Role::kPruner);
  EXPECT_TRUE(parsed->chunk_id_key.empty());
  EXPECT_TRUE(parsed->reading_keys.empty());
  EXPECT_TRUE(parsed->root_seed.empty());
  EXPECT_EQ(parsed->signing_seed.size(), 32U);
}

TEST(Credentials, AreRefusedWhenCutOffAnywhere) {
  const Bytes bytes = encoded(full_credentials());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto parsed = parse_credentials(ByteView{bytes}.first(size));
    ASSERT_FALSE(parsed) << size;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(Credentials, AreRefusedWithAnUnknownVersionRoleOrField) {
  const Bytes good = encoded(full_credentials());
  for (const auto& [at, value] : {std::pair{0, 2}, {1, 5}, {1, 0}, {50, 63}}) {
    Bytes bad = good;
    bad[static_cast<std::size_t>(at)] = static_cast<std::byte>(value);
    EXPECT_FALSE(parse_credentials(bad)) << at;
  }
}

TEST(KeyFile, HoldsItsKeyBelowItsComment) {
  SeededRandom random{5};
  const Secret secret = crypto::random_secret(random);
  const std::string text = key_file_text(secret, "for db1\nkeep it safe");
  EXPECT_TRUE(text.starts_with("# for db1\n# keep it safe\nreprieve-key-1 "));
  const auto parsed = parse_key_file(as_bytes(text));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(copy_of(parsed->expose()), copy_of(secret.expose()));
}

TEST(KeyFile, MayHaveBeenEditedOnWindows) {
  const std::string text = "# x\r\n\r\nreprieve-key-1 " + std::string(64, 'a') + "\r\n";
  EXPECT_TRUE(parse_key_file(as_bytes(text)));
}

TEST(KeyFile, SaysWhatIsWrongWithIt) {
  const std::string key = "reprieve-key-1 " + std::string(64, 'a') + "\n";
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "holds no key"},
      {"# only a comment\n", "holds no key"},
      {key + key, "more than one key"},
      {"reprieve-key-1 abcd\n", "not 64 hexadecimal digits"},
      {"hunter2\n", "neither a comment nor a key"},
      {std::string(100'000, '#'), "too large"},
  };
  for (const auto& [text, what] : cases) {
    const auto parsed = parse_key_file(as_bytes(text));
    ASSERT_FALSE(parsed) << text.substr(0, 40);
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(parsed.error().what.find(what), std::string::npos) << parsed.error().what;
  }
}

}  // namespace
}  // namespace reprieve::repository
