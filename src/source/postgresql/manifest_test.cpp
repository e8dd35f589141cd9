#include "source/postgresql/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprieve {
namespace {

using ::testing::HasSubstr;

std::string hex_of(const crypto::Digest& digest) {
  return to_hex(digest);
}

/// A manifest of `body`, closed as the server closes it.
std::string sealed(std::string body) {
  const std::string sum = hex_of(crypto::sha256(as_bytes(body)));
  return std::move(body) + "\"Manifest-Checksum\": \"" + sum + "\"}\n";
}

std::string file_line(const std::string& member, std::string_view content) {
  return "{ " + member + ", \"Size\": " + std::to_string(content.size()) +
         ", \"Last-Modified\": \"2026-11-20 14:00:00 GMT\", \"Checksum-Algorithm\": \"SHA256\", "
         "\"Checksum\": \"" +
         hex_of(crypto::sha256(as_bytes(content))) + "\" }";
}

std::string two_files() {
  return "{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n\"System-Identifier\": "
         "7573843465874823451,\n\"Files\": [\n" +
         file_line("\"Path\": \"base/5/1259\"", "one") + ",\n" +
         file_line("\"Encoded-Path\": \"6261ff\"", "two") +
         "],\n\"WAL-Ranges\": [\n{ \"Timeline\": 3, \"Start-LSN\": \"0/2000028\", \"End-LSN\": "
         "\"0/2000100\" }\n],\n";
}

FileDigest digest(std::string_view content) {
  return {content.size(), crypto::sha256(as_bytes(content))};
}

TEST(Manifest, ReadsFilesRangesAndEncodedPaths) {
  const auto manifest = parse_manifest(as_bytes(sealed(two_files())));
  ASSERT_TRUE(manifest) << manifest.error().what;
  EXPECT_EQ(manifest->version, 2);
  EXPECT_EQ(manifest->system_identifier, "7573843465874823451");
  ASSERT_EQ(manifest->files.size(), 2U);
  EXPECT_EQ(manifest->files[0].path, "base/5/1259");
  EXPECT_EQ(manifest->files[0].digest, digest("one"));
  EXPECT_EQ(manifest->files[1].path, "ba\xff");
  ASSERT_EQ(manifest->wal_ranges.size(), 1U);
  EXPECT_EQ(manifest->wal_ranges[0].timeline, 3U);
  EXPECT_EQ(manifest->wal_ranges[0].end, (Lsn{0x2000100}));
}

TEST(Manifest, NoticesOneChangedByte) {
  std::string text = sealed(two_files());
  text[text.find("1259")] = '2';
  const auto manifest = parse_manifest(as_bytes(text));
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(manifest.error().what, HasSubstr("checksum is wrong"));
}

TEST(Manifest, RefusesWhatIsCutOffOrOddlyShaped) {
  const std::string good = sealed(two_files());
  for (std::size_t length = 0; length + 3 < good.size(); length += 7)
    EXPECT_FALSE(parse_manifest(as_bytes(std::string_view{good}.substr(0, length)))) << length;
  for (const char* body :
       {"{\"Files\": [], ", "{\"PostgreSQL-Backup-Manifest-Version\": 9, ",
        "{\"PostgreSQL-Backup-Manifest-Version\": 1, \"Files\": [{\"Path\": \"x\"}], ",
        "{\"PostgreSQL-Backup-Manifest-Version\": 1, \"Files\": [[[[]]]], ",
        "{\"PostgreSQL-Backup-Manifest-Version\": 1, \"Files\": [{\"Size\": -1}], ",
        "{\"PostgreSQL-Backup-Manifest-Version\": 1, \"Files\": [{\"x\": {\"y\": {}}}], "})
    EXPECT_FALSE(parse_manifest(as_bytes(sealed(body)))) << body;
}

TEST(Manifest, AcceptsExactlyTheFilesThatItLists) {
  const auto manifest = parse_manifest(as_bytes(sealed(two_files())));
  ASSERT_TRUE(manifest);
  std::unordered_map<std::string, FileDigest> arrived = {{"base/5/1259", digest("one")},
                                                         {"ba\xff", digest("two")}};
  EXPECT_TRUE(check_manifest(*manifest, arrived));

  auto changed = arrived;
  changed["base/5/1259"] = digest("won");
  EXPECT_THAT(check_manifest(*manifest, changed).error().what, HasSubstr("base/5/1259"));
  auto fewer = arrived;
  fewer.erase("ba\xff");
  EXPECT_THAT(check_manifest(*manifest, fewer).error().what, HasSubstr("did not arrive"));
  auto more = arrived;
  more["extra"] = digest("x");
  EXPECT_THAT(check_manifest(*manifest, more).error().what, HasSubstr("extra"));
}

}  // namespace
}  // namespace reprieve
