#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "repository/verify.hpp"
#include "storage/object_store.hpp"

namespace reprieve::repository {

/// What one object turned out to be.
struct ObjectFinding {
  std::optional<Damage> damage;
  std::optional<std::string> remark;
  std::optional<Bytes> healed;  ///< The object as it was; only if asked for and possible.
  std::optional<Bytes> bytes;   ///< The whole, undamaged object; only if asked for.
  std::uint64_t bytes_read = 0;
};

/// Proves objects without any key: packs and pieces of streams by their label, other records by the
/// hash in their name or by a signature, twins by their two copies. Thread-safe.
class ObjectChecker {
 public:
  enum class Want : std::uint8_t { kFinding, kHealed, kBytes /* kHealed, and the bytes */ };

  /// Takes the public keys of everybody who may sign from the store's configs. `repository` may be
  /// null; else its index gives copies of labels. Errors: the store's.
  static Result<ObjectChecker> make(ObjectStore& store, const Repository* repository);

  /// Reads and checks one object. Damage is looked at twice before it is called so. Errors: the
  /// store's.
  [[nodiscard]] Result<ObjectFinding> check(const ObjectInfo& object, Want want) const;

 private:
  ObjectChecker(ObjectStore& store, const Repository* repository)
      : store_{&store}, repository_{repository} {}

  [[nodiscard]] ObjectFinding inspect(const ObjectKey& key, ByteView bytes, Want want) const;
  [[nodiscard]] ObjectFinding inspect_pack(const ObjectKey& key, ByteView bytes, Want want) const;
  [[nodiscard]] ObjectFinding inspect_piece(const ObjectKey& key, ByteView bytes, Want want) const;
  [[nodiscard]] static ObjectFinding inspect_shards(const ObjectKey& key, const PackId& id,
                                                    ByteView bytes, ByteView known_label,
                                                    Want want);
  [[nodiscard]] ObjectFinding inspect_twin(const ObjectKey& key, ByteView bytes, Want want) const;
  [[nodiscard]] Result<> accept(const ObjectKey& key, ByteView record) const;

  ObjectStore* store_;
  const Repository* repository_;
  std::vector<crypto::PublicKey> signers_;
};

/// All objects of a store, in order of their names. Errors: the store's.
Result<std::vector<ObjectInfo>> list_all_objects(ObjectStore& store, std::string_view prefix = "");

}  // namespace reprieve::repository
