#include <algorithm>
#include <array>

#include "base/format.hpp"
#include "plan/internal/sections.hpp"

/// The sections services, people and roles.
namespace reprieve::plan {
namespace {

constexpr std::string_view kRunForms =
    "{process: {argv: [...]}}, {systemd: UNIT} or {argv: {start: [...], stop: [...], "
    "status: [...]}}";

std::map<std::string, std::string> parse_env(const Value& value) {
  std::map<std::string, std::string> env;
  if (!value.is_mapping()) value.expected("a mapping of variables");
  for (const MappingEntry& entry : value.node().entries) {
    const Value variable{entry.value, value.path() + "." + entry.key, value.problems()};
    if (entry.key.empty() || entry.key.find('=') != entry.key.npos) {
      variable.fail("a variable's name is not empty and holds no =");
      continue;
    }
    if (auto text = variable.text()) env.emplace(entry.key, *std::move(text));
  }
  return env;
}

ProcessRun parse_process(const Value& value) {
  ProcessRun run;
  Fields fields{value, "a process, such as {argv: [/usr/bin/app]}"};
  if (const auto argv = fields.require("argv", "Write argv: [PROGRAM, ARGUMENT, ...]."))
    run.argv = argv->argv();
  const auto path = [&](std::string_view key) -> std::optional<std::string> {
    const auto field = fields.find(key);
    return field ? parse_absolute_path(*field) : std::nullopt;
  };
  run.cwd = path("cwd").value_or("");
  if (const auto env = fields.find("env")) run.env = parse_env(*env);
  fields.text("user", run.user);
  run.log = path("log").value_or("");
  run.pid_file = path("pid_file");
  fields.finish();
  return run;
}

SystemdRun parse_systemd(const Value& value) {
  const auto unit = value.text("the name of a unit");
  if (!unit) return {};
  // A unit name is handed to systemctl: it must not look like an option.
  const bool is_unit = !unit->starts_with('-') && std::ranges::all_of(*unit, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{":-_.@\\"}.find(c) != std::string_view::npos;
  });
  if (!is_unit) value.expected("the name of a unit");
  return {*unit};
}

ArgvRun parse_commands(const Value& value) {
  ArgvRun run;
  Fields fields{value, "the commands {start: [...], stop: [...], status: [...]}"};
  const auto command = [&](std::string_view key, std::vector<std::string>& out) {
    if (const auto argv = fields.require(key, fmt::format("Write {}: [PROGRAM, ...].", key)))
      out = argv->argv();
  };
  command("start", run.start);
  command("stop", run.stop);
  command("status", run.status);
  fields.finish();
  return run;
}

void parse_run(const Value& value, Service& service) {
  Fields fields{value, kRunForms};
  const auto process = fields.find("process");
  const auto systemd = fields.find("systemd");
  const auto argv = fields.find("argv");
  fields.finish();
  if (!value.is_mapping()) return;
  if (value.node().entries.size() != 1)
    return value.fail("needs exactly one way to run the service",
                      fmt::format("Write one of {}.", kRunForms));
  if (process) service.run = parse_process(*process);
  if (systemd) service.run = parse_systemd(*systemd);
  if (argv) service.run = parse_commands(*argv);
}

bool parse_service(const Value& value, Service& service) {
  Fields fields{value, "a service, such as {rto: 30m, sources: [db]}"};
  fields.duration("rto", service.rto);
  fields.duration("rpo", service.rpo);
  if (const auto tier = fields.find("tier")) service.tier = tier->integer_as<std::uint32_t>(0, 99);
  fields.names("sources", "a list of sources", service.sources);
  fields.names("needs", "a list of services", service.needs);
  const auto run = fields.find("run");
  if (run) parse_run(*run, service);
  fields.names("health", "a list of checks", service.health);
  constexpr std::array<std::string_view, 2> kLater = {"slo", "site"};
  fields.finish(kLater);
  return !run || service.run.has_value();
}

void parse_person(const Value& value, Person& person) {
  Fields fields{value, "a person, such as {key: \"ed25519:HEX\", email: ana@example.org}"};
  if (const auto key = fields.find("key")) {
    const std::string wanted = "a public key such as \"ed25519:\" and 64 hexadecimal digits";
    const auto text = key->text(wanted);
    const auto bytes =
        text && text->starts_with("ed25519:") ? from_hex(text->substr(8)) : std::optional<Bytes>{};
    if (bytes && bytes->size() == 32)
      person.key = to_hex(*bytes);
    else if (text)
      key->expected(wanted, "Take the line that `reprieve` printed when the key was made.");
  }
  fields.text("email", person.email);
  fields.text("phone", person.phone);
  constexpr std::array<std::string_view, 2> kLater = {"slack", "verified"};
  fields.finish(kLater);
}

}  // namespace

void parse_services(const Value& section, Draft& draft) {
  if (!section.is_mapping()) draft.doubtful.insert("services");
  for (const auto& [name, value] : entries_of(section, "a mapping of services")) {
    Service service;
    service.name = name.text;
    service.at = name.at;
    if (!parse_service(value, service)) draft.doubtful.insert("services." + name.text);
    draft.plan.services.push_back(std::move(service));
  }
}

void parse_people(const Value& section, Draft& draft) {
  if (!section.is_mapping()) draft.doubtful.insert("people");
  for (const auto& [name, value] : entries_of(section, "a mapping of people")) {
    Person person;
    person.name = name.text;
    person.at = name.at;
    const std::size_t before = draft.problems.count();
    parse_person(value, person);
    if (draft.problems.count() != before) draft.doubtful.insert("people." + name.text);
    draft.plan.people.push_back(std::move(person));
  }
}

void parse_roles(const Value& section, Draft& draft) {
  if (!section.is_mapping()) draft.doubtful.insert("roles");
  for (const auto& [name, value] : entries_of(section, "a mapping of roles")) {
    Role role;
    role.name = name.text;
    role.at = name.at;
    if (value.is_mapping()) {
      Fields fields{value, ""};
      if (const auto people = fields.require("people", "Write people: [NAME, ...]."))
        role.people = people->names("a list of people");
      constexpr std::array<std::string_view, 1> kLater = {"fallback"};
      fields.finish(kLater);
    } else {
      role.people = value.names("a list of people");
    }
    draft.plan.roles.push_back(std::move(role));
  }
}

}  // namespace reprieve::plan
