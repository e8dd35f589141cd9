#include "plan/lint.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/format.hpp"
#include "plan/internal/scenario_graph.hpp"
#include "plan/units.hpp"

namespace reprieve::plan {
namespace {

/// How long a receiver lets log wait on its own disk.
constexpr Duration kContinuousLoss = std::chrono::seconds{1};

class Linter {
 public:
  explicit Linter(const Plan& plan) : plan_{plan} {
    for (const BackupPolicy& policy : plan.backups)
      for (const Name& source : policy.sources)
        policies_[source.text].push_back(&policy);
  }

  std::vector<Finding> run() {
    for (const Service& service : plan_.services)
      lint_service(service);
    for (const BackupPolicy& policy : plan_.backups)
      if (policy.is_continuous()) lint_continuous(policy);
    for (const Scenario& scenario : plan_.scenarios)
      lint_scenario(scenario);
    lint_placeholders();
    std::ranges::stable_sort(findings_, {}, [](const Finding& finding) {
      return std::pair{finding.at, std::string_view{finding.rule}};
    });
    return std::move(findings_);
  }

 private:
  void report(std::string_view rule, std::string subject, Position at, std::string reason,
              std::string remedy) {
    findings_.push_back(
        {std::string{rule}, std::move(subject), at, std::move(reason), std::move(remedy)});
  }

  // --- Services ---

  void lint_service(const Service& service) {
    const std::string subject = "services." + service.name;
    for (const Name& source : service.sources) {
      if (!is_backed_up(source.text))
        report("source-without-backup", subject, source.at,
               fmt::format("{} needs the source {}, which no entry of backup covers", service.name,
                           source.text),
               fmt::format("Add {} to a policy in the section backup.", source.text));
      else if (service.rpo)
        lint_rpo(subject, source, *service.rpo);
    }
    for (const Name& need : service.needs)
      lint_dependency(service, need);
    lint_environment(service);
  }

  void lint_dependency(const Service& service, const Name& need) {
    const Service* other = plan_.find_service(need.text);
    if (!service.rto || !other->rto || *service.rto >= *other->rto) return;
    report("rto-under-dependency", "services." + service.name, need.at,
           fmt::format("{} must be back within {}, but needs {}, which may take {}: {} < {}",
                       service.name, duration_text(*service.rto), other->name,
                       duration_text(*other->rto), duration_text(*service.rto),
                       duration_text(*other->rto)),
           fmt::format("Raise the rto of {} to {}, or lower the one of {}.", service.name,
                       duration_text(*other->rto), other->name));
  }

  void lint_environment(const Service& service) {
    if (!service.run) return;
    const auto* process = std::get_if<ProcessRun>(&*service.run);
    if (process == nullptr) return;
    for (const auto& [name, value] : process->env) {
      if (!sounds_secret(name) || value.starts_with('/')) continue;
      report("secret-literal", fmt::format("services.{}.run.process.env.{}", service.name, name),
             service.at,
             fmt::format("the variable {} looks like a secret, and its value stands in "
                         "the plan, which is shared and recorded",
                         name),
             "Let the program read it from a file, and name the file here.");
    }
  }

  static bool sounds_secret(std::string_view variable) {
    constexpr auto kEndings = std::to_array<std::string_view>(
        {"PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY", "SECRET_KEY"});
    return std::ranges::any_of(kEndings,
                               [&](std::string_view ending) { return variable.ends_with(ending); });
  }

  // --- Data loss ---

  [[nodiscard]] bool is_backed_up(std::string_view source) const {
    return policies_.contains(source);
  }

  void lint_continuous(const BackupPolicy& continuous) {
    for (const Name& source : continuous.sources)
      for (const Name& storage : continuous.to) {
        const auto backs_up = [&](const BackupPolicy* policy) {
          return !policy->is_continuous() &&
                 std::ranges::find(policy->to, storage.text, &Name::text) != policy->to.end();
        };
        if (std::ranges::any_of(policies_.at(source.text), backs_up)) continue;
        report("log-without-backup", "sources." + source.text, source.at,
               fmt::format("the log of {} goes to {}, and no backups of it do", source.text,
                           storage.text),
               "Log goes on from a backup: write a policy that takes them there.");
      }
  }

  static std::optional<Duration> interval_of(const BackupPolicy& policy) {
    if (!policy.every) return std::nullopt;
    if (policy.is_continuous()) return kContinuousLoss;
    if (const auto* every = std::get_if<EverySchedule>(&*policy.every)) return every->interval;
    return std::chrono::hours{24};
  }

