#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.hpp"
#include "source/postgresql/tar.hpp"

/// Archives come from a server that may be anybody's. Whatever the bytes and however they are cut:
/// safe names, members whose data is exactly as long as announced, or a refusal.
namespace {

using namespace reprieve;

class Checker : public TarVisitor {
 public:
  Result<> begin(TarMember member) override {
    REPRIEVE_ASSERT(is_safe_relative_path(member.path));
    REPRIEVE_ASSERT(member.type == EntryType::kFile || member.size == 0);
    REPRIEVE_ASSERT(left_ == 0);
    left_ = member.size;
    return kOk;
  }
  Result<> data(ByteView bytes) override {
    REPRIEVE_ASSERT(!bytes.empty() && bytes.size() <= left_);
    left_ -= bytes.size();
    return kOk;
  }
  Result<> end() override {
    REPRIEVE_ASSERT(left_ == 0);
    return kOk;
  }

 private:
  std::uint64_t left_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  ByteView rest = std::as_bytes(std::span{bytes, size});
  const std::size_t step = 1 + std::to_integer<std::size_t>(rest[0]) * 5;
  rest = rest.subspan(1);
  Checker checker;
  TarParser parser{checker};
  while (!rest.empty()) {
    const ByteView piece = rest.first(std::min(step, rest.size()));
    const auto fed = parser.feed(piece);
    REPRIEVE_ASSERT(fed || fed.error().kind == ErrorKind::kCorrupt);
    if (!fed) return 0;
    rest = rest.subspan(piece.size());
  }
  ignore_error(parser.finish(), "an archive that ends early is refused, and that is all");
  return 0;
}
