#include "storage/probe.hpp"

#include <algorithm>
#include <array>
#include <thread>

#include "base/format.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kWriters = 8;
constexpr ByteCount kBodyMax{1024};

class Probe {
 public:
  Probe(ObjectStore& store, RandomSource& random) : store_{store} {
    std::array<std::byte, 8> name{};
    random.fill(name);
    prefix_ = "probe/" + to_hex(name) + "/";
  }

  std::vector<ProbeFinding> run() {
    add("conditional-create", conditional_create());
    add("read-after-write", read_after_write());
    add("list-after-write", list_after_write());
    add("range-reads", range_reads());
    add("removal", removal());
    return std::move(findings_);
  }

 private:
  static Error broken(std::string what) { return {ErrorKind::kInvalid, std::move(what)}; }

  void add(std::string promise, Result<std::string> seen) {
    const bool is_kept = static_cast<bool>(seen);
    findings_.push_back({std::move(promise), is_kept, is_kept ? *seen : seen.error().what});
  }

  Result<std::string> conditional_create() {
    const ObjectKey key = prefix_ + "contested";
    std::vector<Result<>> puts(kWriters, Result<>{kOk});
    std::vector<std::thread> writers;
    for (std::size_t i = 0; i < kWriters; ++i)
      writers.emplace_back(
          [&, i] { puts[i] = store_.put(key, as_bytes("writer " + std::to_string(i))); });
    for (std::thread& writer : writers)
      writer.join();
    for (Result<>& put : puts)
      if (!put && put.error().kind != ErrorKind::kConflict) return std::move(put).error();
    const auto wins = std::ranges::count_if(puts, [](const auto& put) { return bool{put}; });
    if (wins != 1) return broken(fmt::format("{} of {} writers won", wins, kWriters));
    REPRIEVE_TRY(const Bytes body, store_.get(key, kBodyMax));
    const auto winner = std::ranges::find_if(puts, [](const auto& put) { return bool{put}; });
    if (as_text(body) != "writer " + std::to_string(winner - puts.begin()))
      return broken("another writer's bytes are there than those of the one that was told it won");
    return fmt::format("one of {} writers at once won", kWriters);
  }

  Result<std::string> read_after_write() {
    for (int i = 0; i < 5; ++i) {
      const ObjectKey key = prefix_ + "read-" + std::to_string(i);
      REPRIEVE_RETURN_IF_ERROR(store_.put(key, as_bytes(key)));
      REPRIEVE_TRY(const Bytes body, store_.get(key, kBodyMax));
      if (as_text(body) != key) return broken("other bytes were read than were written");
    }
    return std::string{"five objects were there at once"};
  }

  Result<std::string> list_after_write() {
    const ObjectKey key = prefix_ + "listed";
    REPRIEVE_RETURN_IF_ERROR(store_.put(key, as_bytes("x")));
    bool is_listed = false;
    REPRIEVE_RETURN_IF_ERROR(store_.list(prefix_, [&](const ObjectInfo& object) -> Result<> {
      is_listed = is_listed || object.key == key;
      return kOk;
    }));
    if (!is_listed) return broken("a new object is missing in the list");
    return std::string{"a new object was listed at once"};
  }

  Result<std::string> range_reads() {
    const ObjectKey key = prefix_ + "range";
    REPRIEVE_RETURN_IF_ERROR(store_.put(key, as_bytes("0123456789")));
    REPRIEVE_TRY(const Bytes part, store_.get(key, ByteRange{ByteOffset{3}, ByteCount{4}}));
    if (as_text(part) != "3456") return broken("a part was not the one that was asked for");
    return std::string{"exact"};
  }

  Result<std::string> removal() {
    std::vector<ObjectKey> keys;
    REPRIEVE_RETURN_IF_ERROR(store_.list(prefix_, [&](const ObjectInfo& object) -> Result<> {
      keys.push_back(object.key);
      return kOk;
    }));
    for (const ObjectKey& key : keys)
      REPRIEVE_RETURN_IF_ERROR(store_.remove(key));
    for (const ObjectKey& key : keys)
      if (store_.stat(key)) return broken("an object was there after its removal");
    return std::string{"allowed"};
  }

  ObjectStore& store_;
  std::string prefix_;
  std::vector<ProbeFinding> findings_;
};

}  // namespace

std::vector<ProbeFinding> probe_store(ObjectStore& store, RandomSource& random) {
  return Probe{store, random}.run();
}

}  // namespace reprieve
