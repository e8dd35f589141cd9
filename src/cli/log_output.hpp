#pragma once

#include "app/log_ranges.hpp"
#include "backup/wal_prune.hpp"
#include "cli/command.hpp"

/// How what is done with the log of databases is told.
namespace reprieve::cli {

Json to_json(const backup::WalPruneReport& report);
void tell(const Console& console, const backup::WalPruneReport& report, bool is_dry_run);

Json to_json(const app::LogRanges& ranges);
void tell(const Console& console, const app::LogRanges& ranges);

}  // namespace reprieve::cli
