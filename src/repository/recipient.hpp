#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/crypto.hpp"

/// The public half of a key file: who knows it can let its holder in without any secret passing
/// from hand to hand (docs/format.md section 4). Pure.
namespace reprieve::repository {

/// The X25519 pair that a key file stands for. `key_file_secret` has 32 bytes (asserted).
crypto::ExchangeKey recipient_key(const Secret& key_file_secret);

/// `reprieve-recipient-1 ` and 72 hexadecimal digits: the key, and four bytes of its hash, since it
/// is typed and read out, and nothing but its holder could tell a wrong digit later.
std::string recipient_text(const crypto::PublicKey& recipient);

/// Takes it with or without the first word. Errors: kInvalid.
Result<crypto::PublicKey> parse_recipient(std::string_view text);

}  // namespace reprieve::repository
