#include <cstddef>
#include <cstdint>

#include "recovery/journal.hpp"
#include "recovery/run_state.hpp"

/// Journals from anywhere: parsing and folding end in a value or an error. So do records in a
/// journal whose checksums are right, which only folding can refuse.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reprieve;
  const ByteView bytes = std::as_bytes(std::span{data, size});
  if (const auto parsed = recovery::parse_journal(bytes))
    ignore_error(recovery::fold_all(parsed->records), "an error is a fine answer");

  recovery::RunState state;
  std::string_view rest = as_text(bytes);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (const auto record = recovery::parse_record(rest.substr(0, end)))
      ignore_error(recovery::fold(state, *record), "an error is a fine answer");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return 0;
}
