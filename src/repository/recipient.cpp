#include "repository/recipient.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace reprieve::repository {
namespace {

constexpr std::string_view kMark = "reprieve-recipient-1";
constexpr std::size_t kCheckBytes = 4;

crypto::Digest check_of(const crypto::PublicKey& recipient) {
  crypto::Sha256 hash;
  hash.update(as_bytes("reprieve recipient"));
  hash.update(recipient);
  return hash.finish();
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

Error refused(std::string_view why) {
  return Error{ErrorKind::kInvalid, "recipient: " + std::string{why},
               "Give the line that `reprieve repo keys generate` printed, unchanged."};
}

}  // namespace

crypto::ExchangeKey recipient_key(const Secret& key_file_secret) {
  REPRIEVE_ASSERT(key_file_secret.size() == crypto::kKeyBytes);
  return *crypto::ExchangeKey::from_secret(
      crypto::hkdf(key_file_secret, {}, as_bytes("reprieve recipient secret")));
}

std::string recipient_text(const crypto::PublicKey& recipient) {
  const crypto::Digest check = check_of(recipient);
  return std::string{kMark} + " " + to_hex(recipient) + to_hex(ByteView{check}.first(kCheckBytes));
}

Result<crypto::PublicKey> parse_recipient(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with(kMark)) text = trimmed(text.substr(kMark.size()));
  const auto bytes = from_hex(text);
  crypto::PublicKey recipient{};
  if (!bytes || bytes->size() != recipient.size() + kCheckBytes)
    return refused("is not 72 hexadecimal digits");
  std::ranges::copy(ByteView{*bytes}.first(recipient.size()), recipient.begin());
  const crypto::Digest check = check_of(recipient);
  if (!std::ranges::equal(ByteView{*bytes}.last(kCheckBytes), ByteView{check}.first(kCheckBytes)))
    return refused("a digit is wrong: its check does not fit");
  return recipient;
}

}  // namespace reprieve::repository
