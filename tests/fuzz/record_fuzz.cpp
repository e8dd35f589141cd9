#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "repository/internal/record.hpp"

/// A twin as a store may serve it: either a refusal, or a record that lies inside the object and
/// parses as such; only a whole twin is called whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const ByteView object = std::as_bytes(std::span{bytes, size});
  const auto copy = read_twin(object, [](ByteView record) -> Result<> {
    auto body = parse_signed_record(record, RecordKind::kSession);
    if (!body) return std::move(body).error();
    return kOk;
  });
  if (!copy) return 0;
  REPRIEVE_ASSERT(copy->record.data() >= object.data());
  REPRIEVE_ASSERT(copy->record.data() + copy->record.size() <= object.data() + object.size());
  REPRIEVE_ASSERT(copy->is_whole == (encode_twin(copy->record) == copy_of(object)));
  return 0;
}
