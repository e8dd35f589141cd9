#include <algorithm>
#include <set>

#include "base/format.hpp"
#include "plan/internal/graph.hpp"
#include "plan/internal/sections.hpp"
#include "plan/nearest.hpp"

/// Whether what one section names exists in the other, and is of a kind that fits.
namespace reprieve::plan {
namespace {

class ReferenceCheck {
 public:
  explicit ReferenceCheck(Draft& draft) : draft_{draft}, plan_{draft.plan} {}

  void run() {
    for (const Source& source : plan_.sources)
      check_source(source);
    for (const Storage& storage : plan_.storages)
      check_storage(storage);
    for (const BackupPolicy& policy : plan_.backups)
      check_policy(policy);
    for (const Service& service : plan_.services)
      check_service(service);
    check_service_cycles();
    for (const Check& check : plan_.checks)
      check_check(check);
    for (const Role& role : plan_.roles)
      for (const Name& person : role.people)
        known("roles." + role.name, "person", "people", person, plan_.people);
    for (const Scenario& scenario : plan_.scenarios)
      check_scenario(scenario);
  }

 private:
  void check_storage(const Storage& storage) {
    const std::string path = "storage." + storage.name;
    if (!storage.secret.text.empty())
      secret(path + (storage.unlock == Storage::Unlock::kPassword ? ".password" : ".key"),
             storage.secret);
    if (storage.access_key) secret(path + ".access_key", *storage.access_key);
    if (storage.secret_key) secret(path + ".secret_key", *storage.secret_key);
    if (storage.replica_of) check_replica(path + ".replica_of", storage);
  }

  void check_replica(const std::string& path, const Storage& replica) {
    const Storage* primary = known(path, "storage", "storage", *replica.replica_of, plan_.storages);
    const auto fail = [&](const char* what, std::string hint) {
      draft_.problems.add(replica.replica_of->at, path + ": " + what, std::move(hint));
    };
    if (&replica == &plan_.storages.front())
      fail("the first storage is where backups go, so it is no replica",
           "Write its primary first.");
    else if (primary == &replica)
      fail("a storage is no replica of itself", "Name its primary.");
    else if (primary != nullptr && primary->replica_of)
      fail("this one is a replica, too",
           fmt::format("Name its primary, {}.", primary->replica_of->text));
  }

  /// Reports `name` if there is no such entry. Returns it otherwise, unless it is doubtful.
  template <class T>
  const T* known(const std::string& path, std::string_view kind, std::string_view section,
                 const Name& name, const std::vector<T>& entries) {
    for (const T& entry : entries)
      if (entry.name == name.text) return draft_.is_doubtful(section, name.text) ? nullptr : &entry;
    if (name.text.empty() || draft_.is_doubtful(section, name.text)) return nullptr;
    if (draft_.problems.is_full()) return nullptr;
    std::string hint = suggestion(name.text, names_of(entries));
    if (hint.empty())
      hint = fmt::format("Write an entry {} in the section {}.", name.text, section);
    draft_.problems.add(name.at, fmt::format("{}: there is no {} \"{}\"", path, kind, name.text),
                        std::move(hint));
    return nullptr;
  }

  /// The message shows no name: somebody may have written the secret itself.
  void secret(const std::string& path, const Name& name) {
    if (plan_.find_secret(name.text) != nullptr || draft_.is_doubtful("secrets", "")) return;
    const auto names = names_of(plan_.secrets);
    std::string hint = suggestion(name.text, names);
    if (hint.empty()) hint = "Write an entry in the section secrets, and its name here.";
    draft_.problems.add(name.at, path + ": this names no entry of the section secrets",
                        std::move(hint));
  }

  void check_source(const Source& source) {
    if (const auto* postgres = std::get_if<PostgresSource>(&source.kind))
      if (postgres->password) secret("sources." + source.name + ".password", *postgres->password);
  }

  void check_policy(const BackupPolicy& policy) {
    for (const Name& name : policy.sources) {
      const Source* source = known("backup", "source", "sources", name, plan_.sources);
      if (source != nullptr && policy.is_continuous())
        expect_kind<PostgresSource>("backup", "a postgres source for a continuous policy", *source,
                                    name.at);
    }
    for (const Name& name : policy.to) {
      const Storage* storage = known("backup", "storage", "storage", name, plan_.storages);
      if (storage != nullptr && storage->replica_of)
        draft_.problems.add(
            name.at, fmt::format("backup: {} is a replica, which takes no backups", name.text),
            fmt::format("Write {}; what it takes is copied to {}.", storage->replica_of->text,
                        name.text));
    }
    if (plan_.storages.empty() && policy.to.empty() && !draft_.is_doubtful("storage", ""))
      draft_.problems.add(policy.at, "backup: the plan has no storage to back up to",
                          "Write storage: {near: {url: /srv/repo, password: NAME}}.");
  }

  void check_service(const Service& service) {
    const std::string path = "services." + service.name;
    for (const Name& source : service.sources)
      known(path + ".sources", "source", "sources", source, plan_.sources);
    for (const Name& need : service.needs)
      known(path + ".needs", "service", "services", need, plan_.services);
    for (const Name& check : service.health)
      known(path + ".health", "check", "checks", check, plan_.checks);
  }

