#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "repository/recipient.hpp"

/// Whatever the text: a refusal, or a recipient that reads back from how it is written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace reprieve;
  using namespace reprieve::repository;
  const auto recipient = parse_recipient({reinterpret_cast<const char*>(bytes), size});
  if (!recipient) {
    REPRIEVE_ASSERT(recipient.error().kind == ErrorKind::kInvalid);
    return 0;
  }
  const auto again = parse_recipient(recipient_text(*recipient));
  REPRIEVE_ASSERT(again && *again == *recipient);
  return 0;
}
