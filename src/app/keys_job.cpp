#include "app/keys_job.hpp"

#include <filesystem>

#include "base/format.hpp"
#include "crypto/crypto.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "repository/recipient.hpp"

namespace reprieve::app {

std::string default_key_file(const Workspace& workspace, const Secret& secret) {
  const std::string name = to_hex(crypto::sha256(secret.expose())).substr(0, 16);
  return workspace.key_dir() + "/" + name + ".key";
}

Result<std::string> write_key_file(const Secret& secret, const std::string& target,
                                   const std::string& comment) {
  const std::string path = std::filesystem::absolute(target).lexically_normal().string();
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(io::parent_of(path)));
  REPRIEVE_TRY(io::AtomicFile file, io::AtomicFile::create(path));
  REPRIEVE_RETURN_IF_ERROR(file.write(as_bytes(repository::key_file_text(secret, comment))));
  auto committed = file.commit_new();
  if (!committed)
    return std::move(committed)
        .error()
        .at("write the key file")
        .with_hint("Name another place for it; key files are never replaced.");
  return path;
}

Result<GeneratedKey> generate_key(const std::string& target) {
  const Secret secret = crypto::random_secret(system_random());
  GeneratedKey key;
  key.recipient = repository::recipient_text(repository::recipient_key(secret).public_key());
  REPRIEVE_TRY(key.path,
               write_key_file(secret, target,
                              "A key for reprieve. What may be told to others:\n" + key.recipient));
  return key;
}

Result<std::string> add_key(Workspace& workspace, const NewKey& wanted) {
  const int ways = (wanted.key_file.empty() ? 0 : 1) + (wanted.password_file.empty() ? 0 : 1) +
                   (wanted.recipient.empty() ? 0 : 1);
  if (ways != 1)
    return Error{ErrorKind::kInvalid,
                 "a new key opens with a key file, with a password or for a recipient",
                 "Give one of --new-key-file, --new-password-file and --recipient."};
  repository::UnlockKey key;
  if (!wanted.recipient.empty()) {
    REPRIEVE_TRY(key.recipient, repository::parse_recipient(wanted.recipient));
  }
  REPRIEVE_TRY(const OpenRepository open, workspace.open_repository(Purpose::kWrite));
  // Before a key file is written that nobody would ever need.
  if (open.repository->role() != repository::Role::kAdmin)
    return Error{ErrorKind::kDenied, "this key may not change who has access",
                 "Use an administrator's key."};
  std::string path;
  if (!wanted.password_file.empty()) {
    REPRIEVE_TRY(key.passphrase, read_password_file(wanted.password_file));
  } else if (!wanted.key_file.empty()) {
    key.key_file_secret = crypto::random_secret(system_random());
    REPRIEVE_TRY(const std::string place, workspace.repository_path());
    REPRIEVE_TRY(path,
                 write_key_file(key.key_file_secret, wanted.key_file,
                                fmt::format("Key of the {} {} of the reprieve repository {}",
                                            repository::name_of(wanted.role), wanted.name, place)));
  }
  REPRIEVE_RETURN_IF_ERROR(
      repository::add_member(*open.repository, wanted.role, wanted.name, key, {}, wanted.holder));
  return path;
}

}  // namespace reprieve::app
