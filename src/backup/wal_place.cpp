#include "backup/wal_place.hpp"

namespace reprieve::backup {

std::optional<WalPlace> wal_place_of(const repository::Snapshot& point) {
  const Json& facts = point.description.facts;
  if (!facts.is_object()) return std::nullopt;
  const auto system = facts.find("system_identifier");
  const auto timeline = facts.find("timeline");
  const auto end = facts.find("end_lsn");
  if (system == facts.end() || !system->is_string() || timeline == facts.end() ||
      !timeline->is_number_unsigned() || timeline->get<std::uint64_t>() > UINT32_MAX ||
      end == facts.end() || !end->is_string())
    return std::nullopt;
  const auto lsn = parse_lsn(end->get<std::string>());
  if (!lsn) return std::nullopt;
  return WalPlace{system->get<std::string>(), timeline->get<std::uint32_t>(), *lsn};
}

}  // namespace reprieve::backup
