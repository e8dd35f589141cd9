#include "source/postgresql/staged_wal.hpp"

#include <gtest/gtest.h>

#include "crypto/crypto.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "io/temporary_folder.hpp"

namespace reprieve {
namespace {

constexpr std::uint64_t kSegment = 1ULL << 20;
constexpr const char* kSecond = "000000020000000000000005";
constexpr const char* kThird = "000000020000000000000006";

class StagedWalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = io::TemporaryFolder::create();
    ASSERT_TRUE(folder);
    folder_.emplace(*std::move(folder));
    from_ = folder_->path("it's 100% reprieve_wal");
    ASSERT_TRUE(io::create_directories_durably(from_));
    add(kSecond, std::string(kSegment, 'b'));
    add(kThird, std::string(kSegment, 'c'));
    add("00000002.history", "1\t0/500000\tno recovery target specified\n");
    write_list();
  }
  void add(const std::string& name, const std::string& content) {
    staged_.files[name] = {content.size(), to_hex(crypto::sha256(as_bytes(content)))};
    ASSERT_TRUE(io::write_file_durably(from_ + "/" + name, as_bytes(content)));
  }
  void write_list() {
    ASSERT_TRUE(io::write_file_durably(from_ + "/list.json", as_bytes(encode_staged_wal(staged_))));
  }
  int fetch(const std::string& name) {
    return fetch_staged(from_, name, folder_->path("RECOVERYXLOG")).exit_status;
  }
  bool is_delivered() const { return io::exists(folder_->path("RECOVERYXLOG")); }

  std::optional<io::TemporaryFolder> folder_;
  std::string from_;
  StagedWal staged_{2, kSegment, {}};
};

TEST_F(StagedWalTest, DeliversWhatIsListed) {
  EXPECT_EQ(fetch(kThird), kWalServed);
  const auto bytes = io::read_text_file(folder_->path("RECOVERYXLOG"), {2 * kSegment});
  ASSERT_TRUE(bytes);
  EXPECT_EQ(*bytes, std::string(kSegment, 'c'));
  EXPECT_EQ(fetch("00000002.history"), kWalServed);
}

TEST_F(StagedWalTest, EndsRecoveryOnlyBehindTheLastSegment) {
  EXPECT_EQ(fetch("000000020000000000000007"), kWalAbsent);
  EXPECT_EQ(fetch("00000003.history"), kWalAbsent);
  EXPECT_EQ(fetch("000000010000000000000007"), kWalAbsent);
  EXPECT_FALSE(is_delivered());
}

TEST_F(StagedWalTest, StopsTheServerInAnyDoubt) {
  EXPECT_EQ(fetch("000000020000000000000004"), kWalDoubt) << "before the first segment";
  EXPECT_EQ(fetch("000000010000000000000005"), kWalDoubt) << "another timeline";
  EXPECT_EQ(fetch("../../etc/passwd"), kWalDoubt);
  EXPECT_EQ(fetch(""), kWalDoubt);
  EXPECT_EQ(fetch("list.json"), kWalDoubt);
  EXPECT_FALSE(is_delivered());
}

TEST_F(StagedWalTest, DoesNotDeliverChangedBytes) {
  ASSERT_TRUE(io::write_file_durably(from_ + "/" + kThird, as_bytes(std::string(kSegment, 'x'))));
  EXPECT_EQ(fetch(kThird), kWalDoubt);
  EXPECT_FALSE(is_delivered());
}

TEST_F(StagedWalTest, DoesNotTakeALostFileForTheEnd) {
  ASSERT_TRUE(io::remove_tree(from_ + "/" + kThird));
  EXPECT_EQ(fetch(kThird), kWalDoubt);
  ASSERT_TRUE(io::remove_tree(from_ + "/list.json"));
  EXPECT_EQ(fetch("000000020000000000000007"), kWalDoubt);
}

TEST_F(StagedWalTest, RemovesTheFolderOnceAndForAll) {
  EXPECT_EQ(finish_staged(from_).exit_status, kWalServed);
  EXPECT_FALSE(io::exists(from_));
  EXPECT_EQ(finish_staged(from_).exit_status, kWalServed);
}

TEST_F(StagedWalTest, LeavesAFolderThatHoldsSomethingElse) {
  ASSERT_TRUE(io::write_file_durably(from_ + "/precious", as_bytes("x")));
  EXPECT_EQ(finish_staged(from_).exit_status, kWalDoubt);
  EXPECT_TRUE(io::exists(from_ + "/precious"));
}

TEST_F(StagedWalTest, HoldsWhatWasWrittenOnSeveralTimelines) {
  StagedWal two = staged_;
  two.timeline = 3;
  two.files["000000030000000000000006"] = two.files[kThird];
  two.files["000000030000000000000007"] = two.files[kThird];
  ASSERT_TRUE(parse_staged_wal(encode_staged_wal(two)));
  EXPECT_EQ(decide_staged(two, "000000030000000000000006").exit_status, kWalServed);
  EXPECT_EQ(decide_staged(two, "000000030000000000000008").exit_status, kWalAbsent);
  EXPECT_EQ(decide_staged(two, "000000020000000000000007").exit_status, kWalAbsent);
  EXPECT_EQ(decide_staged(two, "000000030000000000000005").exit_status, kWalDoubt);
  two.files["000000030000000000000009"] = two.files[kThird];
  EXPECT_FALSE(parse_staged_wal(encode_staged_wal(two)));
}

TEST_F(StagedWalTest, RefusesAListWithAGap) {
  EXPECT_TRUE(parse_staged_wal(encode_staged_wal(staged_)));
  StagedWal gap = staged_;
  gap.files["000000020000000000000008"] = gap.files[kThird];
  EXPECT_FALSE(parse_staged_wal(encode_staged_wal(gap)));
  StagedWal foreign = staged_;
  foreign.files["000000030000000000000007"] = foreign.files[kThird];
  EXPECT_FALSE(parse_staged_wal(encode_staged_wal(foreign)));
  EXPECT_FALSE(parse_staged_wal("{}"));
  EXPECT_FALSE(parse_staged_wal(encode_staged_wal({2, kSegment, {}})));
}

}  // namespace
}  // namespace reprieve
