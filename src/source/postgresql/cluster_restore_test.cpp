#include "source/postgresql/cluster_restore.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <map>

#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "io/temporary_folder.hpp"
#include "source/postgresql/facts.hpp"
#include "source/postgresql/memory_snapshot.hpp"
#include "source/postgresql/staged_wal.hpp"
#include "source/postgresql/tree_builder.hpp"

namespace reprieve {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kSegment = 1 << 20;
constexpr std::uint32_t kSpace = 16385;

class TextReader : public ByteReader {
 public:
  explicit TextReader(std::string text) : text_{std::move(text)} {}
  Result<std::size_t> read(MutableByteView out) override {
    const std::size_t taken = std::min(out.size(), text_.size());
    std::memcpy(out.data(), text_.data(), taken);
    text_.erase(0, taken);
    return taken;
  }

 private:
  std::string text_;
};

/// Passes calls on until it has none left; from then on the repository is gone.
class FailingReader : public RestoreReader {
 public:
  FailingReader(RestoreReader& reader, int calls) : reader_{reader}, calls_{calls} {}
  Result<std::vector<Entry>> read_directory(const ListRef& directory) override {
    if (--calls_ < 0) return gone();
    return reader_.read_directory(directory);
  }
  Result<std::vector<ChunkRef>> chunks_of(const Content& content) override {
    if (--calls_ < 0) return gone();
    return reader_.chunks_of(content);
  }
  bool is_chunk(const ChunkId& id, ByteView plaintext) override {
    return reader_.is_chunk(id, plaintext);
  }
  Result<> fetch(std::span<const Request> requests, const Deliver& deliver,
                 const Missing& missing) override {
    if (--calls_ < 0) return gone();
    return reader_.fetch(requests, deliver, missing);
  }
  void report(Problem problem) override { reader_.report(std::move(problem)); }
  Progress& progress() override { return reader_.progress(); }
  const CancelToken& cancel() override { return reader_.cancel(); }

