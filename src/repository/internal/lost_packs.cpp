#include "repository/internal/lost_packs.hpp"

#include "repository/internal/label.hpp"

namespace reprieve::repository {

Result<std::set<PackId>> find_lost_packs(ObjectStore& store, const Index& index) {
  const std::vector<Index::PackRow> rows = index.packs();  // By id, as the listing is.
  std::set<PackId> lost;
  auto row = rows.begin();
  REPRIEVE_RETURN_IF_ERROR(store.list(kPackPrefix, [&](const ObjectInfo& object) -> Result<> {
    const auto id = pack_id_in_key(object.key);
    if (!id) return kOk;
    for (; row != rows.end() && row->id < *id; ++row)
      lost.insert(row->id);
    if (row == rows.end() || row->id != *id) return kOk;
    if (row->object_bytes != object.size.value) lost.insert(*id);
    ++row;
    return kOk;
  }));
  for (; row != rows.end(); ++row)
    lost.insert(row->id);
  return lost;
}

}  // namespace reprieve::repository
