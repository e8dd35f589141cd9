#include "plan/canonical.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/json.hpp"

namespace reprieve::plan {
namespace {

Json json_of(const std::optional<Duration>& duration) {
  return duration ? Json(duration->count()) : Json(nullptr);
}

Json json_of(const std::vector<Name>& names) {
  Json list = Json::array();
  for (const Name& name : names)
    list.push_back(name.text);
  return list;
}

/// Of names whose order means nothing.
Json sorted(std::vector<Name> names) {
  std::ranges::sort(names, {}, &Name::text);
  return json_of(names);
}

Json json_of(const std::vector<Template>& texts) {
  Json list = Json::array();
  for (const Template& text : texts)
    list.push_back(text.text());
  return list;
}

Json json_of(const std::map<std::string, Template>& texts) {
  Json object = Json::object();
  for (const auto& [name, text] : texts)
    object[name] = text.text();
  return object;
}

Json json_of(const Scalar& scalar) {
  struct {
    Json operator()(std::monostate) const { return nullptr; }
    Json operator()(bool value) const { return value; }
    Json operator()(std::int64_t value) const { return value; }
    Json operator()(double value) const { return value; }
    Json operator()(const std::string& value) const { return value; }
  } visitor;
  return std::visit(visitor, scalar);
}

/// The entries of a section as one object, sorted by name.
template <class T, class Encode>
Json section(const std::vector<T>& entries, Encode encode) {
  std::vector<const T*> order;
  order.reserve(entries.size());
  for (const T& entry : entries)
    order.push_back(&entry);
  std::ranges::sort(order, {}, [](const T* entry) { return std::string_view{entry->name}; });
  Json object = Json::object();
  for (const T* entry : order)
    object[entry->name] = encode(*entry);
  return object;
}

Json json_of_secret(const Secret& secret) {
  const bool is_file = secret.from == Secret::From::kFile;
  return (is_file ? "file:" : "env:") + secret.where;
}

Json json_of(const ProcessRun& run) {
  return {{"process",
           {{"argv", run.argv},
            {"cwd", run.cwd},
            {"env", run.env},
            {"user", run.user},
            {"log", run.log},
            {"pid_file", run.pid_file.value_or("")}}}};
}
Json json_of(const SystemdRun& run) {
  return {{"systemd", run.unit}};
}
Json json_of(const ArgvRun& run) {
  return {{"argv", {{"start", run.start}, {"stop", run.stop}, {"status", run.status}}}};
}

Json json_of_service(const Service& service) {
  Json run;
  if (service.run) run = std::visit([](const auto& way) { return json_of(way); }, *service.run);
  return {{"rto", json_of(service.rto)},
          {"rpo", json_of(service.rpo)},
          {"tier", service.tier ? Json(*service.tier) : Json(nullptr)},
          {"sources", sorted(service.sources)},
          {"needs", sorted(service.needs)},
          {"run", run},
          {"health", sorted(service.health)}};
}

Json json_of(const FilesSource& source) {
  return {{"type", "files"},
          {"path", source.paths},
          {"exclude", source.exclude},
          {"one_file_system", source.one_file_system},
          {"cachedir_tag", source.cachedir_tag}};
}
Json json_of(const PostgresSource& source) {
  return {{"type", "postgres"},
          {"url", source.url},
          {"password", source.password ? Json(source.password->text) : Json(nullptr)},
          {"data_dir", source.data_dir},
          {"user", source.os_user}};
}

Json json_of_source(const Source& source) {
  return std::visit([](const auto& kind) { return json_of(kind); }, source.kind);
}

Json json_of_storage(const Storage& storage) {
  const bool is_password = storage.unlock == Storage::Unlock::kPassword;
  const bool is_folder = storage.location.starts_with('/');
  Json json = {{"url", (is_folder ? "file://" : "") + storage.location},
               {is_password ? "password" : "key", storage.secret.text}};
  if (storage.replica_of) json["replica_of"] = storage.replica_of->text;
  if (storage.access_key) json["access_key"] = storage.access_key->text;
  if (storage.secret_key) json["secret_key"] = storage.secret_key->text;
  return json;
}

Json json_of(const BackupPolicy& policy) {
  Json every;
  if (policy.every) {
    if (const auto* interval = std::get_if<EverySchedule>(&*policy.every))
      every = {{"interval", interval->interval.count()}};
    if (const auto* daily = std::get_if<DailySchedule>(&*policy.every))
      every = {{"minute_of_day", daily->minute_of_day}};
    if (policy.is_continuous()) every = {{"continuous", true}};
  }
  const Keep& keep = policy.keep;
  Json json = {{"sources", sorted(policy.sources)},
               {"to", sorted(policy.to)},
               {"every", every},
               {"keep",
                {{"last", keep.last},
                 {"hourly", keep.hourly},
                 {"daily", keep.daily},
                 {"weekly", keep.weekly},
                 {"monthly", keep.monthly},
                 {"yearly", keep.yearly},
                 {"within", json_of(keep.within)}}},
               {"estimate", json_of(policy.estimate)}};
  // Only if it is there, so that plans from before it keep their hash.
  if (policy.verify) json["verify"] = name_of(*policy.verify);
  return json;
}

Json json_of(const HttpCheck& check) {
  auto pairs = check.json;
  std::ranges::sort(pairs, {}, [](const auto& pair) { return pair.first; });
  Json json = Json::object();
  for (const auto& [path, value] : pairs)
    json[path] = json_of(value);
  return {{"http", check.url},
          {"status", check.status},
          {"contains", check.contains},
          {"json", json},
          {"under", json_of(check.under)}};
}
Json json_of(const TcpCheck& check) {
  return {{"tcp", check.host}, {"port", check.port}};
}
Json json_of(const SqlCheck& check) {
  constexpr std::array<std::string_view, 5> kCompares = {"succeeds", "equals", "not_equals",
                                                         "at_least", "at_most"};
  return {{"sql", check.statement},
          {"source", check.source ? Json(check.source->text) : Json(nullptr)},
          {"url", check.url},
          {"compare", kCompares[static_cast<std::size_t>(check.compare)]},
          {"want", json_of(check.want)}};
}
Json json_of(const FileCheck& check) {
  return {{"file", check.path},
          {"exists", check.exists},
          {"min_size", check.min_size ? Json(check.min_size->value) : Json(nullptr)},
          {"contains", check.contains},
          {"sha256", check.sha256}};
}
Json json_of(const ArgvCheck& check) {
  return {{"argv", check.argv}, {"exit", check.exit}, {"contains", check.contains}};
}

Json json_of_check(const Check& check) {
  Json out = std::visit([](const auto& kind) { return json_of(kind); }, check.kind);
  out["timeout"] = check.timeout.count();
  out["tries"] = check.tries;
  out["every"] = check.every.count();
  out["stable"] = check.stable.count();
  return out;
}

Json json_of_person(const Person& person) {
  return {{"key", person.key}, {"email", person.email}, {"phone", person.phone}};
}
Json json_of_role(const Role& role) {
  return sorted(role.people);
}

Json json_of(const StopStep& step) {
  return {{"services", json_of(step.services)},
          {"order", step.order == ServiceOrder::kNeeds ? "needs" : "listed"}};
}
Json json_of(const StartStep& step) {
  return {{"services", json_of(step.services)},
          {"order", step.order == ServiceOrder::kNeeds ? "needs" : "listed"},
          {"gate", step.gate == Gate::kHealth ? "health" : "none"}};
}
std::string into_of(RestorePlace place, const Template& path) {
  return place == RestorePlace::kSideBySide ? "side-by-side" : path.text();
}
Json json_of(const FilesRestoreStep& step) {
  return {{"source", step.source.text},
          {"at", step.point.text()},
          {"into", into_of(step.place, step.path)}};
}
Json json_of(const DbRestoreStep& step) {
  return {{"source", step.source.text},
          {"at", step.point.text()},
          {"to_time", step.to_time.text()},
          {"into", into_of(step.place, step.path)}};
}
Json json_of(const SwitchStep& step) {
  return {{"of", sorted(step.of)},
          {"keep_old", step.keep_old ? Json(step.keep_old->count()) : Json(true)}};
}
Json json_of(const CheckStep& step) {
  return {{"run", json_of(step.checks)},
          {"against", step.against ? Json(step.against->text()) : Json(nullptr)}};
}
Json json_of(const RunStep& step) {
  constexpr std::array<std::string_view, 3> kNames = {"true", "false", "probe"};
  return {{"argv", json_of(step.argv)},
          {"env", json_of(step.env)},
          {"cwd", step.cwd.text()},
          {"idempotent", kNames[static_cast<std::size_t>(step.idempotent)]},
          {"probe", json_of(step.probe)}};
}
Json json_of(const ApproveStep& step) {
  return {{"by", sorted(step.by)},
          {"quorum", step.quorum},
          {"not_requester", step.is_requester_excluded},
          {"binds", sorted(step.binds)},
          {"text", step.text.text()},
          {"on_timeout", step.on_timeout == OnTimeout::kDeny ? "deny" : "proceed"}};
}

Json json_of(const Step& step) {
  Json undo = step.undo == UndoKind::kArgv ? json_of(step.undo_argv)
                                           : Json(step.undo == UndoKind::kNone ? "none" : "auto");
  Json out = {{"id", step.id}, {"do", name_of(step.type())}};
  out.update(std::visit([](const auto& action) { return json_of(action); }, step.action));
  out.update({{"needs", sorted(step.needs)},
              {"when", step.when ? Json(step.when->text()) : Json(nullptr)},
              {"timeout", step.timeout.count()},
              {"stall", json_of(step.stall)},
              {"retry", {{"times", step.retry.times}, {"delay", step.retry.delay.count()}}},
              {"on_fail", name_of(step.on_fail)},
              {"undo", std::move(undo)},
              {"estimate", json_of(step.estimate)},
              {"owner", step.owner}});
  return out;
}

Json json_of_param(const Param& param) {
  return {{"type", name_of(param.type)},
          {"of", param.of ? Json(param.of->text) : Json(nullptr)},
          {"default", param.default_value ? Json(*param.default_value) : Json(nullptr)}};
}

Json json_of_scenario(const Scenario& scenario) {
  const Goal& goal = scenario.goal;
  Json steps = Json::array();
  for (const Step& step : scenario.steps)
    steps.push_back(json_of(step));
  return {{"goal",
           {{"severity", goal.severity ? Json(name_of(*goal.severity)) : Json(nullptr)},
            {"rto", json_of(goal.rto)},
            {"rpo", json_of(goal.rpo)}}},
          {"params", section(scenario.params, json_of_param)},
          {"steps", std::move(steps)},
          {"verify", sorted(scenario.verify)}};
}

}  // namespace

std::string canonical_text(const Plan& plan) {
  Json backups = Json::array();
  for (const BackupPolicy& policy : plan.backups)
    backups.push_back(json_of(policy));
  const Json default_storage =
      plan.storages.empty() ? Json(nullptr) : Json(plan.storages.front().name);
  const Json document = {{"reprieve", 1},
                         {"plan", plan.name},
                         {"owner", plan.owner},
                         {"secrets", section(plan.secrets, json_of_secret)},
                         {"services", section(plan.services, json_of_service)},
                         {"sources", section(plan.sources, json_of_source)},
                         {"default_storage", default_storage},
                         {"storage", section(plan.storages, json_of_storage)},
                         {"backup", std::move(backups)},
                         {"checks", section(plan.checks, json_of_check)},
                         {"people", section(plan.people, json_of_person)},
                         {"roles", section(plan.roles, json_of_role)},
                         {"scenarios", section(plan.scenarios, json_of_scenario)}};
  return to_text(document);
}

}  // namespace reprieve::plan
