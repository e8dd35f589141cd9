#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "storage/faulty/chaotic_host.hpp"

namespace reprieve {

/// What happens to one call between its caller and the store, and on the way back.
struct CallFate {
  enum class Failure : std::uint8_t {
    kNone,
    kUndone,  ///< It never arrives: kTransient.
    kDone,    ///< It arrives, and its answer is lost: kTransient.
  };
  Failure failure = Failure::kNone;
  /// put() and remove(): arrives once more, when ChaoticHost::deliver() says so.
  bool comes_again = false;
  /// put() and remove(): listings tell of it only after this client's sync(), or
  /// ChaoticHost::reveal().
  bool is_listed_late = false;
};

/// One client's way to a ChaoticHost that it shares with others, with faults that the test chooses
/// call by call. sync() makes durable what lies in the folders in which this client changed or
/// confirmed something, as on a disk, and no more. For tests and simulation. Thread-safe.
class ChaoticStore : public ObjectStore {
 public:
  /// Called before each call; it may use the store meanwhile, for others to act first. An error is
  /// the call's answer, and the call has no effect.
  using Choose = std::function<Result<CallFate>(StoreCall, std::string_view key)>;
  /// `client` is the number that late requests carry.
  ChaoticStore(ChaoticHost& host, Choose choose, std::uint64_t client = 0)
      : host_{host}, choose_{std::move(choose)}, client_{client} {}

  Result<> put(const ObjectKey& key, ByteView body) override;
  Result<> sync() override;
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override;
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override;
  Result<ObjectInfo> stat(const ObjectKey& key) override;
  Result<> list(std::string_view prefix, const Visit& visit) override;
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override;
  Result<> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string describe() const override { return "chaotic"; }

 private:
  template <class Call>
  auto meet(StoreCall sort, std::string_view key, const Call& call) -> decltype(call());
  Result<> change(const LateRequest& request);
  void note(const ObjectKey& key, bool is_listed_late);

  ChaoticHost& host_;
  const Choose choose_;
  const std::uint64_t client_;
  std::mutex mutex_;
  // Guarded by mutex_, since the last sync().
  std::set<std::string> folders_;
  std::set<ObjectKey> listed_late_;
};

}  // namespace reprieve
