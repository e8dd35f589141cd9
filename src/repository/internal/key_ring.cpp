#include "repository/internal/key_ring.hpp"

#include <algorithm>
#include <map>

#include "base/codec.hpp"
#include "repository/internal/handover.hpp"

namespace reprieve::repository {
namespace {

constexpr std::size_t kSaltBytes = sizeof(crypto::Salt32);
constexpr std::size_t kGearCalls = 64;  // Four values of 8 bytes each.

Secret metadata_sealing_key(const Secret& metadata_key, ByteView salt, std::uint8_t kind) {
  Encoder context;
  context.raw(as_bytes("reprieve meta"));
  context.u8(kind);
  return crypto::hkdf(metadata_key, salt, context.view());
}

const Secret* find_epoch(const std::vector<Credentials::EpochSecret>& secrets,
                         std::uint32_t epoch) {
  for (const auto& candidate : secrets) {
    if (candidate.epoch == epoch) return &candidate.secret;
  }
  return nullptr;
}

KeyRing::Signer signer_of(const Config::Member& member) {
  const bool is_admin = member.role == Role::kAdmin;
  return {.key = member.key,
          .may_write = is_admin || member.role == Role::kWriter,
          .may_prune = is_admin || member.role == Role::kPruner,
          .is_root = false,
          .is_revoked = member.is_revoked,
          .last_seq = member.last_seq};
}

}  // namespace

struct KeyRing::State {
  Credentials credentials;
  Config config;
  std::optional<crypto::HmacKey> id_mac;
  std::optional<crypto::SigningKey> signing;
  std::optional<crypto::SigningKey> root;
  std::map<std::uint32_t, crypto::ExchangeKey> reading;
  std::map<WriterId, Signer> signers;

  [[nodiscard]] const Config::Epoch& current_epoch() const { return config.epochs.back(); }

