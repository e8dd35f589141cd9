#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "source/postgresql/facts.hpp"
#include "source/postgresql/settings_file.hpp"

namespace reprieve {

/// The configuration texts that a restored data directory gets, and what to tell the operator.
struct ConfiguredFiles {
  std::map<std::string, std::string> files;  ///< By name in the data directory; only what changes.
  std::vector<std::string> notes;
};

/// Decides them. `present` holds the restored postgresql.conf, postgresql.auto.conf, pg_hba.conf
/// and pg_ident.conf, as far as there are any. `recovery` goes to the end of postgresql.auto.conf.
/// Pure.
ConfiguredFiles configure_cluster(const std::map<std::string, std::string>& present,
                                  const ClusterFacts& facts, const std::vector<Setting>& recovery);

}  // namespace reprieve
