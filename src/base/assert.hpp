#pragma once

/// Assertions for our own mistakes. They stay on in release: to stop is better than to write a
/// backup that we no longer understand. Input from disk, network or user is parsed, never asserted.
namespace reprieve {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace reprieve

#define REPRIEVE_ASSERT(condition)                     \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::reprieve::assertion_failed(#condition, __FILE__, __LINE__))
