#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "base/bytes.hpp"

struct evp_md_ctx_st;

namespace reprieve {

using Sha256Digest = std::array<std::byte, 32>;

/// SHA-256 over a stream: what PostgreSQL's backup manifest has for every file.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(ByteView bytes);
  /// The digest of all bytes since the last finish(); starts anew.
  Sha256Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  void restart();
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Sha256Digest sha256_of(ByteView bytes);

}  // namespace reprieve