  void check_service_cycles() {
    Graph graph;
    for (const Service& service : plan_.services) {
      auto& needed = graph.emplace_back();
      for (const Name& name : service.needs)
        if (const Service* other = plan_.find_service(name.text))
          needed.push_back(static_cast<std::size_t>(other - plan_.services.data()));
    }
    const auto cycle = find_cycle(graph);
    if (cycle.empty()) return;
    std::string circle;
    for (const std::size_t index : cycle)
      circle += plan_.services[index].name + " -> ";
    const Service& first = plan_.services[cycle[0]];
    draft_.problems.add(first.at,
                        fmt::format("services.{}: the services need each other in a circle: {}{}",
                                    first.name, circle, first.name),
                        "Remove one of these needs: none of them could be started first.");
  }

  void check_check(const Check& check) {
    const auto* sql = std::get_if<SqlCheck>(&check.kind);
    if (sql == nullptr || !sql->source) return;
    const std::string path = "checks." + check.name + ".source";
    const Source* source = known(path, "source", "sources", *sql->source, plan_.sources);
    if (source != nullptr)
      expect_kind<PostgresSource>(path, "a postgres source", *source, sql->source->at);
  }

  template <class Kind>
  void expect_kind(const std::string& path, std::string_view wanted, const Source& source,
                   Position at) {
    if (std::holds_alternative<Kind>(source.kind)) return;
    draft_.problems.add(at,
                        fmt::format("{}: expected {}, but {} is none", path, wanted, source.name),
                        "Name another source.");
  }

  void check_scenario(const Scenario& scenario) {
    const std::string path = "scenarios." + scenario.name;
    for (const Param& param : scenario.params)
      if (param.of)
        known(path + ".params." + param.name + ".of", "source", "sources", *param.of,
              plan_.sources);
    for (const Name& check : scenario.verify)
      known(path + ".verify", "check", "checks", check, plan_.checks);
    for (const Step& step : scenario.steps)
      check_step(path + ".steps." + step.id, step);
  }

  void check_step(const std::string& path, const Step& step) {
    if (const auto* stop = std::get_if<StopStep>(&step.action))
      check_runnable(path, stop->services);
    if (const auto* start = std::get_if<StartStep>(&step.action))
      check_runnable(path, start->services);
    if (const auto* files = std::get_if<FilesRestoreStep>(&step.action)) {
      const Source* source = known(path, "source", "sources", files->source, plan_.sources);
      if (source != nullptr)
        expect_kind<FilesSource>(path, "a files source", *source, files->source.at);
    }
    if (const auto* db = std::get_if<DbRestoreStep>(&step.action)) check_db_restore(path, *db);
    if (const auto* check = std::get_if<CheckStep>(&step.action))
      for (const Name& name : check->checks)
        known(path + ".run", "check", "checks", name, plan_.checks);
    if (const auto* approve = std::get_if<ApproveStep>(&step.action))
      check_approvers(path, step, *approve);
  }

  void check_runnable(const std::string& path, const std::vector<Name>& services) {
    for (const Name& name : services) {
      const Service* service =
          known(path + ".services", "service", "services", name, plan_.services);
      if (service == nullptr || service->run) continue;
      draft_.problems.add(
          name.at, fmt::format("{}.services: nothing says how to run {}", path, name.text),
          fmt::format("Write `run:` in services.{}, or take it out of this step.", name.text));
    }
  }

  void check_db_restore(const std::string& path, const DbRestoreStep& step) {
    const Source* source = known(path, "source", "sources", step.source, plan_.sources);
    if (source == nullptr) return;
    expect_kind<PostgresSource>(path, "a postgres source", *source, step.source.at);
    const auto* postgres = std::get_if<PostgresSource>(&source->kind);
    if (postgres == nullptr || step.place == RestorePlace::kPath || !postgres->data_dir.empty())
      return;
    draft_.problems.add(
        step.source.at,
        fmt::format("{}: nothing says where the data of {} lie", path, source->name),
        fmt::format("Write data_dir: PATH in sources.{}, or `into: PATH` here.", source->name));
  }

  void check_approvers(const std::string& path, const Step& step, const ApproveStep& approve) {
    std::set<std::string> with_key;
    bool is_certain = true;
    for (const Name& name : approve.by) {
      const Role* role = known(path + ".by", "role", "roles", name, plan_.roles);
      is_certain = is_certain && role != nullptr;
      if (role == nullptr) continue;
      for (const Name& member : role->people) {
        const Person* person = plan_.find_person(member.text);
        if (person == nullptr || draft_.is_doubtful("people", member.text))
          is_certain = false;
        else if (!person->key.empty())
          with_key.insert(person->name);
      }
    }
    if (!is_certain || with_key.size() >= approve.quorum) return;
    draft_.problems.add(
        step.at,
        fmt::format("{}: needs {} approval(s), but only {} of these people have a key", path,
                    approve.quorum, with_key.size()),
        "Write key: \"ed25519:...\" in the section people, or lower the quorum.");
  }

  Draft& draft_;
  const Plan& plan_;
};

}  // namespace

void check_references(Draft& draft) {
  ReferenceCheck{draft}.run();
}

}  // namespace reprieve::plan