  /// What a crash just before the end of a backup loses: all since the last one began.
  void lint_rpo(const std::string& subject, const Name& source, Duration rpo) {
    const BackupPolicy* best = nullptr;
    Duration loss = kDurationMax * 2;
    for (const BackupPolicy* policy : policies_.at(source.text)) {
      const auto interval = interval_of(*policy);
      if (!interval) continue;
      const Duration total = *interval + policy->estimate.value_or(Duration{0});
      if (total < loss) best = policy;
      loss = std::min(loss, total);
    }
    if (best == nullptr)
      return report("backup-without-schedule", subject, source.at,
                    fmt::format("the rpo is {}, but no policy of {} says how often it runs",
                                duration_text(rpo), source.text),
                    "Write `every:` in the policy.");
    // A backup without an estimate still takes some time, so an interval equal to the rpo is over.
    const bool is_over = best->estimate ? loss > rpo : loss >= rpo;
    if (!is_over) return;
    if (best->is_continuous())
      return report("backup-interval-over-rpo", subject, source.at,
                    fmt::format("up to {} of {} may be lost, unless its receiver is synchronous: "
                                "the rpo is {}",
                                duration_text(loss), source.text, duration_text(rpo)),
                    "List reprieve_wal in the server's synchronous_standby_names.");
    const std::string interval = duration_text(*interval_of(*best));
    const std::string lost =
        best->estimate ? fmt::format("up to {} of {} may be lost ({} between backups + {} for one)",
                                     duration_text(loss), source.text, interval,
                                     duration_text(*best->estimate))
                       : fmt::format("{} of {}, and as long as one backup takes, may be lost",
                                     interval, source.text);
    report("backup-interval-over-rpo", subject, source.at,
           fmt::format("{}: the rpo is {}", lost, duration_text(rpo)),
           fmt::format("Back {} up more often than every {}, or raise the rpo.", source.text,
                       duration_text(rpo)));
  }

  // --- Scenarios ---

  void lint_scenario(const Scenario& scenario) {
    const ScenarioGraph graph{scenario};
    lint_estimates(scenario, graph);
    if (scenario.goal.rto && scenario.verify.empty())
      report("recovery-without-end", "scenarios." + scenario.name, scenario.at,
             fmt::format("the rto is {}, but no check says when the recovery is over",
                         duration_text(*scenario.goal.rto)),
             "Write `verify: [CHECK, ...]`, or `health:` in the services that it starts.");
    for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
      lint_restored_source(scenario, scenario.steps[i]);
      lint_destruction(scenario, graph, i);
      lint_switch(scenario, graph, i);
      lint_stop(scenario, graph, i);
      lint_approvers(scenario, scenario.steps[i]);
    }
  }

  static std::string subject_of(const Scenario& scenario, const Step& step) {
    return fmt::format("scenarios.{}.steps.{}", scenario.name, step.id);
  }

  void lint_estimates(const Scenario& scenario, const ScenarioGraph& graph) {
    if (!scenario.goal.rto) return;
    const auto [total, path] = graph.critical_path();
    if (total <= *scenario.goal.rto) return;
    std::string sum;
    for (const std::size_t index : path) {
      const Step& step = scenario.steps[index];
      if (!step.estimate) continue;
      sum +=
          fmt::format("{}{} {}", sum.empty() ? "" : " + ", step.id, duration_text(*step.estimate));
    }
    report("estimates-over-rto", "scenarios." + scenario.name, scenario.at,
           fmt::format("the longest chain of steps takes {} = {}, more than the rto of {}", sum,
                       duration_text(total), duration_text(*scenario.goal.rto)),
           "Let steps of this chain run side by side (`needs:`), or raise the rto.");
  }

  void lint_restored_source(const Scenario& scenario, const Step& step) {
    const Name* source = nullptr;
    if (const auto* files = std::get_if<FilesRestoreStep>(&step.action)) source = &files->source;
    if (const auto* db = std::get_if<DbRestoreStep>(&step.action)) source = &db->source;
    if (source == nullptr) return;
    if (!is_backed_up(source->text))
      return report(
          "source-without-backup", subject_of(scenario, step), source->at,
          fmt::format("the step restores {}, which no entry of backup covers", source->text),
          fmt::format("Add {} to a policy in the section backup.", source->text));
    if (scenario.goal.rpo) lint_rpo(subject_of(scenario, step), *source, *scenario.goal.rpo);
  }

