#include "backup/erase.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "backup/backup.hpp"
#include "backup/repository_reader.hpp"
#include "io/temporary_folder.hpp"
#include "repository/prune.hpp"
#include "source/filesystem/capture.hpp"
#include "storage/faulty/crashing_store.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve::backup {
namespace {

using repository::Repository;
using repository::Snapshot;
using Outcome = EraseReport::Outcome;

/// Paths below the source, with the contents of files.
using Files = std::map<std::string, std::string>;

class Erase : public ::testing::Test {
 protected:
  Erase() {
    auto made = io::TemporaryFolder::create();
    EXPECT_TRUE(made);
    folder_.emplace(*std::move(made));
    source_ = folder_->path() + "/source";
    EXPECT_TRUE(Repository::create(disk_, key(), random_, clock_));
    for (const char* name : {"monday", "tuesday", "wednesday"}) {
      fill(name);
      back_up_source(name);
      clock_.sleep_for(std::chrono::hours{24});
    }
  }

  static repository::UnlockKey key() {
    return {Secret{}, Secret::copy_of(as_bytes("0123456789abcdef0123456789abcdef"))};
  }
  Result<std::unique_ptr<Repository>> open(ObjectStore& store) {
    return Repository::open(store, key(), random_, clock_, {});
  }
  std::unique_ptr<Repository> open() {
    auto opened = open(disk_);
    EXPECT_TRUE(opened) << opened.error().what;
    return *std::move(opened);
  }
  void fill(const std::string& day) const {
    const std::string deep = source_ + "/people/huber";
    std::filesystem::create_directories(deep);
    std::ofstream{deep + "/passport"} << std::string(3000, 'p') << "of Mrs Huber";
    std::ofstream{deep + "/inline"} << "a small secret";
    std::ofstream{deep + "/letter"} << std::string(2000, 'l') << day;
    std::ofstream{source_ + "/people/list"} << std::string(5000, 'x') << day;
    std::ofstream{source_ + "/other"} << std::string(3000, 'p') << "of Mrs Huber";
  }
  Snapshot back_up_source(const std::string& name) {
    CaptureOptions options;
    options.paths = {source_};
    FilesystemSource capturer{options};
    Progress progress;
    repository::Description description;
    description.source = "files";
    description.kind = "files";
    description.name = name;
    description.tags = {"weekly"};
    description.paths = {source_};
    auto outcome = back_up(
        *open(), capturer, description, [](repository::Description&) {}, {}, progress, cancel_);
    EXPECT_TRUE(outcome) << outcome.error().what;
    return outcome ? outcome->snapshot : Snapshot{};
  }
  std::map<ObjectKey, Bytes> all_objects() {
    std::map<ObjectKey, Bytes> objects;
    EXPECT_TRUE(disk_.list("", [&](const ObjectInfo& object) -> Result<> {
      objects[object.key];
      return kOk;
    }));
    for (auto& [key, body] : objects)
      body = *disk_.get(key, ByteCount{1 << 30});
    return objects;
  }
  void put_back(const std::map<ObjectKey, Bytes>& objects) {
    for (const auto& [key, body] : all_objects())
      EXPECT_TRUE(disk_.remove(key));
    for (const auto& [key, body] : objects)
      EXPECT_TRUE(disk_.put(key, body));
    EXPECT_TRUE(disk_.sync());
  }
  Result<EraseReport> run(Repository& as, const std::string& path, bool is_dry_run = false) {
    Progress progress;
    EraseOptions options;
    options.path = path;
    options.is_dry_run = is_dry_run;
    return erase(as, options, progress, cancel_);
  }
  std::vector<Snapshot> points() {
    const auto list = open()->snapshots();
    EXPECT_TRUE(list);
    EXPECT_TRUE(list->damaged.empty());
    return list->snapshots;
  }
  /// Everything in a point, read as a restore reads it.
  Files files_in(const Snapshot& point) {
    const auto repository = open();
    Progress progress;
    RepositoryReader reader{*repository, progress, cancel_};
    Files files;
    const std::function<void(const std::vector<Entry>&, const std::string&)> walk =
        [&](const std::vector<Entry>& entries, const std::string& above) {
          for (const Entry& entry : entries) {
            if (entry.type == EntryType::kDirectory) {
              const auto below = reader.read_directory(*entry.directory);
              ASSERT_TRUE(below) << below.error().what;
              walk(*below, above + entry.name + "/");
              continue;
            }
            files[above + entry.name] = text_of(reader, entry.content);
          }
        };
    const auto roots = reader.roots_of(point);
    EXPECT_TRUE(roots) << roots.error().what;
    if (roots) walk(*roots, "");
    return files;
  }
  static std::string text_of(RepositoryReader& reader, const Content& content) {
    std::string text{as_text(content.inline_bytes)};
    for (const ChunkRef& chunk : content.chunks) {
      const RestoreReader::Request request{chunk, 0, 0};
      const auto fetched = reader.fetch(
          {&request, 1},
          [&](const RestoreReader::Request&, ByteView bytes) -> Result<> {
            text += as_text(bytes);
            return kOk;
          },
          [](const RestoreReader::Request&, const Error& error) -> Result<> { return error; });
      EXPECT_TRUE(fetched) << fetched.error().what;
    }
    return text;
  }
  /// What each point is to hold, by its name, without `gone` and what is below it.
  std::map<std::string, Files> wanted_without(const std::string& gone) {
    std::map<std::string, Files> wanted;
    for (const Snapshot& point : points()) {
      Files files = files_in(point);
      std::erase_if(files, [&](const auto& file) {
        return file.first == gone || file.first.starts_with(gone + "/");
      });
      wanted[point.description.name] = std::move(files);
    }
    return wanted;
  }
  void expect_points(const std::map<std::string, Files>& wanted) {
    const auto now = points();
    EXPECT_EQ(now.size(), wanted.size());
    for (const Snapshot& point : now)
      EXPECT_EQ(files_in(point), wanted.at(point.description.name)) << point.description.name;
  }

