#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/object_store.hpp"

namespace reprieve {

/// Several stores that hold the same objects, as one: for readers, who go on as long as one of them
/// answers. Not for those who look at the store to decide what to write: what is listed here may be
/// younger or older than the first store, and only that one decides who was first.
///
/// get() and stat() ask the stores in order until one has the object and can read it. list() visits
/// what any of them has, for one that came back from a fault may lack objects. A store that fails
/// is told of once, and asked again only when no other is left. Writes go to the first store alone.
///
/// Memory: list() holds the names below the prefix. Thread-safe.
class ReplicatedStore : public ObjectStore {
 public:
  /// Told when a store is given up, from whichever thread noticed.
  using OnFailure = std::function<void(const ObjectStore& store, const Error& error)>;

  /// `stores`: at least one, the nearest first.
  ReplicatedStore(std::vector<std::unique_ptr<ObjectStore>> stores, OnFailure on_failure);

  Result<> put(const ObjectKey& key, ByteView body) override;
  Result<> sync() override;
  Result<Bytes> get(const ObjectKey& key, ByteRange range) override;
  Result<Bytes> get(const ObjectKey& key, ByteCount size_max) override;
  Result<ObjectInfo> stat(const ObjectKey& key) override;
  Result<> list(std::string_view prefix, const Visit& visit) override;
  Result<> replace_damaged(const ObjectKey& key, ByteView body) override;
  Result<> remove(const ObjectKey& key) override;
  [[nodiscard]] std::string describe() const override;

  /// The stores, in order. They live as long as this object.
  [[nodiscard]] std::vector<ObjectStore*> stores() const;

 private:
  struct Member {
    std::unique_ptr<ObjectStore> store;
    std::atomic<bool> has_failed{false};
  };
  [[nodiscard]] std::vector<Member*> in_order() const;
  void give_up(Member& member, const Error& error) const;
  template <class Call>
  auto first_answer(const Call& call) -> decltype(call(std::declval<ObjectStore&>()));

  std::vector<std::unique_ptr<Member>> members_;
  const OnFailure on_failure_;
};

/// The stores of a ReplicatedStore in order; of any other, that one alone. For who can tell damage
/// where a store cannot, and then asks each.
std::vector<ObjectStore*> stores_behind(ObjectStore& store);

}  // namespace reprieve
