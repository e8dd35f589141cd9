#include <cstddef>
#include <cstdint>

#include "io/http.hpp"
#include "io/process_identity.hpp"

/// /proc/PID/stat has the program's name in it, which the program chooses; a journal's identity
/// and a plan's URL come from files.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(bytes), size};
  static_cast<void>(reprieve::io::parse_process_stat(text));
  if (const auto identity = reprieve::io::ProcessIdentity::parse(text))
    REPRIEVE_ASSERT(reprieve::io::ProcessIdentity::parse(identity->text()) == identity);
  const std::string shown = reprieve::io::without_secrets(std::string{text});
  REPRIEVE_ASSERT(reprieve::io::without_secrets(shown).size() <= shown.size());
  return 0;
}