 private:
  static Error gone() { return Error{ErrorKind::kTransient, "the repository is gone"}; }
  RestoreReader& reader_;
  int calls_;
};

/// A small cluster in memory, complete as far as a restore looks.
class ClusterRestoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = io::TemporaryFolder::create();
    ASSERT_TRUE(folder);
    folder_.emplace(*std::move(folder));
    options_.data_directory = folder_->path("data");
    options_.program = "/usr/bin/reprieve";
    options_.tablespaces[kSpace] = folder_->path("space");
    fill_facts();
    files_ = {{"PG_VERSION", "15\n"},
              {"backup_label",
               "START WAL LOCATION: 0/200028 (file 000000010000000000000002)\n"
               "CHECKPOINT LOCATION: 0/200060\nBACKUP FROM: primary\nSTART TIMELINE: 1\n"},
              {"tablespace_map", "16385 /old/space\n"},
              {"postgresql.conf", "port = 5432\n"},
              {"pg_hba.conf", "local all all peer\n"},
              {"pg_ident.conf", ""},
              {"base/", ""},
              {"base/1/", ""},
              {"base/1/100", std::string(100'000, 'r')},
              {"global/", ""},
              {"global/1262", std::string(8192, 'g')},
              {"pg_tblspc/", ""},
              {"pg_wal/", ""},
              {"global/pg_control", control(42)}};
    wal_ = {{"000000010000000000000002", std::string(kSegment, 'w')},
            {"000000010000000000000003", std::string(kSegment, '\0')}};
  }

  static std::string control(std::uint64_t identifier) {
    std::string text(8192, 'c');
    std::memcpy(text.data(), &identifier, sizeof identifier);
    return text;
  }
  void fill_facts() {
    facts_.system_identifier = "42";
    facts_.server_version_num = 150020;
    facts_.timeline = 1;
    facts_.start = Lsn{0x200028};
    facts_.end = Lsn{0x300100};
    facts_.wal_segment_size = kSegment;
  }
  Entry file(const std::string& text) {
    TextReader reader{text};
    Entry entry;
    entry.mode = 0600;
    auto content = snapshot_.put_content(reader, Chunking::kPages);
    if (content) entry.content = *std::move(content);
    return entry;
  }
  static Entry folder() {
    Entry entry;
    entry.type = EntryType::kDirectory;
    entry.mode = 0700;
    return entry;
  }
  Entry tree(const std::string& name,
             const std::vector<std::pair<std::string, std::string>>& files) {
    TreeBuilder builder{snapshot_, folder()};
    for (const auto& [path, text] : files) {
      const bool is_folder = path.ends_with('/');
      EXPECT_TRUE(is_folder ? builder.add(path.substr(0, path.size() - 1), folder())
                            : builder.add(path, file(text)));
    }
    auto root = builder.finish();
    EXPECT_TRUE(root);
    root->name = name;
    return *std::move(root);
  }
  /// The root tree of the recovery point as it is described now. `hostile` joins PGDATA.
  std::vector<Entry> roots(const std::optional<Entry>& hostile = std::nullopt) {
    const Entry space = tree("16385", {{"PG_15_202209061/", ""}, {"PG_15_202209061/7", "seven"}});
    Entry spaces = folder();
    spaces.directory = *snapshot_.put_directory({space});
    Entry data = tree("data", files_);
    if (hostile) {
      auto entries = *snapshot_.read_directory(*data.directory);
      entries.push_back(*hostile);
      data.directory = *snapshot_.put_directory(entries);
    }
    std::vector<Entry> all = {file("{}"), data, file(encode_facts(facts_)), spaces,
                              tree("wal", wal_)};
    all[0].name = "backup_manifest";
    all[2].name = "reprieve.json";
    all[3].name = "tablespaces";
    return all;
  }
  std::string text_of(const std::string& name) const {
    const auto text = io::read_text_file(options_.data_directory + "/" + name, {16 << 20});
    return text ? *text : "(missing)";
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return io::exists(options_.data_directory + "/" + name);
  }

  std::optional<io::TemporaryFolder> folder_;
  MemorySnapshot snapshot_;
  ClusterFacts facts_;
  std::vector<std::pair<std::string, std::string>> files_;
  std::vector<std::pair<std::string, std::string>> wal_;
  ClusterRestoreOptions options_;
};

TEST_F(ClusterRestoreTest, WritesADirectoryThatOnlyHasToBeStarted) {
  const auto summary = restore_cluster(snapshot_, roots(), options_);
  ASSERT_TRUE(summary) << summary.error().what;
  EXPECT_EQ(summary->wal_segments, 2U);
  EXPECT_EQ(summary->end_lsn, "0/300100");
  for (const auto& [path, text] : files_) {
    if (path.ends_with('/') || path == "tablespace_map") continue;
    EXPECT_EQ(text_of(path), text) << path;
  }
  EXPECT_EQ(text_of("tablespace_map"), "16385 " + folder_->path("space") + "\n");
  EXPECT_EQ(text_of("pg_tblspc/16385/PG_15_202209061/7"), "seven");
  EXPECT_EQ(text_of("recovery.signal"), "");
  EXPECT_THAT(text_of("postgresql.auto.conf"), HasSubstr("restore_command"));
  EXPECT_TRUE(has("pg_wal/archive_status"));
  EXPECT_FALSE(has("reprieve.restoring"));
  const auto staged = parse_staged_wal(text_of("reprieve_wal/list.json"));
  ASSERT_TRUE(staged);
  EXPECT_EQ(staged->files.size(), 2U);
  struct stat root {};
  ASSERT_EQ(::stat(options_.data_directory.c_str(), &root), 0);
  EXPECT_EQ(root.st_mode & 0777, 0700U);
}

TEST_F(ClusterRestoreTest, StartsAgainAfterAnInterruptionAtAnyCall) {
  const auto all = roots();
  bool is_done = false;
  for (int calls = 0; !is_done; ++calls) {
    ASSERT_LT(calls, 1000) << "it never finishes";
    SCOPED_TRACE("the repository is gone after call " + std::to_string(calls));
    FailingReader failing{snapshot_, calls};
    is_done = bool{restore_cluster(failing, all, options_)};
    ASSERT_EQ(has("global/pg_control"), is_done) << "half a cluster could be started";
  }
  EXPECT_EQ(text_of("base/1/100"), std::string(100'000, 'r'));
}

TEST_F(ClusterRestoreTest, NamesDamagedFilesAndLeavesNothingThatStarts) {
  const auto all = roots();
  const auto damaged = snapshot_.find(all, "data/base/1/100");
  ASSERT_TRUE(damaged);
  snapshot_.lose(damaged->content);
  const auto failed = restore_cluster(snapshot_, all, options_);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(failed.error().what, HasSubstr("base/1/100"));
  EXPECT_FALSE(has("global/pg_control"));
  snapshot_.heal();
  EXPECT_TRUE(restore_cluster(snapshot_, all, options_));
}

TEST_F(ClusterRestoreTest, RefusesAPointWhoseWalHasAGapBeforeItWritesAnything) {
  wal_.pop_back();
  const auto failed = restore_cluster(snapshot_, roots(), options_);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(io::exists(options_.data_directory));
}

TEST_F(ClusterRestoreTest, RefusesHostileEntries) {
  for (const char* name : {"..", "a/b", "/etc/cron.d/x", "."}) {
    Entry hostile = file("x");
    hostile.name = name;
    const auto failed = restore_cluster(snapshot_, roots(hostile), options_);
    ASSERT_FALSE(failed) << name;
    EXPECT_EQ(failed.error().kind, ErrorKind::kCorrupt);
  }
  Entry link;
  link.type = EntryType::kSymlink;
  link.name = "pg_stat";
  link.target = "/etc";
  EXPECT_FALSE(restore_cluster(snapshot_, roots(link), options_));
  Entry device;
  device.type = EntryType::kCharDevice;
  device.name = "null";
  EXPECT_FALSE(restore_cluster(snapshot_, roots(device), options_));
  EXPECT_FALSE(has("global/pg_control"));
}

TEST_F(ClusterRestoreTest, RefusesAControlFileOfAnotherCluster) {
  files_.back().second = control(43);
  const auto failed = restore_cluster(snapshot_, roots(), options_);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(has("global/pg_control"));
}

TEST_F(ClusterRestoreTest, DoesNotInheritTheRecoveryOfAStandby) {
  files_.insert(files_.begin(), {{"standby.signal", "old"},
                                 {"recovery.signal", "old"},
                                 {"reprieve_wal/", ""},
                                 {"reprieve_wal/000000010000000000000002", "old"}});
  ASSERT_TRUE(restore_cluster(snapshot_, roots(), options_));
  EXPECT_FALSE(has("standby.signal"));
  EXPECT_EQ(text_of("recovery.signal"), "");
  EXPECT_EQ(text_of("reprieve_wal/000000010000000000000002"), std::string(kSegment, 'w'));
}

TEST_F(ClusterRestoreTest, TouchesNothingInADryRun) {
  const auto all = roots();
  options_.is_dry_run = true;
  const auto dry = restore_cluster(snapshot_, all, options_);
  ASSERT_TRUE(dry);
  EXPECT_FALSE(io::exists(options_.data_directory));
  EXPECT_GT(dry->bytes, 2 * kSegment);
}

TEST_F(ClusterRestoreTest, ReplacesItsOwnClusterAndTablespaceOnlyWhenTold) {
  const auto all = roots();
  ASSERT_TRUE(restore_cluster(snapshot_, all, options_));
  const std::string stale = options_.data_directory + "/base/stale";
  ASSERT_TRUE(io::write_file_durably(stale, as_bytes("x")));
  const auto refused = restore_cluster(snapshot_, all, options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  options_.is_replacing = true;
  ASSERT_TRUE(restore_cluster(snapshot_, all, options_));
  EXPECT_FALSE(io::exists(stale));
  EXPECT_EQ(text_of("pg_tblspc/16385/PG_15_202209061/7"), "seven");
}

/// A cluster that was restored, went on for a while, and is to go back to its point by a delta.
class ClusterDeltaTest : public ClusterRestoreTest {
 protected:
  void SetUp() override {
    ClusterRestoreTest::SetUp();
    all_ = roots();
    const auto restored = restore_cluster(snapshot_, all_, options_);
    ASSERT_TRUE(restored) << restored.error().what;
    expected_ = listing();
    options_.is_delta = true;
  }
  void put(const std::string& path, std::string_view text) const {
    ASSERT_TRUE(io::create_directories_durably(io::parent_of(path)));
    ASSERT_TRUE(io::write_file_durably(path, as_bytes(text)));
  }
  [[nodiscard]] std::string at(const std::string& name) const {
    return options_.data_directory + "/" + name;
  }
  /// What a server, an administrator and time do to a cluster.
  void let_time_pass() const {
    std::string changed(100'000, 'r');
    changed[40'000] = 'x';
    put(at("base/1/100"), changed);
    put(at("base/1/101"), "a new table");
    put(at("base/2/100"), "a new database");
    put(at("global/1262"), std::string(16'384, 'g'));
    put(at("postmaster.pid"), "1\n/old\n");
    put(at("standby.signal"), "");
    put(folder_->path("space/PG_15_202209061/8"), "a new table there");
    put(folder_->path("space/PG_14_202107181/8"), "an older cluster");
    ASSERT_TRUE(io::remove_tree(at("reprieve_wal")));
    ASSERT_TRUE(io::remove_tree(at("PG_VERSION")));
    put(folder_->path("elsewhere"), "not the cluster's");
    ASSERT_EQ(::symlink(folder_->path("elsewhere").c_str(), at("PG_VERSION").c_str()), 0);
    ASSERT_TRUE(io::remove_tree(at("pg_hba.conf")));
    ASSERT_EQ(::link(folder_->path("elsewhere").c_str(), at("pg_hba.conf").c_str()), 0);
  }
  /// Every path below the data directory and the tablespace with what it is.
  [[nodiscard]] std::map<std::string, std::string> listing() const {
    std::map<std::string, std::string> found;
    for (const std::string& root : {options_.data_directory, folder_->path("space")}) {
      for (const auto& item : std::filesystem::recursive_directory_iterator{root}) {
        struct stat status {};
        EXPECT_EQ(::lstat(item.path().c_str(), &status), 0);
        std::string& what = found[item.path().string()];
        what = fmt::format("{:o} {} ", status.st_mode, status.st_nlink);
        if (item.is_symlink())
          what += std::filesystem::read_symlink(item.path()).string();
        else if (item.is_regular_file())
          what += *io::read_text_file(item.path().string(), {16 << 20});
        if (item.is_directory()) what = "directory";
      }
    }
    return found;
  }
  /// The same but for what is kept on purpose.
  [[nodiscard]] std::map<std::string, std::string> restored_listing() const {
    auto found = listing();
    std::erase_if(found, [](const auto& item) {
      return item.first.find("/pg_wal/before-restore") != std::string::npos ||
             item.first.find("PG_14") != std::string::npos;
    });
    return found;
  }

  std::vector<Entry> all_;
  std::map<std::string, std::string> expected_;
};

TEST_F(ClusterDeltaTest, WritesOnlyWhatDiffersAndRemovesWhatIsTooMuch) {
  let_time_pass();

  const auto summary = restore_cluster(snapshot_, all_, options_);

  ASSERT_TRUE(summary) << summary.error().what;
  EXPECT_EQ(restored_listing(), expected_);
  EXPECT_EQ(*io::read_text_file(folder_->path("elsewhere"), {100}), "not the cluster's");
  EXPECT_EQ(*io::read_text_file(folder_->path("space/PG_14_202107181/8"), {100}),
            "an older cluster");
  EXPECT_EQ(summary->bytes_kept, 100'000U - 32 * 1024 + 8192);
  EXPECT_LT(summary->bytes_written, 2 * kSegment + 60'000);
  EXPECT_GT(summary->files_unchanged, 0U);
  EXPECT_EQ(summary->files, summary->files_written + summary->files_unchanged);
  EXPECT_EQ(summary->deleted, 12U) << "seven, and five that every restore makes anew";
}

TEST_F(ClusterDeltaTest, FindsAChangeThatLeftSizeAndTimeAsTheyWere) {
  struct stat before {};
  ASSERT_EQ(::stat(at("global/1262").c_str(), &before), 0);
  put(at("global/1262"), std::string(8191, 'g') + "G");
  const std::array<timespec, 2> times{before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, at("global/1262").c_str(), times.data(), 0), 0);

  ASSERT_TRUE(restore_cluster(snapshot_, all_, options_));

  EXPECT_EQ(text_of("global/1262"), std::string(8192, 'g'));
}

TEST_F(ClusterDeltaTest, IsGoneOnWithAfterAnInterruptionAtAnyCall) {
  let_time_pass();
  put(at("pg_wal/000000010000000000000007"), "log");
  bool is_done = false;
  for (int calls = 0; !is_done; ++calls) {
    ASSERT_LT(calls, 1000) << "it never finishes";
    SCOPED_TRACE("the repository is gone after call " + std::to_string(calls));
    FailingReader failing{snapshot_, calls};
    const bool was_claimed = has("reprieve.restoring");
    is_done = bool{restore_cluster(failing, all_, options_)};
    ASSERT_EQ(has("global/pg_control"), is_done || (!was_claimed && !has("reprieve.restoring")))
        << "half a cluster could be started";
  }
  EXPECT_EQ(restored_listing(), expected_);
  EXPECT_EQ(text_of("pg_wal/before-restore/000000010000000000000007"), "log");
  EXPECT_FALSE(has("pg_wal/before-restore.2"));
}

TEST_F(ClusterDeltaTest, SaysInADryRunWhatItWouldDo) {
  let_time_pass();
  put(at("pg_wal/000000010000000000000007"), "log");
  const auto before = listing();
  options_.is_dry_run = true;
  const auto dry = restore_cluster(snapshot_, all_, options_);
  ASSERT_TRUE(dry) << dry.error().what;
  EXPECT_EQ(listing(), before);
  options_.is_dry_run = false;

  const auto done = restore_cluster(snapshot_, all_, options_);

  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(dry->files, done->files);
  EXPECT_EQ(dry->bytes, done->bytes);
  EXPECT_EQ(dry->files_written, done->files_written);
  EXPECT_EQ(dry->bytes_written, done->bytes_written);
  EXPECT_EQ(dry->bytes_kept, done->bytes_kept);
  EXPECT_EQ(dry->deleted, done->deleted);
  EXPECT_EQ(dry->wal_segments, done->wal_segments);
  EXPECT_EQ(dry->old_wal.folder, done->old_wal.folder);
  EXPECT_EQ(dry->old_wal.files, done->old_wal.files);
}

TEST_F(ClusterDeltaTest, KeepsTheOldLogOfEachTime) {
  put(at("pg_wal/000000010000000000000007"), "first");
  put(at("pg_wal/archive_status/000000010000000000000007.ready"), "");
  put(at("pg_wal/xlogtemp.77"), "rubbish");
  const auto first = restore_cluster(snapshot_, all_, options_);
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_EQ(first->old_wal.folder, at("pg_wal/before-restore"));
  EXPECT_EQ(first->old_wal.files, 1U);
  EXPECT_THAT(first->notes, ::testing::Contains(HasSubstr(first->old_wal.folder)));
  put(at("pg_wal/00000002.history"), "second");

  const auto second = restore_cluster(snapshot_, all_, options_);

  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(second->old_wal.folder, at("pg_wal/before-restore.2"));
  EXPECT_EQ(text_of("pg_wal/before-restore/000000010000000000000007"), "first");
  EXPECT_TRUE(has("pg_wal/before-restore/archive_status/000000010000000000000007.ready"));
  EXPECT_EQ(text_of("pg_wal/before-restore.2/00000002.history"), "second");
  EXPECT_EQ(restored_listing(), expected_);
  const auto third = restore_cluster(snapshot_, all_, options_);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->old_wal.files, 0U) << "there was none";
}

TEST_F(ClusterDeltaTest, LeavesALogOnADiskOfItsOwnThere) {
  const std::string disk = folder_->path("disk");
  put(disk + "/000000010000000000000007", "log");
  put(disk + "/somebody's", "else");
  ASSERT_TRUE(io::remove_tree(at("pg_wal")));
  ASSERT_EQ(::symlink(disk.c_str(), at("pg_wal").c_str()), 0);
  struct stat data {};
  ASSERT_EQ(::stat(options_.data_directory.c_str(), &data), 0);
  ASSERT_EQ(::chown(disk.c_str(), data.st_uid, data.st_gid), 0);

  const auto summary = restore_cluster(snapshot_, all_, options_);

  ASSERT_TRUE(summary) << summary.error().what;
  EXPECT_TRUE(std::filesystem::is_symlink(at("pg_wal")));
  EXPECT_TRUE(io::exists(disk + "/archive_status"));
  EXPECT_EQ(*io::read_text_file(disk + "/before-restore/000000010000000000000007", {9}), "log");
  EXPECT_FALSE(io::exists(disk + "/000000010000000000000007"));
  EXPECT_TRUE(io::exists(disk + "/somebody's")) << "what is linked to is not ours to clear";
}

TEST_F(ClusterDeltaTest, RefusesAnotherClusterAndLeavesItAlone) {
  put(at("global/pg_control"), control(43));
  const auto before = listing();
  const auto refused = restore_cluster(snapshot_, all_, options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(refused.error().what, HasSubstr("another cluster"));
  EXPECT_EQ(listing(), before);
}

TEST_F(ClusterDeltaTest, IsAPlainRestoreWhereNothingIs) {
  ASSERT_TRUE(io::remove_tree(options_.data_directory));
  ASSERT_TRUE(io::remove_tree(folder_->path("space")));
  const auto summary = restore_cluster(snapshot_, all_, options_);
  ASSERT_TRUE(summary) << summary.error().what;
  EXPECT_EQ(summary->bytes_written, summary->bytes);
  EXPECT_EQ(listing(), expected_);
}

TEST_F(ClusterDeltaTest, TakesATablespaceElsewhereAndSaysWhatItLeaves) {
  options_.tablespaces[kSpace] = folder_->path("other space");
  const auto summary = restore_cluster(snapshot_, all_, options_);
  ASSERT_TRUE(summary) << summary.error().what;
  EXPECT_EQ(text_of("pg_tblspc/16385/PG_15_202209061/7"), "seven");
  EXPECT_EQ(std::filesystem::read_symlink(at("pg_tblspc/16385")), folder_->path("other space"));
  EXPECT_THAT(summary->notes, ::testing::Contains(HasSubstr(folder_->path("space"))));
}

TEST_F(ClusterRestoreTest, ChecksItsOptions) {
  const auto all = roots();
  auto relative = options_;
  relative.data_directory = "data";
  EXPECT_EQ(restore_cluster(snapshot_, all, relative).error().kind, ErrorKind::kInvalid);
  auto unknown = options_;
  unknown.tablespaces[99] = "/x";
  EXPECT_EQ(restore_cluster(snapshot_, all, unknown).error().kind, ErrorKind::kInvalid);
  auto inside = options_;
  inside.tablespaces[kSpace] = options_.data_directory + "/space";
  EXPECT_EQ(restore_cluster(snapshot_, all, inside).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace reprieve
