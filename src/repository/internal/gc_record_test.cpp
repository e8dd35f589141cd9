#include "repository/internal/gc_record.hpp"

#include <gtest/gtest.h>

#include "repository/internal/record.hpp"
#include "repository/internal/session_record.hpp"
#include "repository/internal/test_keys.hpp"
#include "storage/memory/memory_store.hpp"

namespace reprieve::repository {
namespace {

class GcRecordTest : public ::testing::Test {
 protected:
  PackId pack(std::uint8_t number) {
    PackId id;
    id.bytes.fill(std::byte{number});
    return id;
  }
  void put_plan(std::uint64_t n, std::vector<PackId> condemned, std::vector<PackId> taken_back) {
    const GcPlan plan{.repository = keys_.repository_id(),
                      .n = n,
                      .pruner = keys_.writer_id(),
                      .marked = {},
                      .condemned = std::move(condemned),
                      .taken_back = std::move(taken_back)};
    ASSERT_TRUE(store_.put(gc_key(n), encode_twin(encode_gc_plan(plan, keys_.signing_key()))));
  }
  ObjectKey put_tomb(const Tomb& tomb) {
    const Bytes record = encode_tomb(tomb, keys_.signing_key());
    const ObjectKey key = id_key(kTombPrefix, crypto::sha256(record));
    REPRIEVE_ASSERT(store_.put(key, encode_twin(record)));
    return key;
  }
  [[nodiscard]] Tomb session_tomb(const SessionId& session) const {
    Tomb tomb;
    tomb.repository = keys_.repository_id();
    tomb.signer = keys_.writer_id();
    tomb.session = session;
    tomb.time = Instant{5};
    return tomb;
  }

  KeyRing keys_ = keys_for_test();
  MemoryStore store_;
};

TEST_F(GcRecordTest, SessionsComeBackAsTheyWereGiven) {
  SessionRecord session;
  session.repository = keys_.repository_id();
  session.writer = keys_.writer_id();
  session.random.fill(std::byte{9});
  session.gc_seen = 4;
  session.started = Instant{-3};
  const Bytes record = encode_session(session, keys_.signing_key());
  EXPECT_TRUE(is_signed_by(record, keys_.signing_key().public_key()));
  const auto parsed = parse_session(record);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->writer, session.writer);
  EXPECT_EQ(parsed->random, session.random);
  EXPECT_EQ(parsed->gc_seen, 4U);
  EXPECT_EQ(parsed->started, Instant{-3});
  EXPECT_FALSE(parse_session(ByteView{record}.first(record.size() - 1)));
}

TEST_F(GcRecordTest, PlansAndTombsComeBackAsTheyWereGiven) {
  GcPlan plan;
  plan.n = 2;
  plan.marked = {SnapshotId{pack(8).bytes}};
  plan.condemned = {pack(1), pack(2)};
  plan.taken_back = {pack(3)};
  const auto parsed = parse_gc_plan(encode_gc_plan(plan, keys_.signing_key()));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->marked, plan.marked);
  EXPECT_EQ(parsed->condemned, plan.condemned);
  EXPECT_EQ(parsed->taken_back, plan.taken_back);

  Tomb tomb;
  tomb.what = Tomb::What::kSnapshot;
  tomb.seq = 7;
  tomb.snapshot = SnapshotId{pack(1).bytes};
  tomb.previous = SnapshotId{pack(2).bytes};
  const auto back = parse_tomb(encode_tomb(tomb, keys_.signing_key()));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->what, Tomb::What::kSnapshot);
  EXPECT_EQ(back->seq, 7U);
  EXPECT_EQ(back->snapshot, tomb.snapshot);
  EXPECT_EQ(back->previous, tomb.previous);
}

TEST_F(GcRecordTest, APackThatWasCondemnedNeverComesBack) {
  EXPECT_EQ(read_gc_state(store_, keys_)->newest, 0U);
  put_plan(1, {pack(1), pack(2)}, {});
  put_plan(2, {pack(3), pack(2)}, {pack(1)});
  const auto state = read_gc_state(store_, keys_);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->newest, 2U);
  EXPECT_EQ(state->condemned,
            (std::map<PackId, std::uint64_t>{{pack(1), 1}, {pack(2), 1}, {pack(3), 2}}));
}

TEST_F(GcRecordTest, APlanOfAStrangerOrUnderAnotherNumberIsAnError) {
  put_plan(1, {pack(1)}, {});
  EXPECT_EQ(read_gc_state(store_, keys_for_test(2)).error().kind, ErrorKind::kCorrupt);
  const auto object = store_.get(gc_key(1), ByteCount{100'000});
  ASSERT_TRUE(object);
  ASSERT_TRUE(store_.put(gc_key(2), *object));
  EXPECT_EQ(read_gc_state(store_, keys_).error().kind, ErrorKind::kCorrupt);
}

TEST_F(GcRecordTest, ASessionIsFencedByItsOwnTombOnly) {
  SessionId session{};
  session[0] = std::byte{1};
  put_tomb(session_tomb(session));
  EXPECT_TRUE(*is_fenced(store_, keys_, session));
  EXPECT_FALSE(*is_fenced(store_, keys_, SessionId{}));
}

TEST_F(GcRecordTest, ADamagedTombFencesNobodyButIsNotPassedOver) {
  SessionId session{};
  const ObjectKey key = put_tomb(session_tomb(session));
  ASSERT_TRUE(store_.damage(key, [](Bytes& b) { b.resize(100); }));
  const auto fenced = is_fenced(store_, keys_, session);
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().kind, ErrorKind::kCorrupt);
  const auto list = read_tombs(store_, keys_);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->damaged, std::vector<std::string>{key});
}

}  // namespace
}  // namespace reprieve::repository
