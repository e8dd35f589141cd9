#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/snapshot_record.hpp"

/// The three parsers of a snapshot, for what stands behind its seals comes from whoever holds a
/// writer's key: the envelope, the statistics and the description.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const ByteView input = std::as_bytes(std::span{bytes, size});
  if (const auto envelope = parse_snapshot_envelope(input)) {
    REPRIEVE_ASSERT(envelope->seq > 0);
    REPRIEVE_ASSERT(envelope->clear.size() + envelope->sealed_metadata.size() +
                        envelope->sealed_description.size() <
                    size);
  }
  Snapshot snapshot;
  if (parse_snapshot_metadata(input, snapshot)) {
    // Fields of later versions are dropped, so only what we write must come back the same.
    Snapshot again;
    const Bytes ours = encode_snapshot_metadata(snapshot.root, snapshot.statistics);
    REPRIEVE_ASSERT(parse_snapshot_metadata(ours, again));
    REPRIEVE_ASSERT(encode_snapshot_metadata(again.root, again.statistics) == ours);
  }
  if (const auto description = parse_description(input)) {
    const auto again = parse_description(as_bytes(encode_description(*description)));
    REPRIEVE_ASSERT(again && again->paths == description->paths);
  }
  return 0;
}
