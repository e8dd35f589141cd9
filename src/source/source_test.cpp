#include "source/source.hpp"

#include <gtest/gtest.h>

#include "source/filesystem/internal/memory_repository_fake.hpp"

namespace reprieve {
namespace {

using filesystem::MemoryReader;
using filesystem::MemoryRepository;

ChunkRef stored(MemoryRepository& repository, std::string_view text) {
  return {repository.put(as_bytes(text)), static_cast<std::uint32_t>(text.size())};
}

TEST(ReadContent, PutsChunksBetweenTheHoles) {
  MemoryRepository repository;
  Content content;
  content.chunks = {stored(repository, "abcde"), stored(repository, "fgh")};
  content.holes = {{0, 2}, {4, 1}, {11, 3}};
  content.size = 14;
  MemoryReader reader{repository};
  const auto bytes = read_content(reader, content, 100);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), (std::string_view{"\0\0ab\0cdefgh\0\0\0", 14}));
}

TEST(ReadContent, ReadsInlineBytes) {
  MemoryRepository repository;
  Content content;
  content.size = 2;
  content.inline_bytes = copy_of(as_bytes("hi"));
  MemoryReader reader{repository};
  const auto bytes = read_content(reader, content, 2);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), "hi");
}

TEST(ReadContent, RefusesWhatIsTooLargeMissingOrWrong) {
  MemoryRepository repository;
  MemoryReader reader{repository};
  Content content;
  content.chunks = {stored(repository, "abcde")};
  content.size = 5;
  EXPECT_EQ(read_content(reader, content, 4).error().kind, ErrorKind::kExhausted);
  content.size = 6;
  EXPECT_EQ(read_content(reader, content, 100).error().kind, ErrorKind::kCorrupt);
  content.size = 5;
  repository.remove(content.chunks[0].id);
  EXPECT_EQ(read_content(reader, content, 100).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace reprieve
