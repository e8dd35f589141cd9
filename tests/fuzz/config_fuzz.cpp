#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/config.hpp"

/// Whatever the bytes: a refusal that says whether to upgrade, or a config that can be used.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const auto config = parse_config(std::as_bytes(std::span{bytes, size}));
  if (!config) {
    REPRIEVE_ASSERT(config.error().kind == ErrorKind::kCorrupt ||
                    (config.error().kind == ErrorKind::kInvalid && !config.error().hint.empty()));
    return 0;
  }
  REPRIEVE_ASSERT(!config->epochs.empty());
  for (const std::string& feature : config->required_features)
    REPRIEVE_ASSERT(feature == kHandoverFeature);
  REPRIEVE_ASSERT(config->handovers.empty() || !config->required_features.empty());
  REPRIEVE_ASSERT(config->chunker.min_bytes <= config->chunker.max_bytes);
  return 0;
}
