#include "app/kit.hpp"

#include <sys/utsname.h>

#include "app/kit_archive.hpp"
#include "base/format.hpp"
#include "crypto/crypto.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "storage/s3/location.hpp"

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

/// The repository's place, as the page names it.
struct Where {
  std::string place;
  std::string fetch;  ///< The command that unpacks the program, but for the folder.
  std::string repo;   ///< As an argument on a shell's command line.
};

Where where_of(const std::string& location, const std::string& program_object) {
  const auto bucket = s3::parse_location(location);
  if (!bucket)
    return {"the folder " + location + " or a copy of it",
            "tar -xzf " + location + "/" + program_object, location};
  const std::string prefix = bucket->prefix.empty() ? "" : bucket->prefix + "/";
  std::string fetch = "aws s3 cp ";
  if (!bucket->endpoint.empty()) fetch += "--endpoint-url " + bucket->endpoint + " ";
  if (!bucket->region.empty()) fetch += "--region " + bucket->region + " ";
  return {"the bucket " + bucket->describe() +
              "\n   and an account that may read it (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)",
          fetch + "s3://" + bucket->bucket + "/" + prefix + program_object + " - | tar -xz",
          "'" + location + "'"};
}

}  // namespace

Result<KitFacts> kit_facts(const Workspace& workspace, std::string repository_hex) {
  KitFacts facts;
  REPRIEVE_TRY(facts.repository_path, workspace.repository_path());
  facts.repository_hex = std::move(repository_hex);
  REPRIEVE_TRY(const auto places, workspace.replica_places());
  for (const StorePlace& place : places)
    facts.replicas.push_back(place.location);
  return facts;
}

std::string kit_text(const KitFacts& facts, const std::string& program_object) {
  std::string keys;
  if (!facts.key_file.empty())
    keys += fmt::format(
        "   - the key file {}\n     (one line that begins with reprieve-key-1; a copy typed from "
        "paper works)\n",
        facts.key_file);
  if (facts.has_passphrase) keys += "   - the passphrase that was given to `reprieve init`\n";
  const std::string unlock = facts.key_file.empty() ? "--password-file FILE" : "--key-file FILE";
  const Where where = where_of(facts.repository_path, program_object);
  std::string replicas;
  for (const std::string& replica : facts.replicas)
    replicas += "\n   - " + where_of(replica, program_object).place;
  if (!replicas.empty())
    replicas =
        "\n   If that is gone, one of its replicas, to be named below in its place:" + replicas;
  return fmt::format(
      R"(RECOVERY KIT for the reprieve repository {id}

Keep this page, and a copy of a key, in another place than the repository and than the
machines that it protects. Whoever has the repository and a key can read everything in it.

What you need
1. The repository: {place}.{replicas}
2. One of its keys:
{keys}3. Any x86-64 machine with Linux and glibc 2.36 or newer (Debian 12 has it).

What to do
1. Take the program out of the repository; it lies there in the clear, with its libraries:
     {fetch} -C /usr/local/lib
     ln -s /usr/local/lib/reprieve/bin/reprieve /usr/local/bin/
2. See what there is:
     reprieve --repo {repo} {unlock} points
3. Get the plan back, and the application with it:
     reprieve --repo {repo} {unlock} restore plan --into ./plan
     reprieve --repo {repo} {unlock} --plan ./plan/reprieve.yaml recover SCENARIO
   or one source at a time:
     reprieve --repo {repo} {unlock} restore SOURCE --into DIR

The format of the repository is described in docs/format.md of the program's source; with that
page and a key the data can be read without this program.
)",
      fmt::arg("id", facts.repository_hex), fmt::arg("place", where.place),
      fmt::arg("replicas", replicas), fmt::arg("fetch", where.fetch), fmt::arg("repo", where.repo),
      fmt::arg("keys", keys), fmt::arg("unlock", unlock));
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
