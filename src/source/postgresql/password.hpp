#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace reprieve {

/// A database password on its way to the client library. Cannot be copied or printed; erased on the
/// way out. Empty: none, so that .pgpass, PGPASSFILE, peer and certificate logins apply.
class Password {
 public:
  Password() = default;
  explicit Password(std::string_view text) : text_{text} {}
  Password(Password&& other) noexcept : text_{std::exchange(other.text_, {})} { other.erase(); }
  Password& operator=(Password&& other) noexcept {
    if (this != &other) {
      erase();
      text_ = other.text_;
      other.erase();
    }
    return *this;
  }
  Password(const Password&) = delete;
  Password& operator=(const Password&) = delete;
  ~Password() { erase(); }

  /// Greppable on purpose: each use is reviewed.
  [[nodiscard]] const std::string& expose() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  void erase() noexcept {
    volatile char* p = text_.data();  // volatile: must survive the optimizer.
    for (std::size_t i = 0; i < text_.size(); ++i)
      p[i] = '\0';
    text_.clear();
  }
  std::string text_;
};

}  // namespace reprieve
