#include "plan/parse.hpp"

#include <array>
#include <utility>

#include "base/format.hpp"
#include "plan/internal/sections.hpp"

namespace reprieve::plan {
namespace {

constexpr auto kLaterKeys = std::to_array<std::string_view>(
    {"sites", "channels", "contacts", "communicate", "drills", "alerts", "waivers", "review",
     "includes", "hosts", "risks", "incidents", "training", "monitors"});

void parse_version(const Value& value) {
  const auto version = value.is_scalar() ? core_scalar(value.node()) : Scalar{};
  if (version == Scalar{std::int64_t{1}}) return;
  value.expected("the version 1 of the plan language",
                 "A plan of a later version needs a later reprieve.");
}

using SectionParser = void (*)(const Value&, Draft&);

void parse_sections(Fields& fields, Draft& draft) {
  constexpr auto kSections = std::to_array<std::pair<std::string_view, SectionParser>>({
      {"secrets", parse_secrets},
      {"services", parse_services},
      {"sources", parse_sources},
      {"storage", parse_storages},
      {"backup", parse_backups},
      {"checks", parse_checks},
      {"people", parse_people},
      {"roles", parse_roles},
      {"scenarios", parse_scenarios},
  });
  for (const auto& [key, parse] : kSections)
    if (const auto section = fields.find(key)) parse(*section, draft);
}

/// Storages that a policy leaves to the default.
void fill_in_policies(Plan& plan) {
  for (BackupPolicy& policy : plan.backups)
    if (policy.to.empty() && !plan.storages.empty())
      policy.to = {Name{plan.storages.front().name, Position{}}};
}

/// A replica has the keys of its primary.
void fill_in_replicas(Plan& plan) {
  for (Storage& replica : plan.storages) {
    const Storage* primary =
        replica.replica_of ? plan.find_storage(replica.replica_of->text) : nullptr;
    if (primary == nullptr) continue;
    replica.unlock = primary->unlock;
    replica.secret = primary->secret;
  }
}

void parse_root(const Node& root, Draft& draft) {
  Fields fields{Value{root, "", draft.problems}, "a plan, which is a mapping"};
  if (const auto version = fields.require("reprieve", "Write reprieve: 1 as the first line."))
    parse_version(*version);
  if (const auto name = fields.require("plan", "Write plan: NAME."))
    if (const auto text = name->name("a name of letters, digits, _ and -"))
      draft.plan.name = text->text;
  fields.text("owner", draft.plan.owner);
  parse_sections(fields, draft);
  fields.finish(kLaterKeys);
}

}  // namespace

ParsedPlan parse_plan(ByteView text) {
  Problems problems;
  Draft draft{{}, problems, {}};
  if (const auto root = parse_yaml(text, problems)) {
    parse_root(*root, draft);
    fill_in_policies(draft.plan);
    check_references(draft);
    fill_in_replicas(draft.plan);
    fill_in_scenarios(draft.plan);
    resolve_steps(draft);
  }
  if (!problems.is_empty()) return {std::nullopt, std::move(problems).take()};
  return {std::move(draft.plan), {}};
}

std::string to_text(const Problem& problem) {
  std::string text = fmt::format("{}:{}: {}", problem.at.line, problem.at.column, problem.what);
  if (!problem.hint.empty()) text += "\n  " + problem.hint;
  return text;
}

Result<Plan> load_plan(ByteView text, std::string_view file) {
  auto parsed = parse_plan(text);
  if (parsed.plan) return *std::move(parsed.plan);
  Error error{ErrorKind::kInvalid, fmt::format("{}: not a usable plan", file),
              "Correct these places; docs/plan.md describes the language."};
  for (const Problem& problem : parsed.problems)
    error.what += fmt::format("\n{}:{}", file, to_text(problem));
  return error;
}

}  // namespace reprieve::plan