  /// S of docs/format.md section 4.
  [[nodiscard]] Secret session_secret(const Secret& agreed, std::uint32_t epoch,
                                      const crypto::PublicKey& ephemeral,
                                      const crypto::PublicKey& reading_public) const {
    Encoder context;
    context.raw(as_bytes("reprieve session"));
    context.raw(config.repository);
    context.u32(epoch);
    context.raw(ephemeral);
    context.raw(reading_public);
    return crypto::hkdf(agreed, {}, context.view());
  }
};

namespace {

Commitment commitment_of(const Secret& shared) {
  const crypto::Digest mac = crypto::HmacKey{shared}.mac({}, as_bytes("reprieve commitment"));
  Commitment out{};
  std::ranges::copy(ByteView{mac}.first(out.size()), out.begin());
  return out;
}

Result<> take_handover(Credentials& credentials, const Config& config,
                       const crypto::SigningKey& own) {
  const auto handover = std::ranges::find(config.handovers, writer_id_of(own.public_key()),
                                          &Config::Handover::member);
  if (handover == config.handovers.end()) return kOk;
  REPRIEVE_TRY(const Credentials news, take_over(*handover, config, own));
  add_epochs(credentials, news);
  return kOk;
}

}  // namespace

Result<KeyRing> KeyRing::make(Credentials credentials, const Config& config) {
  if (credentials.repository != config.repository || credentials.root_public != config.root)
    return Error{ErrorKind::kDenied, "the key is of another repository"};
  REPRIEVE_ASSERT(!config.epochs.empty());
  auto state = std::make_shared<State>();
  state->config = config;
  if (!credentials.chunk_id_key.empty()) state->id_mac.emplace(credentials.chunk_id_key);
  if (!credentials.signing_seed.empty()) {
    REPRIEVE_TRY(crypto::SigningKey own, crypto::SigningKey::from_seed(credentials.signing_seed));
    REPRIEVE_RETURN_IF_ERROR(take_handover(credentials, config, own));
    // A reader's pair is only there to be handed keys.
    if (credentials.role != Role::kReader) state->signing = std::move(own);
  }
  if (!credentials.root_seed.empty()) {
    REPRIEVE_TRY(state->root, crypto::SigningKey::from_seed(credentials.root_seed));
    if (state->root->public_key() != config.root)
      return Error{ErrorKind::kCorrupt, "credentials: the root key is not the repository's"};
  }
  for (const auto& [epoch, secret] : credentials.reading_keys) {
    REPRIEVE_TRY(crypto::ExchangeKey key, crypto::ExchangeKey::from_secret(secret));
    state->reading.emplace(epoch, std::move(key));
  }
  for (const Config::Member& member : config.members)
    state->signers.emplace(writer_id_of(member.key), signer_of(member));
  state->signers.insert_or_assign(
      writer_id_of(config.root),
      Signer{.key = config.root, .may_write = false, .may_prune = true, .is_root = true});
  state->credentials = std::move(credentials);
  KeyRing ring;
  ring.state_ = std::move(state);
  return ring;
}

const Credentials& KeyRing::credentials() const {
  return state_->credentials;
}

const Config& KeyRing::config() const {
  return state_->config;
}

const RepositoryId& KeyRing::repository_id() const {
  return state_->config.repository;
}

ChunkId KeyRing::chunk_id(ChunkType type, ByteView plaintext) const {
  REPRIEVE_ASSERT(state_->id_mac.has_value());
  const std::byte prefix{static_cast<std::uint8_t>(type)};
  return ChunkId{state_->id_mac->mac({&prefix, 1}, plaintext)};
}

std::array<std::uint64_t, 256> KeyRing::gear_table() const {
  REPRIEVE_ASSERT(!state_->credentials.chunker_key.empty());
  std::array<std::uint64_t, 256> table{};
  for (std::size_t call = 0; call < kGearCalls; ++call) {
    Encoder context;
    context.raw(as_bytes("reprieve gear"));
    context.u8(static_cast<std::uint8_t>(call));
    const Secret block = crypto::hkdf(state_->credentials.chunker_key, {}, context.view());
    Decoder in{block.expose()};
    for (std::size_t i = 0; i < 4; ++i)
      table[4 * call + i] = in.u64();
  }
  return table;
}

Bytes KeyRing::seal_metadata(RandomSource& random, std::uint8_t kind, ByteView associated,
                             ByteView plaintext) const {
  const std::uint32_t epoch = state_->current_epoch().epoch;
  const Secret* key = find_epoch(state_->credentials.metadata_keys, epoch);
  REPRIEVE_ASSERT(key != nullptr);
  const auto salt = crypto::random_array<kSaltBytes>(random);
  Bytes sealed;
  crypto::seal_once(metadata_sealing_key(*key, salt, kind), associated, plaintext, sealed);
  Encoder out;
  out.u32(epoch);
  out.raw(salt);
  out.raw(sealed);
  return std::move(out).take();
}

Result<Bytes> KeyRing::open_metadata(std::uint8_t kind, ByteView associated,
                                     ByteView sealed) const {
  Decoder in{sealed};
  const std::uint32_t epoch = in.u32();
  const ByteView salt = in.raw(kSaltBytes);
  if (!in.ok() || in.remaining() < crypto::kTagBytes)
    return Error{ErrorKind::kCorrupt, "sealed metadata is cut off"};
  const Secret* key = find_epoch(state_->credentials.metadata_keys, epoch);
  if (key == nullptr) {
    return Error{ErrorKind::kDenied,
                 "the key at hand does not hold the metadata key of epoch " + std::to_string(epoch),
                 "Use a key that was made or renewed after that epoch began."};
  }
  return crypto::open_once(metadata_sealing_key(*key, salt, kind), associated,
                           in.raw(in.remaining()));
}

Result<KeyRing::Session> KeyRing::new_session(RandomSource& random) const {
  const Config::Epoch& epoch = state_->current_epoch();
  const auto ephemeral = crypto::ExchangeKey::generate(random);
  auto agreed = ephemeral.agree(epoch.reading_public);
  if (!agreed) return Error{ErrorKind::kCorrupt, "config: the reading key is no key"};
  Session session;
  session.entry.ephemeral = ephemeral.public_key();
  session.entry.epoch = epoch.epoch;
  session.shared =
      state_->session_secret(*agreed, epoch.epoch, ephemeral.public_key(), epoch.reading_public);
  session.entry.commitment = commitment_of(session.shared);
  return session;
}

Result<Secret> KeyRing::open_session(const SessionKeyEntry& entry) const {
  const auto key = state_->reading.find(entry.epoch);
  if (key == state_->reading.end()) {
    return Error{ErrorKind::kDenied, "the key at hand cannot read data",
                 "Use a reader's or an admin's key."};
  }
  auto agreed = key->second.agree(entry.ephemeral);
  if (!agreed) return Error{ErrorKind::kCorrupt, "a session's public key is no key"};
  Secret shared =
      state_->session_secret(*agreed, entry.epoch, entry.ephemeral, key->second.public_key());
  if (!crypto::equal_in_constant_time(commitment_of(shared), entry.commitment))
    return Error{ErrorKind::kCorrupt, "a session's key does not fit its commitment"};
  return shared;
}

bool KeyRing::can_read() const {
  return !state_->reading.empty();
}

bool KeyRing::can_seal_metadata() const {
  return find_epoch(state_->credentials.metadata_keys, state_->current_epoch().epoch) != nullptr;
}

Result<> KeyRing::check_is_current() const {
  if (can_seal_metadata()) return kOk;
  return Error{ErrorKind::kDenied,
               "the keys were rotated, and this key was not handed those of epoch " +
                   std::to_string(state_->current_epoch().epoch),
               "Ask an administrator for a new one: `reprieve repo keys add`."};
}

bool KeyRing::can_write() const {
  if (!can_sign() || !can_seal_metadata() || !state_->id_mac.has_value()) return false;
  const auto own = signer(writer_id());
  return own && own->may_write && !own->is_revoked;
}

bool KeyRing::can_sign() const {
  return state_->signing.has_value();
}

const crypto::SigningKey& KeyRing::signing_key() const {
  REPRIEVE_ASSERT(can_sign());
  return *state_->signing;
}

WriterId KeyRing::writer_id() const {
  return writer_id_of(signing_key().public_key());
}

const crypto::SigningKey* KeyRing::root_key() const {
  return state_->root ? &*state_->root : nullptr;
}

std::optional<KeyRing::Signer> KeyRing::signer(const WriterId& id) const {
  const auto found = state_->signers.find(id);
  if (found == state_->signers.end()) return std::nullopt;
  return found->second;
}

bool KeyRing::may_rely_on(const WriterId& writer) const {
  if (can_sign() && writer == writer_id()) return true;
  const auto found = signer(writer);
  return found && found->may_write && found->may_prune && !found->is_revoked;
}

Secret frame_key(const Secret& session_shared, const crypto::Salt16& salt) {
  return crypto::hkdf(session_shared, salt, as_bytes("reprieve frame"));
}

WriterId writer_id_of(const crypto::PublicKey& key) {
  const crypto::Digest digest = crypto::sha256(key);
  WriterId id{};
  std::ranges::copy(ByteView{digest}.first(id.size()), id.begin());
  return id;
}

}  // namespace reprieve::repository