  void lint_destruction(const Scenario& scenario, const ScenarioGraph& graph, std::size_t i) {
    const Step& step = scenario.steps[i];
    // A switch keeps what it replaced; the others do not.
    if (step.step_class != StepClass::kDestructive || step.type() == StepType::kSwitch) return;
    if (graph.has_before(i, StepType::kApprove)) return;
    report("destruction-without-approval", subject_of(scenario, step), step.at,
           fmt::format("{} may overwrite what cannot be brought back, and nobody is asked before",
                       step.id),
           "Put an approve step before it, or restore side by side and switch.");
  }

  void lint_switch(const Scenario& scenario, const ScenarioGraph& graph, std::size_t i) {
    const auto* action = std::get_if<SwitchStep>(&scenario.steps[i].action);
    if (action == nullptr) return;
    for (const Name& of : action->of) {
      if (graph.has_between(of.text, i, StepType::kCheck)) continue;
      report(
          "switch-without-check", subject_of(scenario, scenario.steps[i]), of.at,
          fmt::format("nothing looks at what {} restored before it becomes the live data", of.text),
          fmt::format("Put a check step with against: \"{{{}.target}}\" between them.", of.text));
    }
  }

  void lint_stop(const Scenario& scenario, const ScenarioGraph& graph, std::size_t i) {
    const auto* stop = std::get_if<StopStep>(&scenario.steps[i].action);
    if (stop == nullptr) return;
    for (const Name& service : stop->services) {
      bool is_started = false;
      for (const std::size_t later : graph.after(i)) {
        const auto* start = std::get_if<StartStep>(&scenario.steps[later].action);
        is_started = is_started ||
                     (start != nullptr && std::ranges::find(start->services, service.text,
                                                            &Name::text) != start->services.end());
      }
      if (is_started) continue;
      report("stop-without-start", subject_of(scenario, scenario.steps[i]), service.at,
             fmt::format("{} is stopped and no later step starts it again", service.text),
             fmt::format("Add {} to a start step that comes after this one.", service.text));
    }
  }

  void lint_approvers(const Scenario& scenario, const Step& step) {
    const auto* approve = std::get_if<ApproveStep>(&step.action);
    if (approve == nullptr) return;
    std::set<std::string_view> people;
    for (const Name& role : approve->by)
      for (const Name& person : plan_.find_role(role.text)->people)
        if (!plan_.find_person(person.text)->key.empty()) people.insert(person.text);
    const std::size_t needed = approve->quorum + (approve->is_requester_excluded ? 1U : 0U);
    if (people.size() > needed) return;
    report("no-spare-approver", subject_of(scenario, step), step.at,
           fmt::format("{} approval(s) are needed{}, and {} people can give one: if a single one "
                       "cannot be reached, the recovery waits",
                       approve->quorum,
                       approve->is_requester_excluded ? ", none by who started the run" : "",
                       people.size()),
           "Add a person with a key to one of the roles.");
  }

  // --- Placeholders ---

  void lint_placeholders() {
    for (const Person& person : plan_.people) {
      placeholder("people." + person.name + ".email", person.at, person.email);
      placeholder("people." + person.name + ".phone", person.at, person.phone);
    }
    for (const Check& check : plan_.checks)
      if (const auto* http = std::get_if<HttpCheck>(&check.kind))
        placeholder("checks." + check.name + ".http", check.at, http->url);
    for (const Source& source : plan_.sources)
      if (const auto* postgres = std::get_if<PostgresSource>(&source.kind))
        placeholder("sources." + source.name + ".url", source.at, postgres->url);
  }

  void placeholder(std::string subject, Position at, std::string_view text) {
    constexpr auto kMarks = std::to_array<std::string_view>(
        {"example.com", "example.org", "example.net", "yourdomain", "yourapp", "your-domain",
         "changeme", "change-me", "todo", "fixme", "xxx", "<", "555-0"});
    std::string lower{text};
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (const std::string_view mark : kMarks) {
      if (lower.find(mark) == lower.npos) continue;
      report("placeholder", std::move(subject), at,
             fmt::format("\"{}\" looks as if it was never filled in", text),
             "Write the real one; at 3 am nobody knows it by heart.");
      return;
    }
  }

  const Plan& plan_;
  std::map<std::string_view, std::vector<const BackupPolicy*>> policies_;  // By source.
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> lint(const Plan& plan) {
  return Linter{plan}.run();
}

}  // namespace reprieve::plan
