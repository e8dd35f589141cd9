#include "repository/needed_objects.hpp"

#include "repository/internal/gc_record.hpp"
#include "repository/internal/label.hpp"
#include "repository/internal/object_names.hpp"

namespace reprieve::repository {

bool is_to_be_locked(std::string_view key) {
  return !key.starts_with(kSessionPrefix) && !key.starts_with(kReplicaPrefix) &&
         !key.starts_with("probe/");
}

Result<std::vector<ObjectKey>> needed_objects(const Repository& repository) {
  ObjectStore& store = repository.store();
  REPRIEVE_TRY(const GcState gc, read_gc_state(store, repository.keys()));
  std::vector<ObjectKey> names;
  REPRIEVE_RETURN_IF_ERROR(store.list("", [&](const ObjectInfo& object) -> Result<> {
    const auto pack = pack_id_in_key(object.key);
    const bool is_condemned = pack && gc.condemned.contains(*pack);
    if (is_to_be_locked(object.key) && !is_condemned) names.push_back(object.key);
    return kOk;
  }));
  return names;
}

}  // namespace reprieve::repository
