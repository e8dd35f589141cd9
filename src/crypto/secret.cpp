#include "crypto/secret.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "crypto/internal/erase.hpp"

namespace reprieve {
namespace {

/// Keeps the pages of `bytes` out of the swap, as far as RLIMIT_MEMLOCK allows. Pages are never
/// unlocked: locks do not nest, so unlocking one secret would unlock its neighbours on the page.
/// A small cache of pages locked lately saves the system call for the short-lived keys of frames.
void lock_in_memory(ByteView bytes) {
  static const auto page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  thread_local std::array<std::uintptr_t, 16> recent{};
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  for (std::uintptr_t page = begin / page_bytes; page * page_bytes < begin + bytes.size(); ++page) {
    std::uintptr_t& slot = recent[page % recent.size()];
    if (slot == page) continue;
    // Best effort: a host that allows no locked memory must still be able to restore.
    static_cast<void>(::mlock(reinterpret_cast<const void*>(page * page_bytes), page_bytes));
    slot = page;
  }
}

}  // namespace

Secret::Secret(std::size_t size_bytes) : bytes_(size_bytes) {
  if (bytes_.empty()) return;
  lock_in_memory(bytes_);
  std::ranges::fill(bytes_, std::byte{0});
}

Secret Secret::copy_of(ByteView bytes) {
  Secret copy{bytes.size()};
  std::ranges::copy(bytes, copy.bytes_.begin());
  return copy;
}

Secret::Secret(Secret&& other) noexcept : bytes_{std::exchange(other.bytes_, {})} {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  erase();
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

Secret::~Secret() {
  erase();
}

void Secret::erase() noexcept {
  crypto::erase(bytes_);
  bytes_.clear();
}

}  // namespace reprieve
