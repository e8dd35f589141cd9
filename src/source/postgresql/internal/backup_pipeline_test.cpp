#include "source/postgresql/internal/backup_pipeline.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "source/postgresql/memory_snapshot.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kQueueBytes = 1024 * 1024;

TarMember file(std::string path, std::uint64_t size) {
  TarMember member;
  member.path = std::move(path);
  member.size = size;
  member.mode = 0600;
  member.owner.user = "postgres";
  return member;
}

TarMember folder(std::string path) {
  TarMember member;
  member.path = std::move(path);
  member.type = EntryType::kDirectory;
  member.mode = 0700;
  return member;
}

void send(ArchiveSplitter& splitter, TarMember member, const std::string& content) {
  ASSERT_TRUE(splitter.begin(std::move(member)));
  ASSERT_TRUE(content.empty() || splitter.data(as_bytes(content)));
  ASSERT_TRUE(splitter.end());
}

TEST(BackupPipeline, CarriesFilesOfAnySizeThroughABoundedQueue) {
  MemorySnapshot snapshot;
  ArchiveQueue queue{kQueueBytes};
  ArchiveSplitter splitter{queue};
  ArchiveWriter writer{snapshot, 0750};
  const std::string large(3'000'000, 'l');
  std::thread sender{[&] {
    ASSERT_TRUE(splitter.begin_archive(16385));
    send(splitter, folder("PG_15_202209061"), "");
    send(splitter, file("PG_15_202209061/1", 3), "abc");
    ASSERT_TRUE(splitter.begin_archive(std::nullopt));
    send(splitter, file("backup_label", 0), "");
    send(splitter, folder("base"), "");
    send(splitter, file("base/1", large.size()), large);
    ASSERT_TRUE(splitter.manifest(as_bytes("{}")));
    queue.close();
  }};
  const auto stored = writer.run(queue);
  sender.join();
  ASSERT_TRUE(stored);
  const auto all = writer.finish();
  ASSERT_TRUE(all);
  EXPECT_EQ(as_text(splitter.manifest_text()), "{}");
  EXPECT_EQ(all->data.name, "data");
  EXPECT_EQ(all->data.mode, 0750);
  ASSERT_EQ(all->tablespaces.size(), 1U);
  EXPECT_EQ(all->tablespaces[0].name, "16385");
  EXPECT_EQ(all->files.at("base/1"), (FileDigest{large.size(), crypto::sha256(as_bytes(large))}));
  EXPECT_EQ(all->files.at("backup_label"), (FileDigest{0, crypto::sha256({})}));
  EXPECT_EQ(all->files.at("pg_tblspc/16385/PG_15_202209061/1"),
            (FileDigest{3, crypto::sha256(as_bytes("abc"))}));
  const auto entry = snapshot.find({all->data}, "data/base/1");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->content.chunking, Chunking::kPages);
  const auto bytes = read_content(snapshot, entry->content, large.size());
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), large);
}

TEST(BackupPipeline, GivesUpWhenTheOtherEndIsGone) {
  MemorySnapshot snapshot;
  ArchiveQueue queue{kQueueBytes};
  ArchiveSplitter splitter{queue};
  ASSERT_TRUE(splitter.begin(file("cut", 10)));
  ASSERT_TRUE(splitter.data(as_bytes("half")));
  ASSERT_TRUE(splitter.end());
  queue.close();
  EXPECT_FALSE(splitter.begin(file("next", 0)) && splitter.end());
  ArchiveWriter writer{snapshot, 0700};
  ASSERT_TRUE(writer.run(queue));
  MemorySnapshot stopped;
  stopped.token().request();
  ArchiveQueue other{kQueueBytes};
  ArchiveSplitter again{other};
  ASSERT_TRUE(again.begin(file("x", 0)) && again.end());
  other.close();
  ArchiveWriter cancelled{stopped, 0700};
  const auto run = cancelled.run(other);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind, ErrorKind::kCancelled);
}

TEST(BackupPipeline, RefusesAFileThatComesTwice) {
  MemorySnapshot snapshot;
  ArchiveQueue queue{kQueueBytes};
  ArchiveSplitter splitter{queue};
  send(splitter, file("same", 1), "a");
  send(splitter, file("same", 1), "b");
  queue.close();
  ArchiveWriter writer{snapshot, 0700};
  const auto stored = writer.run(queue);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace reprieve
