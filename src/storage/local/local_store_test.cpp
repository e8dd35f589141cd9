#include "storage/local/local_store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "conformance/object_store_suite.hpp"
#include "io/durable_file.hpp"
#include "io/temporary_folder.hpp"

namespace reprieve {
namespace {

struct LocalFixture {
  LocalFixture() { open(); }
  ObjectStore& store() { return *store_; }
  void reopen() { open(); }
  void open() {
    store_.reset();
    store_ = *LocalStore::open(folder_.path());
  }
  io::TemporaryFolder folder_ = *io::TemporaryFolder::create();
  std::unique_ptr<LocalStore> store_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Local, ObjectStoreSuite, LocalFixture);

class LocalStoreTest : public ::testing::Test {
 protected:
  LocalStore& store() { return *store_; }
  std::string path(const std::string& name) const { return folder_.path(name); }
  void write_foreign(const std::string& name, std::string_view text) const {
    ASSERT_TRUE(io::create_directories_durably(io::parent_of(path(name))));
    std::ofstream{path(name)} << text;
  }

  io::TemporaryFolder folder_ = *io::TemporaryFolder::create();
  std::unique_ptr<LocalStore> store_ = *LocalStore::open(folder_.path());
};

TEST_F(LocalStoreTest, SpreadsPacksOverFolders) {
  ASSERT_TRUE(store().put("pack/3fa9", as_bytes("p")));
  ASSERT_TRUE(store().put("index/3fa9", as_bytes("i")));
  EXPECT_TRUE(io::exists(path("pack/3f/3fa9")));
  EXPECT_TRUE(io::exists(path("index/3fa9")));
}

TEST_F(LocalStoreTest, MakesFilesThatOnlyTheOwnerReads) {
  ASSERT_TRUE(store().put("config", as_bytes("c")));
  struct ::stat status {};
  ASSERT_EQ(::stat(path("config").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(LocalStoreTest, LeavesNoTemporaryFileBehind) {
  ASSERT_TRUE(store().put("a", as_bytes("one")));
  ASSERT_FALSE(store().put("a", as_bytes("two")));
  ASSERT_TRUE(store().replace_damaged("a", as_bytes("three")));
  EXPECT_EQ(*io::list_dir(path("_tmp")), std::vector<std::string>{});
}

TEST_F(LocalStoreTest, PassesForeignNamesOver) {
  ASSERT_TRUE(store().put("pack/aa11", as_bytes("p")));
  write_foreign("_tmp/123", "unfinished");
  write_foreign("README", "upper case is no key");
  write_foreign("pack/aa/bb22", "in the wrong folder");
  write_foreign("pack/cc33", "not where a pack lies");
  write_foreign("pack/sub/dd44", "too deep");
  write_foreign("pack/ee/deep/ee55", "too deep");
  write_foreign("index/a~", "an editor's copy");
  ASSERT_EQ(::symlink("pack/aa/aa11", path("link").c_str()), 0);
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(keys_of(store()), std::vector<std::string>{"pack/aa11"});
  EXPECT_EQ(kind_of(store().get("link", kNoLimit)), ErrorKind::kNotFound);
  EXPECT_EQ(kind_of(store().get("fifo", kNoLimit)), ErrorKind::kNotFound);
}

TEST_F(LocalStoreTest, NeverFollowsALinkOutOfItsFolder) {
  const auto outside = *io::TemporaryFolder::create();
  ASSERT_EQ(::symlink(outside.path().c_str(), path("index").c_str()), 0);
  EXPECT_EQ(kind_of(store().put("index/a", as_bytes("x"))), ErrorKind::kInvalid);
  EXPECT_EQ(kind_of(store().get("index/a", kNoLimit)), ErrorKind::kNotFound);
  EXPECT_EQ(*io::list_dir(outside.path()), std::vector<std::string>{});
}

TEST_F(LocalStoreTest, RefusesKeysThatFilesCannotHold) {
  ASSERT_TRUE(store().put("a", as_bytes("x")));
  EXPECT_EQ(kind_of(store().put("a/b", as_bytes("x"))), ErrorKind::kInvalid);
  EXPECT_EQ(kind_of(store().put("pack/aa/bb", as_bytes("x"))), ErrorKind::kInvalid);
  ASSERT_TRUE(store().put("index/x", as_bytes("x")));
  EXPECT_EQ(kind_of(store().put("index", as_bytes("x"))), ErrorKind::kConflict);
}

TEST_F(LocalStoreTest, RemovesOnlyLeftoversWhoseWriterIsGone) {
  write_foreign("_tmp/dead", "half an object");
  write_foreign("_tmp/alive", "half an object");
  const int alive = ::open(path("_tmp/alive").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(alive, LOCK_EX), 0);

  const auto removed = store().remove_leftovers();

  ASSERT_TRUE(removed);
  EXPECT_EQ(*removed, 1U);
  EXPECT_EQ(*io::list_dir(path("_tmp")), std::vector<std::string>{"alive"});
  ::close(alive);
}

TEST_F(LocalStoreTest, HasNoLeftoversInAFreshFolder) {
  EXPECT_EQ(*store().remove_leftovers(), 0U);
}

TEST_F(LocalStoreTest, SaysExhaustedWithAHintAndTearsNothingWhenTheDiskIsFull) {
  struct ::rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, SIG_IGN);
  const struct ::rlimit small {
    1000, before.rlim_max
  };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);

  const auto put = store().put("pack/aa11", as_bytes(std::string(5000, 'x')));

  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(kind_of(put), ErrorKind::kExhausted);
  EXPECT_NE(put.error().hint, "");
  EXPECT_EQ(keys_of(store()), std::vector<std::string>{});
  EXPECT_EQ(*io::list_dir(path("_tmp")), std::vector<std::string>{});
  EXPECT_TRUE(store().put("pack/aa11", as_bytes("fits"))) << "the store goes on once there is room";
}

TEST(LocalStore, TakesAFailedFileSyncAsFinal) {
  const auto folder = *io::TemporaryFolder::create();
  bool is_broken = true;
  LocalStoreOptions options;
  options.sync_file = [&](const io::FileHandle&) -> Result<> {
    if (is_broken) return error_from_errno(EIO, "sync");
    return kOk;
  };
  auto store = *LocalStore::open(folder.path(), options);

  EXPECT_EQ(kind_of(store->put("a", as_bytes("x"))), ErrorKind::kCorrupt);

  is_broken = false;
  EXPECT_EQ(kind_of(store->put("b", as_bytes("x"))), ErrorKind::kCorrupt);
  EXPECT_EQ(kind_of(store->sync()), ErrorKind::kCorrupt);
  EXPECT_EQ(kind_of(store->replace_damaged("b", as_bytes("x"))), ErrorKind::kCorrupt);
  EXPECT_EQ(keys_of(*store), std::vector<std::string>{}) << "reading still works";
}

TEST(LocalStore, TakesAFailedFolderSyncAsFinal) {
  const auto folder = *io::TemporaryFolder::create();
  bool is_broken = true;
  LocalStoreOptions options;
  options.sync_folder = [&](const io::Directory&) -> Result<> {
    if (is_broken) return error_from_errno(EIO, "sync");
    return kOk;
  };
  auto store = *LocalStore::open(folder.path(), options);
  ASSERT_TRUE(store->put("a", as_bytes("x")));
  EXPECT_EQ(kind_of(store->sync()), ErrorKind::kCorrupt);
  is_broken = false;
  EXPECT_EQ(kind_of(store->sync()), ErrorKind::kCorrupt);
}

TEST(LocalStore, GoesOnAfterAFullDiskAtSync) {
  const auto folder = *io::TemporaryFolder::create();
  bool is_full = true;
  LocalStoreOptions options;
  options.sync_file = [&](const io::FileHandle&) -> Result<> {
    if (is_full) return error_from_errno(ENOSPC, "sync");
    return kOk;
  };
  auto store = *LocalStore::open(folder.path(), options);
  EXPECT_EQ(kind_of(store->put("a", as_bytes("x"))), ErrorKind::kExhausted);
  EXPECT_EQ(keys_of(*store), std::vector<std::string>{});
  is_full = false;
  EXPECT_TRUE(store->put("a", as_bytes("x")));
  EXPECT_TRUE(store->sync());
}

TEST(LocalStore, SyncsEachNewFolderUpToTheRoot) {
  const auto folder = *io::TemporaryFolder::create();
  int sync_count = 0;
  LocalStoreOptions options;
  options.sync_folder = [&](const io::Directory& d) {
    ++sync_count;
    return d.sync();
  };
  auto store = *LocalStore::open(folder.path(), options);
  ASSERT_TRUE(store->put("pack/aa11", as_bytes("x")));
  ASSERT_TRUE(store->sync());
  EXPECT_EQ(sync_count, 3) << "pack/aa, pack and the root";
  ASSERT_TRUE(store->sync());
  EXPECT_EQ(sync_count, 3) << "nothing new";
  ASSERT_TRUE(store->put("pack/aa12", as_bytes("x")));
  ASSERT_TRUE(store->sync());
  EXPECT_EQ(sync_count, 4) << "only pack/aa";
}

TEST(LocalStore, SyncsManyFoldersAndReportsTheOneThatFails) {
  const auto folder = *io::TemporaryFolder::create();
  std::atomic<int> sync_count{0};
  std::atomic<int> fails_at{-1};
  LocalStoreOptions options;
  options.sync_folder = [&](const io::Directory&) -> Result<> {
    if (++sync_count == fails_at) return error_from_errno(EIO, "sync");
    return kOk;
  };
  auto store = *LocalStore::open(folder.path(), options);
  const auto put_hundred = [&](char last) {
    for (int i = 100; i < 200; ++i)
      ASSERT_TRUE(store->put("pack/" + to_hex(Bytes(2, std::byte(i))) + last, as_bytes("x")));
  };
  put_hundred('a');
  EXPECT_TRUE(store->sync());
  EXPECT_EQ(sync_count, 102) << "a hundred folders, pack and the root";
  put_hundred('b');
  fails_at = 150;
  EXPECT_EQ(kind_of(store->sync()), ErrorKind::kCorrupt);
}

TEST(LocalStore, TakesUpFoldersAgainThatItCouldNotOpen) {
  const auto folder = *io::TemporaryFolder::create();
  auto store = *LocalStore::open(folder.path());
  ASSERT_TRUE(store->put("index/a", as_bytes("x")));
  std::filesystem::rename(folder.path("index"), folder.path("elsewhere"));
  EXPECT_EQ(kind_of(store->sync()), ErrorKind::kNotFound);
  EXPECT_EQ(kind_of(store->sync()), ErrorKind::kNotFound);
  std::filesystem::rename(folder.path("elsewhere"), folder.path("index"));
  EXPECT_TRUE(store->sync());
}

TEST(LocalStore, IsCreatedOnlyInAnEmptyFolder) {
  const auto folder = *io::TemporaryFolder::create();
  EXPECT_TRUE(LocalStore::create(folder.path("new/deep")));
  EXPECT_TRUE(LocalStore::create(folder.path("new/deep")));
  std::ofstream{folder.path("new/deep/file")} << "x";
  EXPECT_EQ(kind_of(LocalStore::create(folder.path("new/deep"))), ErrorKind::kConflict);
  EXPECT_EQ(kind_of(LocalStore::open(folder.path("absent"))), ErrorKind::kNotFound);
  EXPECT_EQ(kind_of(LocalStore::open(folder.path("new/deep/file"))), ErrorKind::kInvalid);
}

/// What the writer below puts under a key: enough bytes that a torn one would be seen.
std::string body_of(int number) {
  return std::string(20'000, static_cast<char>('a' + number % 26));
}

[[noreturn]] void write_until_killed(const std::string& path) {
  auto store = LocalStore::open(path);
  for (int i = 0; store; ++i) {
    ignore_error((*store)->put("pack/" + std::to_string(1000 + i), as_bytes(body_of(i))), "");
    if (i % 3 == 0) ignore_error((*store)->sync(), "");
  }
  ::_exit(1);
}

// kill -9 at any moment leaves whole objects, and leftovers that the next process can remove.
TEST(LocalStore, HoldsOnlyWholeObjectsAfterAKilledWriter) {
  for (int round = 0; round < 6; ++round) {
    const auto folder = *io::TemporaryFolder::create();
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) write_until_killed(folder.path());
    auto store = *LocalStore::open(folder.path());
    const std::size_t enough = static_cast<std::size_t>(3 + 5 * round);
    while (keys_of(*store).size() < enough) {
    }
    ASSERT_EQ(::kill(writer, SIGKILL), 0);
    ASSERT_EQ(::waitpid(writer, nullptr, 0), writer);

    for (const std::string& key : keys_of(*store))
      EXPECT_EQ(text_of(*store, key), body_of(std::stoi(key.substr(5)) - 1000)) << key;

    EXPECT_TRUE(store->remove_leftovers());
    EXPECT_EQ(*io::list_dir(folder.path("_tmp")), std::vector<std::string>{});
  }
}

}  // namespace
}  // namespace reprieve
