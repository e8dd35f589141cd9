#include "app/diagnosis.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/key_proofs.hpp"
#include "app/sources.hpp"
#include "base/format.hpp"
#include "io/file.hpp"
#include "plan/lint.hpp"
#include "source/postgresql/connection.hpp"

namespace reprieve::app {
namespace {

using Verdict = Finding::Verdict;

// Under a tenth free, the next full backup may well not fit.
constexpr std::uint64_t kFreeShareWarning = 10;

class Diagnosis {
 public:
  Diagnosis(Workspace& workspace, const CancelToken& cancel)
      : workspace_{workspace}, cancel_{cancel} {}

  std::vector<Finding> run() {
    good("program", fmt::format("reprieve {}{}", REPRIEVE_VERSION,
                                ::geteuid() == 0 ? ", running as root" : ""));
    if (::geteuid() != 0)
      add({Verdict::kWarning, "user", "not running as root",
           "Backups keep what this user may read; restores cannot set other owners."});
    folder("state folder", workspace_.state_dir());
    folder("cache folder", workspace_.cache_dir());
    repository();
    plan();
    return std::move(findings_);
  }

 private:
  void add(Finding finding) { findings_.push_back(std::move(finding)); }
  void good(std::string subject, std::string what) {
    add({Verdict::kGood, std::move(subject), std::move(what), ""});
  }
  void bad(std::string subject, const Error& error) {
    add({Verdict::kBad, std::move(subject), error.what, error.hint});
  }

  void folder(const std::string& subject, const std::string& path) {
    std::string existing = path;
    while (!io::exists(existing) && existing != "/" && existing != ".")
      existing = io::parent_of(existing);
    if (::access(existing.c_str(), W_OK | X_OK) == 0) return good(subject, path + " is writable");
    add({Verdict::kBad, subject, path + " cannot be written to",
         "Choose another with --" + subject.substr(0, subject.find(' ')) + "-dir."});
  }

  void repository() {
    const auto path = workspace_.repository_path();
    if (!path) return bad("repository", path.error());
    space(*path);
    auto opened = workspace_.open_repository();
    if (!opened) return bad("repository", opened.error());
    const auto& list = opened->listed;
    good("repository", fmt::format("{} opens; {} recovery points", *path, list.snapshots.size()));
    for (const repository::HeadAlarm& alarm : opened->alarms)
      add({Verdict::kBad, "repository", alarm.object + ": " + alarm.what,
           "Look at it with `reprieve repo head`."});
    for (const std::string& name : list.damaged)
      add({Verdict::kBad, "repository", name + " is damaged", "Run `reprieve repo repair`."});
    if (!list.sealed_off.empty())
      add({Verdict::kBad, "key",
           fmt::format("{} recovery points are sealed with keys that this key was not handed",
                       list.sealed_off.size()),
           "Ask an administrator for a new one: `reprieve repo keys add`."});
    other_keys(*opened->repository);
    const std::string key_file = workspace_.key_file_wanted();
    struct ::stat status = {};
    if (!key_file.empty() && ::stat(key_file.c_str(), &status) == 0 &&
        (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
      add({Verdict::kWarning, "key file", key_file + " can be read by others than its owner",
           "Run `chmod 600 " + key_file + "`."});
  }

  /// Keys that open the data and lie somewhere for a bad day. The one at hand has just been proved.
  void other_keys(const repository::Repository& repository) {
    const auto slots = repository.slots();
    if (!slots) return bad("keys", slots.error());
    const auto proofs = KeyProofs::load(workspace_.state_dir(), to_hex(repository.id()));
    const Instant now = system_clock().now();
    for (const repository::SlotSummary& slot : *slots) {
      if (slot.id == repository.slot_id() || slot.label.starts_with("writer ") ||
          slot.label.starts_with("pruner "))
        continue;
      const auto proved = proofs.proved(slot.id);
      const std::string subject = "key " + slot.id.substr(0, 12);
      if (proved && now - *proved < kProofLasts) {
        good(subject, fmt::format("{} ({}) last proved {} ago", slot.label, slot.kind,
                                  format_duration(now - *proved)));
        continue;
      }
      const std::string when =
          proved ? "last proved " + format_duration(now - *proved) + " ago" : "never proved here";
      add({Verdict::kWarning, subject, fmt::format("{} ({}) {}", slot.label, slot.kind, when),
           "Fetch it, and run `reprieve repo keys test` with it."});
    }
  }

  void space(const std::string& path) {
    struct ::statvfs status = {};
    if (::statvfs(path.c_str(), &status) != 0) return;
    const std::uint64_t free_bytes = status.f_bavail * status.f_frsize;
    const std::uint64_t all_bytes = status.f_blocks * status.f_frsize;
    const std::string what = format_size(free_bytes) + " of " + format_size(all_bytes) + " free";
    if (free_bytes * kFreeShareWarning >= all_bytes) return good("repository space", what);
    add({Verdict::kWarning, "repository space", what, "Free some space, or move the repository."});
  }

  void plan() {
    const LoadedPlan* loaded = workspace_.plan_if_any();
    if (loaded == nullptr)
      return add({Verdict::kWarning, "plan", "there is no reprieve.yaml in this folder",
                  "Backups work without one; recoveries need it (docs/plan.md)."});
    good("plan", fmt::format("{} parses; {} sources, {} scenarios", loaded->path,
                             loaded->plan.sources.size(), loaded->plan.scenarios.size()));
    for (const plan::Finding& finding : plan::lint(loaded->plan))
      add({Verdict::kWarning, "plan, " + finding.subject, finding.reason, finding.remedy});
    for (const plan::Secret& secret : loaded->plan.secrets) {
      const auto value = workspace_.secret(secret.name);
      value ? good("secret " + secret.name, "is there")
            : bad("secret " + secret.name, value.error());
    }
    for (const plan::Source& source : loaded->plan.sources)
      this->source(source);
  }

  void source(const plan::Source& source) {
    const std::string subject = "source " + source.name;
    if (const auto* files = std::get_if<plan::FilesSource>(&source.kind)) {
      for (const std::string& path : absolute_paths(workspace_, *files)) {
        if (::access(path.c_str(), R_OK) == 0) {
          good(subject, path + " is readable");
        } else {
          bad(subject, error_from_errno(errno, path));
        }
      }
      return;
    }
    postgres(subject, std::get<plan::PostgresSource>(source.kind));
  }

  void postgres(const std::string& subject, const plan::PostgresSource& source) {
    PostgresAddress address;
    address.uri = source.url;
    if (source.password) {
      const auto password = workspace_.secret(source.password->text);
      if (!password) return;  // A finding of its own.
      address.password = Password{as_text(password->expose())};
    }
    const auto connection =
        Connection::open(address, Connection::Mode::kReplication, system_clock(), cancel_);
    if (!connection) return bad(subject, connection.error());
    good(subject,
         fmt::format("{} answers, version {}.{}, and lets us replicate", connection->name(),
                     connection->version() / 10000, connection->version() % 10000));
  }

  Workspace& workspace_;
  const CancelToken& cancel_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> diagnose(Workspace& workspace, const CancelToken& cancel) {
  return Diagnosis{workspace, cancel}.run();
}

}  // namespace reprieve::app
