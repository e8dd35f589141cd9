#include "app/serve_jobs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/wal_reception.hpp"

namespace reprieve::app {
namespace {

constexpr std::size_t kSlotNameMax = 63;  // NAMEDATALEN - 1 of the server.

/// A slot's name has a-z, 0-9 and _ only.
std::string slot_for(std::string_view storage) {
  std::string slot = WalReceptionChoices{}.slot + "_";
  for (const char c : storage) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    const bool is_allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    slot += is_upper ? static_cast<char>(c - 'A' + 'a') : is_allowed ? c : '_';
  }
  return slot.substr(0, kSlotNameMax);
}

void add_reception(std::vector<ReceptionJob>& jobs, const std::string& source,
                   const std::string& storage) {
  bool is_first = true;
  for (const ReceptionJob& job : jobs) {
    if (job.source != source) continue;
    if (job.storage == storage) return;
    is_first = false;
  }
  jobs.push_back({storage, source, is_first ? WalReceptionChoices{}.slot : slot_for(storage)});
}

}  // namespace

std::string BackupJob::name() const {
  return fmt::format("backup of {} to {}", fmt::join(sources, ", "), storage);
}

std::string ReceptionJob::name() const {
  return fmt::format("log of {} to {}", source, storage);
}

ServeJobs jobs_of(const plan::Plan& plan) {
  ServeJobs jobs;
  for (const plan::BackupPolicy& policy : plan.backups) {
    if (!policy.every) continue;
    for (const plan::Name& storage : policy.to) {
      if (policy.is_continuous()) {
        for (const plan::Name& source : policy.sources)
          add_reception(jobs.receptions, source.text, storage.text);
        continue;
      }
      BackupJob job{storage.text, {}, *policy.every, policy.verify};
      for (const plan::Name& source : policy.sources)
        job.sources.push_back(source.text);
      jobs.backups.push_back(std::move(job));
    }
  }
  return jobs;
}

}  // namespace reprieve::app
