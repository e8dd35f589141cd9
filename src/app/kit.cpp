#include "app/kit.hpp"

#include <sys/utsname.h>

#include "base/format.hpp"
#include "crypto/crypto.hpp"
#include "io/file.hpp"

namespace reprieve::app {
namespace {

// Debug builds of the program have some hundred MB; beyond this something else was linked in.
constexpr ByteCount kProgramMax{1024ULL * 1024 * 1024};

std::string machine_name() {
  struct ::utsname names = {};
  if (::uname(&names) != 0) return "unknown";
  std::string machine = names.machine;
  for (char& c : machine)
    if (c == '_') c = '-';
  return machine;
}

std::string object_name_of(ByteView program) {
  return fmt::format("kit/reprieve-{}-{}-{}", REPRIEVE_VERSION, machine_name(),
                     to_hex(crypto::sha256(program)).substr(0, 16));
}

Result<Bytes> read_program() {
  REPRIEVE_TRY(const std::string path, program_path());
  return io::read_file(path, kProgramMax);
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
{keys}3. Any machine with Debian 12 (x86-64).

What to do
1. Take the program out of the repository; it lies there in the clear:
     cp {path}/{program} /usr/local/bin/reprieve && chmod +x /usr/local/bin/reprieve
   It needs these packages:
     apt-get install libpq5 libcurl4 libyaml-0-2 libisal2 libsodium23 libzstd1 libfmt9
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

Result<std::string> program_object_name() {
  REPRIEVE_TRY(const Bytes program, read_program());
  return object_name_of(program);
}

Result<> store_program(ObjectStore& store) {
  REPRIEVE_TRY(const Bytes program, read_program());
  const std::string name = object_name_of(program);
  if (const auto there = store.stat(name); there && there->size.value == program.size()) return kOk;
  return store.put(name, program);
}

Result<> store_kit_text(ObjectStore& store, const std::string& text) {
  const std::string name =
      "kit/recovery-kit-" + to_hex(crypto::sha256(as_bytes(text))).substr(0, 16) + ".txt";
  return store.put(name, as_bytes(text));
}

}  // namespace reprieve::app