  std::optional<io::TemporaryFolder> folder_;
  std::string source_;
  ManualClock clock_{Instant{1'700'000'000'000'000'000}};
  SeededRandom random_{3};
  CancelToken cancel_;
  MemoryStore disk_;
};

TEST_F(Erase, TakesAFileOutOfEveryPointAndLeavesAllElseAsItWas) {
  const std::string path = source_ + "/people/huber/letter";
  const auto wanted = wanted_without(path);
  const auto before = points();
  const auto report = run(*open(), path);
  ASSERT_TRUE(report) << report.error().what;
  ASSERT_EQ(report->points.size(), 3U);
  const auto after = points();
  ASSERT_EQ(after.size(), 3U);
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(report->points[i].outcome, Outcome::kErased);
    EXPECT_EQ(report->points[i].original.id, before[i].id);
    EXPECT_EQ(report->points[i].replacement, after[i].id.hex());
    EXPECT_EQ(report->points[i].files, 1U);
    EXPECT_EQ(after[i].time, before[i].time);
    EXPECT_EQ(after[i].description.name, before[i].description.name);
    EXPECT_EQ(after[i].description.tags, before[i].description.tags);
    EXPECT_EQ(after[i].description.data_time, before[i].description.data_time);
    EXPECT_EQ(after[i].statistics.files, before[i].statistics.files - 1);
    EXPECT_EQ(after[i].description.replaces->id, before[i].id);
  }
  EXPECT_EQ(report->chunks, 3U);
  EXPECT_EQ(report->chunks_needed, 0U);
  expect_points(wanted);
}

TEST_F(Erase, TakesAFolderWithAllThatIsInIt) {
  const std::string path = source_ + "/people/huber";
  const auto wanted = wanted_without(path);
  const auto report = run(*open(), path);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->points[0].files, 3U);
  EXPECT_EQ(report->points[0].directories, 1U);
  expect_points(wanted);
}

TEST_F(Erase, TellsWhatIsPartOfOtherFilesToo) {
  const auto report = run(*open(), source_ + "/people/huber/passport");
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->chunks, 1U);
  EXPECT_EQ(report->chunks_needed, 1U) << "`other` has the same bytes";
}

