#pragma once

#include "base/bytes.hpp"

namespace reprieve {

/// Key material or a password. Cannot be printed, logged, copied or compared by accident; its
/// memory is locked where the system allows and erased on the way out. Moving leaves it empty.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size_bytes);
  static Secret copy_of(ByteView bytes);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  /// Greppable on purpose: each use is reviewed.
  [[nodiscard]] ByteView expose() const { return bytes_; }
  [[nodiscard]] MutableByteView expose_mutable() { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  /// An explicit second copy.
  [[nodiscard]] Secret clone() const { return copy_of(bytes_); }

 private:
  void erase() noexcept;
  Bytes bytes_;
};

}  // namespace reprieve
