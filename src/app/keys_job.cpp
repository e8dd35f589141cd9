#include "app/keys_job.hpp"

#include <filesystem>

#include "base/format.hpp"
#include "crypto/crypto.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"

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
        .with_hint("Name another place with --new-key-file.");
  return path;
}

Result<std::string> add_key(Workspace& workspace, const NewKey& wanted) {
  if (wanted.key_file.empty() == wanted.password_file.empty())
    return Error{ErrorKind::kInvalid, "a new key opens with a key file or with a password",
                 "Give one of --new-key-file and --new-password-file."};
  REPRIEVE_TRY(const OpenRepository open, workspace.open_repository());
  repository::UnlockKey key;
  std::string path;
  if (!wanted.password_file.empty()) {
    REPRIEVE_TRY(key.passphrase, read_password_file(wanted.password_file));
  } else {
    key.key_file_secret = crypto::random_secret(system_random());
    REPRIEVE_TRY(const std::string place, workspace.repository_path());
    REPRIEVE_TRY(path,
                 write_key_file(key.key_file_secret, wanted.key_file,
                                fmt::format("Key of the {} {} of the reprieve repository {}",
                                            repository::name_of(wanted.role), wanted.name, place)));
  }
  REPRIEVE_RETURN_IF_ERROR(repository::add_member(*open.repository, wanted.role, wanted.name, key));
  return path;
}

}  // namespace reprieve::app
