#include "repository/internal/handover.hpp"

#include <algorithm>

#include "base/codec.hpp"
#include "repository/internal/agreement.hpp"
#include "repository/internal/key_ring.hpp"

namespace reprieve::repository {
namespace {

constexpr std::string_view kPurpose = "reprieve handover";

Bytes associated_data(const RepositoryId& repository, std::uint32_t epoch, const WriterId& member) {
  Encoder out;
  out.raw(repository);
  out.u32(epoch);
  out.raw(member);
  return std::move(out).take();
}

Secret sealing_key(const Secret& shared) {
  return crypto::hkdf(shared, {}, as_bytes(kPurpose));
}

void add_missing(std::vector<Credentials::EpochSecret>& secrets,
                 const std::vector<Credentials::EpochSecret>& news) {
  for (const Credentials::EpochSecret& secret : news)
    if (std::ranges::find(secrets, secret.epoch, &Credentials::EpochSecret::epoch) == secrets.end())
      secrets.push_back({secret.epoch, secret.secret.clone()});
  std::ranges::sort(secrets, {}, &Credentials::EpochSecret::epoch);
}

/// Nobody but root can have made it up; still, data must not be sealed for a key that is not there.
Result<> check_reading_keys(const Credentials& news, const Config& config) {
  for (const auto& [epoch, secret] : news.reading_keys) {
    REPRIEVE_TRY(const auto pair, crypto::ExchangeKey::from_secret(secret));
    const auto listed = std::ranges::find(config.epochs, epoch, &Config::Epoch::epoch);
    if (listed == config.epochs.end() || listed->reading_public != pair.public_key())
      return Error{ErrorKind::kCorrupt, "config: hands over a reading key that is not its own"};
  }
  return kOk;
}

}  // namespace

Result<Config::Handover> hand_over(const Credentials& epochs, const crypto::PublicKey& member,
                                   std::uint32_t epoch, RandomSource& random) {
  const auto recipient = crypto::exchange_public_of(member);
  if (!recipient) return Error{ErrorKind::kCorrupt, "config: a member's key is no key"};
  REPRIEVE_TRY(const Agreement agreement,
               agree_with(*recipient, kPurpose, epochs.repository, random));
  Config::Handover handover{
      .member = writer_id_of(member), .ephemeral = agreement.ephemeral, .sealed = {}};
  crypto::seal_once(sealing_key(agreement.shared),
                    associated_data(epochs.repository, epoch, handover.member),
                    encode_credentials(epochs).expose(), handover.sealed);
  return handover;
}

Result<Credentials> take_over(const Config::Handover& handover, const Config& config,
                              const crypto::SigningKey& own) {
  REPRIEVE_TRY(const Secret shared, agree_as(crypto::exchange_key_of(own), handover.ephemeral,
                                             kPurpose, config.repository));
  if (handover.sealed.size() < crypto::kTagBytes)
    return Error{ErrorKind::kCorrupt, "config: what it hands over is cut off"};
  Secret plain{handover.sealed.size() - crypto::kTagBytes};
  REPRIEVE_RETURN_IF_ERROR(crypto::open_once_into(
      sealing_key(shared),
      associated_data(config.repository, config.epochs.back().epoch, handover.member),
      handover.sealed, plain.expose_mutable()));
  REPRIEVE_TRY(Credentials news, parse_credentials(plain.expose()));
  if (news.repository != config.repository || news.root_public != config.root)
    return Error{ErrorKind::kCorrupt, "config: hands over keys of another repository"};
  REPRIEVE_RETURN_IF_ERROR(check_reading_keys(news, config));
  return news;
}

void add_epochs(Credentials& credentials, const Credentials& news) {
  add_missing(credentials.metadata_keys, news.metadata_keys);
  add_missing(credentials.reading_keys, news.reading_keys);
}

}  // namespace reprieve::repository