TEST_F(Erase, SaysWhatItWouldDoAndDoesNothing) {
  const auto before = all_objects();
  const auto report = run(*open(), source_ + "/people/huber/letter", true);
  ASSERT_TRUE(report) << report.error().what;
  ASSERT_EQ(report->points.size(), 3U);
  EXPECT_EQ(report->points[0].outcome, Outcome::kWouldBeErased);
  EXPECT_EQ(all_objects(), before);
}

TEST_F(Erase, LeavesAHeldPointAndSaysSo) {
  const auto before = points();
  ASSERT_TRUE(repository::hold_point(*open(), before[1].id, "trial in Graz"));
  const std::string path = source_ + "/people/huber/letter";
  const auto report = run(*open(), path);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->points[0].outcome, Outcome::kErased);
  EXPECT_EQ(report->points[1].outcome, Outcome::kHeld);
  EXPECT_EQ(points()[1].id, before[1].id);
  EXPECT_TRUE(files_in(points()[1]).contains(path));
  ASSERT_TRUE(repository::release_point(*open(), before[1].id));
  const auto again = run(*open(), path);
  ASSERT_TRUE(again) << again.error().what;
  ASSERT_EQ(again->points.size(), 1U);
  EXPECT_EQ(again->points[0].outcome, Outcome::kErased);
  EXPECT_FALSE(files_in(points()[1]).contains(path));
}

TEST_F(Erase, TwiceKeepsTheFirstTimeAndPlace) {
  const auto before = points();
  ASSERT_TRUE(run(*open(), source_ + "/people/huber/letter"));
  EXPECT_EQ(run(*open(), source_ + "/people/huber/letter").error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(run(*open(), source_ + "/people/list"));
  const auto after = points();
  ASSERT_EQ(after.size(), 3U);
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].time, before[i].time);
    EXPECT_EQ(series_place(after[i]).seq, before[i].seq);
    EXPECT_EQ(series_place(after[i]).writer, before[i].writer);
  }
}

TEST_F(Erase, IsNotTakenForANewPointByRetention) {
  ASSERT_TRUE(run(*open(), source_ + "/people/huber/letter"));
  repository::PruneOptions options;
  options.rules["files"] = {repository::RetentionRule{.last = 1, .min_age = Duration{0}}};
  const auto pruned = repository::prune(*open(), options, cancel_);
  ASSERT_TRUE(pruned) << pruned.error().what;
  EXPECT_EQ(pruned->points_removed, 2U);
  const auto left = points();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].description.name, "wednesday");
  EXPECT_EQ(files_in(left[0]).size(), 4U);
}

TEST_F(Erase, RefusesAPathThatIsNotThereOrNotWhole) {
  EXPECT_EQ(run(*open(), source_ + "/people/nobody").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(run(*open(), source_ + "/people/list/below").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(run(*open(), source_ + "-else/people").error().kind, ErrorKind::kNotFound);
  for (const char* path : {"", "/", "people/list", "/srv/"})
    EXPECT_EQ(run(*open(), path).error().kind, ErrorKind::kInvalid) << path;
}

TEST_F(Erase, StoppedAtAnyWriteLosesNothingAndTheNextCallEndsIt) {
  const std::string path = source_ + "/people/huber/letter";
  const auto wanted = wanted_without(path);
  const auto start = all_objects();
  for (const CrashingCall last_call : {CrashingCall::kUndone, CrashingCall::kDone}) {
    bool has_finished = false;
    for (int writes = 0; !has_finished; ++writes) {
      ASSERT_LT(writes, 200);
      put_back(start);
      CrashingStore store{
          disk_,
          writes,
          {UnsyncedAtCrash::kByChance, last_call, static_cast<std::uint64_t>(writes) + 1}};
      {
        const auto repository = open(store);
        ASSERT_TRUE(repository);
        has_finished = bool{run(**repository, path)};
        EXPECT_NE(has_finished, store.has_crashed());
      }
      disk_.lose_unsynced();
      for (const Snapshot& point : points()) {
        Files files = files_in(point);
        files.erase(path);
        EXPECT_EQ(files, wanted.at(point.description.name)) << "after " << writes << " writes";
      }
      const auto again = run(*open(), path);
      EXPECT_TRUE(again || again.error().kind == ErrorKind::kNotFound) << again.error().what;
      expect_points(wanted);
    }
  }
}

}  // namespace
}  // namespace reprieve::backup
