#include "backup/verify_restore.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "backup/backup.hpp"
#include "backup/repository_reader.hpp"
#include "io/temporary_folder.hpp"
#include "source/filesystem/capture.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve::backup {
namespace {

class TestRestore : public ::testing::Test {
 protected:
  TestRestore() {
    source_ = folder_.path("source");
    std::filesystem::create_directories(source_ + "/below");
    EXPECT_TRUE(repository::Repository::create(store_, key(), random_, clock_));
  }
  static repository::UnlockKey key() {
    return {Secret{}, Secret::copy_of(as_bytes("0123456789abcdef0123456789abcdef"))};
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream{source_ + "/" + name} << text;
  }
  /// A file with a hole between two texts.
  void write_sparse(const std::string& name, const std::string& text) const {
    std::ofstream file{source_ + "/" + name};
    file << text;
    file.seekp(4 << 20);
    file << text;
  }
  void back_up_source() {
    auto opened = repository::Repository::open(store_, key(), random_, clock_, {});
    ASSERT_TRUE(opened);
    repository_ = *std::move(opened);
    CaptureOptions options;
    options.paths = {source_};
    FilesystemSource capturer{options};
    Progress progress;
    auto outcome = back_up(
        *repository_, capturer, {}, [](repository::Description&) {}, {}, progress, cancel_);
    ASSERT_TRUE(outcome) << outcome.error().what;
    point_ = outcome->snapshot;
  }
  RestoreCheck check(const RestoreSample& sample, std::uint64_t seed = 1) {
    Progress progress;
    RepositoryReader reader{*repository_, progress, cancel_};
    const auto roots = reader.roots_of(point_);
    EXPECT_TRUE(roots);
    SeededRandom random{seed};
    auto checked = check_restore(reader, *roots, sample,
                                 folder_.path("out" + std::to_string(++runs_)), random);
    EXPECT_TRUE(checked) << (checked ? "" : checked.error().what);
    return checked ? *std::move(checked) : RestoreCheck{};
  }

  io::TemporaryFolder folder_ = *io::TemporaryFolder::create();
  std::string source_;
  MemoryStore store_;
  SeededRandom random_{7};
  ManualClock clock_{Instant{1'700'000'000'000'000'000}};
  CancelToken cancel_;
  std::unique_ptr<repository::Repository> repository_;
  repository::Snapshot point_;
  int runs_ = 0;
};

TEST_F(TestRestore, ComparesEveryFileIfTheSampleIsLargeEnough) {
  write("inline", "short");
  write("empty", "");
  write("below/long", std::string(700'000, 'x'));
  write_sparse("sparse", std::string(70'000, 'y'));
  back_up_source();
  const RestoreCheck checked = check({});
  EXPECT_EQ(checked.files, 4U);
  EXPECT_EQ(checked.files_in_point, 4U);
  EXPECT_TRUE(checked.damages.empty()) << checked.damages.front().what;
}

TEST_F(TestRestore, StaysWithinItsLimitsAndDrawsOthersNextTime) {
  for (int i = 0; i < 20; ++i)
    write("file" + std::to_string(i), std::string(static_cast<std::size_t>(1000 + i), 'x'));
  write("large", std::string(50'000, 'z'));
  back_up_source();
  EXPECT_EQ(check({.files_max = 5, .bytes_max = 1 << 20}).files, 5U);
  const RestoreCheck small = check({.files_max = 21, .bytes_max = 5'000});
  EXPECT_LE(small.bytes, 5'000U);
  EXPECT_GE(small.files, 3U);
  std::set<std::uint64_t> sums;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    sums.insert(check({.files_max = 5, .bytes_max = 40'000}, seed).bytes);
  EXPECT_GT(sums.size(), 1U);
}

TEST_F(TestRestore, NamesWhatDidNotComeBack) {
  write("a", std::string(100'000, 'a'));
  write("b", std::string(100'001, 'b'));
  back_up_source();
  // Every pack of data loses its frames, and more than parity can give back.
  std::vector<ObjectKey> packs;
  ASSERT_TRUE(store_.list("pack/", [&](const ObjectInfo& object) -> Result<> {
    packs.push_back(object.key);
    return kOk;
  }));
  Progress progress;
  RepositoryReader reader{*repository_, progress, cancel_};
  const auto roots = reader.roots_of(point_);
  ASSERT_TRUE(roots);
  const auto below = reader.read_directory(*roots->front().directory);
  ASSERT_TRUE(below);
  for (const ObjectKey& pack : packs)
    ASSERT_TRUE(store_.damage(pack, [](Bytes& bytes) {
      for (std::size_t i = 0; i < bytes.size(); i += 16)
        bytes[i] ^= std::byte{1};
    }));
  SeededRandom random{1};
  std::vector<Entry> files = *below;
  std::erase_if(files, [](const Entry& entry) { return entry.type != EntryType::kFile; });
  const auto checked = check_restore(reader, files, {}, folder_.path("out"), random);
  ASSERT_TRUE(checked) << checked.error().what;
  std::set<std::string> paths;
  for (const Problem& damage : checked->damages)
    paths.insert(damage.path);
  EXPECT_EQ(paths, (std::set<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace reprieve::backup
