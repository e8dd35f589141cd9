#include "app/kit.hpp"

#include <sys/utsname.h>

#include "app/kit_archive.hpp"
#include "base/format.hpp"
#include "crypto/crypto.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"

namespace reprieve::app {
namespace {

std::string machine_name() {
  struct ::utsname names = {};
  if (::uname(&names) != 0) return "unknown";
  std::string machine = names.machine;
  for (char& c : machine)
    if (c == '_') c = '-';
  return machine;
}

std::string object_name_of(ByteView archive) {
  return fmt::format("kit/reprieve-{}-{}-{}", REPRIEVE_VERSION, machine_name(),
                     to_hex(crypto::sha256(archive)).substr(0, 16));
}

/// The object that this program went into, as an earlier call remembered it; empty if the program
/// or a library changed since, or nobody remembers.
std::string remembered(const std::string& memory, const std::string& fingerprint) {
  const auto text = io::read_text_file(memory, ByteCount{4096});
  if (!text || !text->starts_with(fingerprint + " ")) return {};
  return text->substr(fingerprint.size() + 1);
}

/// Only saves time: that it could not be written is nobody's trouble.
void remember(const std::string& memory, const std::string& line) {
  if (io::create_directories_durably(io::parent_of(memory)))
    static_cast<void>(io::write_file_durably(memory, as_bytes(line)));
}

}  // namespace

std::string kit_text(const KitFacts& facts, const std::string& program_object) {
  std::string keys;
  if (!facts.key_file.empty())
    keys += fmt::format(
        "   - the key file {}\n     (one line that begins with reprieve-key-1; a copy typed from "
        "paper works)\n",
        facts.key_file);
  if (facts.has_passphrase) keys += "   - the passphrase that was given to `reprieve init`\n";
  const std::string unlock = facts.key_file.empty() ? "--password-file FILE" : "--key-file FILE";
  return fmt::format(
      R"(RECOVERY KIT for the reprieve repository {id}

Keep this page, and a copy of a key, in another place than the repository and than the
machines that it protects. Whoever has the repository and a key can read everything in it.

What you need
1. The repository: the folder {path} or a copy of it.
2. One of its keys:
{keys}3. Any x86-64 machine with Linux and glibc 2.36 or newer (Debian 12 has it).

What to do
1. Take the program out of the repository; it lies there in the clear, with its libraries:
     tar -xzf {path}/{program} -C /usr/local/lib
     ln -s /usr/local/lib/reprieve/bin/reprieve /usr/local/bin/
2. See what there is:
     reprieve --repo {path} {unlock} points
3. Get the plan back, and the application with it:
     reprieve --repo {path} {unlock} restore plan --into ./plan
     reprieve --repo {path} {unlock} --plan ./plan/reprieve.yaml recover SCENARIO
   or one source at a time:
     reprieve --repo {path} {unlock} restore SOURCE --at latest --into DIR

The format of the repository is described in docs/format.md of the program's source; with that
page and a key the data can be read without this program.
)",
      fmt::arg("id", facts.repository_hex), fmt::arg("path", facts.repository_path),
      fmt::arg("keys", keys), fmt::arg("program", program_object), fmt::arg("unlock", unlock));
}

Result<std::string> store_program(ObjectStore& store, const std::string& cache_dir) {
  const std::string memory = io::path_in(cache_dir, "kit-program");
  REPRIEVE_TRY(const std::string fingerprint, program_fingerprint());
  const std::string known = remembered(memory, fingerprint);
  if (!known.empty() && store.stat(known)) return known;
  REPRIEVE_TRY(const Bytes archive, program_archive());
  std::string name = object_name_of(archive);
  REPRIEVE_RETURN_IF_ERROR(store.put(name, archive));
  remember(memory, fingerprint + " " + name);
  return name;
}

Result<> store_kit_text(ObjectStore& store, const std::string& text) {
  const std::string name =
      "kit/recovery-kit-" + to_hex(crypto::sha256(as_bytes(text))).substr(0, 16) + ".txt";
  return store.put(name, as_bytes(text));
}

}  // namespace reprieve::app
