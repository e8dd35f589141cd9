#pragma once

#include <concepts>
#include <string_view>
#include <utility>
#include <variant>

#include "base/assert.hpp"
#include "base/error.hpp"

namespace reprieve {

/// Either a T or an Error. The class is [[nodiscard]], and -Werror makes dropping one an error.
/// Shaped like std::expected, so that it can become an alias later.
template <class T = std::monostate>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  template <class U>
    requires std::constructible_from<T, U&&> && std::convertible_to<U&&, T>
  // Implicit, for `return value;` must read naturally; the constraint leaves copies and moves
  // alone. NOLINTNEXTLINE(google-explicit-constructor,bugprone-forwarding-reference-overload)
  Result(U&& value) : state_{std::in_place_index<0>, std::forward<U>(value)} {}
  Result(Error error)  // NOLINT(google-explicit-constructor): as above.
      : state_{std::in_place_index<1>, std::move(error)} {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & {
    REPRIEVE_ASSERT(state_.index() == 0);
    return *std::get_if<0>(&state_);
  }
  const T& operator*() const& {
    REPRIEVE_ASSERT(state_.index() == 0);
    return *std::get_if<0>(&state_);
  }
  T&& operator*() && {
    REPRIEVE_ASSERT(state_.index() == 0);
    return std::move(*std::get_if<0>(&state_));
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }
  Error& error() & {
    REPRIEVE_ASSERT(state_.index() == 1);
    return *std::get_if<1>(&state_);
  }
  const Error& error() const& {
    REPRIEVE_ASSERT(state_.index() == 1);
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    REPRIEVE_ASSERT(state_.index() == 1);
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

/// The value of a Result<> that succeeded.
inline constexpr std::monostate kOk{};

/// The one way to drop a failure on purpose; `why` is for the reader.
template <class T>
void ignore_error(const Result<T>& result, std::string_view why) {
  static_cast<void>(result);
  static_cast<void>(why);
}

}  // namespace reprieve

#define REPRIEVE_CONCAT_INNER(a, b) a##b
#define REPRIEVE_CONCAT(a, b) REPRIEVE_CONCAT_INNER(a, b)

/// Returns the error of `expression` to the caller, if it has one.
#define REPRIEVE_RETURN_IF_ERROR(expression)                         \
  do {                                                               \
    auto reprieve_result = (expression);                             \
    if (!reprieve_result) return std::move(reprieve_result).error(); \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses.
/// `REPRIEVE_TRY(auto x, f());` binds the value of f(), or returns its error to the caller.
#define REPRIEVE_TRY(declaration, expression) \
  REPRIEVE_TRY_INNER(REPRIEVE_CONCAT(reprieve_try_, __LINE__), declaration, expression)
#define REPRIEVE_TRY_INNER(name, declaration, expression) \
  auto name = (expression);                               \
  if (!name) return std::move(name).error();              \
  declaration = *std::move(name)
// NOLINTEND(bugprone-macro-parentheses)
