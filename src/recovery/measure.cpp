#include "recovery/measure.hpp"

#include <algorithm>
#include <utility>

#include "recovery/decide.hpp"
#include "recovery/record.hpp"

namespace reprieve::recovery {
namespace {

struct Span {
  Instant from;
  Instant to;
};

/// Overlaps joined, in order.
std::vector<Span> joined(std::vector<Span> spans) {
  std::ranges::sort(spans, {}, &Span::from);
  std::vector<Span> result;
  for (const Span& span : spans) {
    if (!result.empty() && span.from <= result.back().to)
      result.back().to = std::max(result.back().to, span.to);
    else
      result.push_back(span);
  }
  return result;
}

Duration overlap(const std::vector<Span>& a, const std::vector<Span>& b) {
  Duration sum{};
  for (const Span& x : a)
    for (const Span& y : b)
      sum += std::max(Duration{}, std::min(x.to, y.to) - std::max(x.from, y.from));
  return sum;
}

Duration length(const std::vector<Span>& spans) {
  Duration sum{};
  for (const Span& span : spans)
    sum += span.to - span.from;
  return sum;
}

ClockStart clock_start(const RunState& state) {
  const Instant declared = state.started ? state.started->at : Instant{};
  if (state.disaster_at) return {.from = ClockStart::From::kDisaster, .at = *state.disaster_at};
  if (state.first_failed_check && *state.first_failed_check < declared)
    return {.from = ClockStart::From::kFirstFailedCheck, .at = *state.first_failed_check};
  return {.from = ClockStart::From::kDeclaration, .at = declared};
}

Verdict judge(std::optional<Duration> value, std::optional<Duration> objective) {
  if (!objective) return Verdict::kNone;
  if (!value) return Verdict::kUnknown;
  return *value <= *objective ? Verdict::kMet : Verdict::kMissed;
}

std::optional<Duration> tighter(std::optional<Duration> a, std::optional<Duration> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

RecoveryTime measure_time(const plan::Scenario& scenario, const RunState& state) {
  RecoveryTime time{.start = clock_start(state),
                    .declared = state.started ? state.started->at : Instant{},
                    .ended = {},
                    .total = {},
                    .machine = {}};
  const StepRun& checks = state.step(kFinalChecksStep);
  if (checks.is_over() && checks.ended) {
    time.ended = checks.ended->at;
    time.was_checked = true;
  } else if (scenario.verify.empty() && state.outcome == RunOutcome::kDone) {
    for (const auto& [id, step] : state.steps)
      if (step.ended) time.ended = std::max(time.ended.value_or(Instant{}), step.ended->at);
  }
  time.before_declaration = std::max(Duration{}, time.declared - time.start.at);
  if (!time.ended) return time;
  time.total = std::max(Duration{}, *time.ended - time.start.at);
  time.human = human_waiting(state, time.declared, *time.ended);
  time.machine = std::max(Duration{}, *time.total - time.before_declaration - time.human);
  return time;
}

struct Witness {
  std::uint64_t all = 0;
  std::uint64_t after = 0;
  std::optional<Instant> last;
};

Witness count_writes(std::string_view lines, Instant recovered_to) {
  Witness witness;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    const auto at = parse_rfc3339(line.substr(0, line.find_first_of(" \t,;\r")));
    if (!at) continue;
    ++witness.all;
    if (*at > recovered_to) ++witness.after;
    witness.last = std::max(witness.last.value_or(*at), *at);
  }
  return witness;
}

std::optional<std::string> restored_source(const plan::Step& step) {
  if (const auto* const files = std::get_if<plan::FilesRestoreStep>(&step.action))
    return files->source.text;
  if (const auto* const database = std::get_if<plan::DbRestoreStep>(&step.action))
    return database->source.text;
  return std::nullopt;
}

std::optional<Duration> loss_objective(const plan::Plan& plan, const plan::Scenario& scenario,
                                       const std::string& source) {
  std::optional<Duration> objective = scenario.goal.rpo;
  for (const plan::Service& service : plan.services)
    if (std::ranges::any_of(service.sources, [&](const auto& s) { return s.text == source; }))
      objective = tighter(objective, service.rpo);
  return objective;
}

DataLoss measure_loss(const plan::Plan& plan, const plan::Scenario& scenario, const RunState& state,
                      const StepRun& step, const std::string& source,
                      const std::string* witness_lines) {
  DataLoss loss{.source = source,
                .point = text_of(step.outputs, "point"),
                .recovered_to = time_of(step.outputs, "recovered_to"),
                .last_known = {},
                .lost = {},
                .lost_writes = {},
                .known_writes = {},
                .bound = {},
                .objective = loss_objective(plan, scenario, source)};
  if (!loss.recovered_to) loss.recovered_to = time_of(step.outputs, "point_time");
  if (!loss.recovered_to) {
    loss.verdict = judge({}, loss.objective);
    return loss;
  }
  const Instant disaster = clock_start(state).at;
  loss.bound = std::max(Duration{}, disaster - *loss.recovered_to);
  if (witness_lines != nullptr) {
    const Witness witness = count_writes(*witness_lines, *loss.recovered_to);
    loss.known_writes = witness.all;
    loss.lost_writes = witness.after;
    loss.last_known = witness.last;
    if (witness.last) loss.lost = std::max(Duration{}, *witness.last - *loss.recovered_to);
  }
  loss.verdict = judge(loss.lost, loss.objective);
  // Even the worst case keeps the promise.
  if (!loss.lost && loss.objective && *loss.bound <= *loss.objective) loss.verdict = Verdict::kMet;
  return loss;
}

/// When the service was healthy: the end of its last act in any start step.
std::optional<Instant> up_at(const RunState& state, const plan::Scenario& scenario,
                             const std::string& service) {
  std::optional<Instant> up;
  for (const plan::Step& rule : scenario.steps) {
    if (rule.type() != plan::StepType::kStart) continue;
    bool is_its_gate = false;
    for (const ActState& act : state.step(rule.id).acts) {
      if (act.act.kind == ActKind::kServiceStart)
        is_its_gate = text_of(act.act.args, "service") == service;
      if (!is_its_gate) continue;
      up = act.is_over() ? act.ended : std::nullopt;
    }
  }
  return up;
}

std::vector<ServiceTime> measure_services(const plan::Plan& plan, const plan::Scenario& scenario,
                                          const RunState& state, Instant start) {
  std::vector<ServiceTime> times;
  for (const plan::Service& service : plan.services) {
    const bool is_started = std::ranges::any_of(scenario.steps, [&](const plan::Step& step) {
      const auto* const starts = std::get_if<plan::StartStep>(&step.action);
      return starts != nullptr && std::ranges::any_of(starts->services, [&](const auto& name) {
               return name.text == service.name;
             });
    });
    if (!is_started) continue;
    ServiceTime time{.service = service.name, .took = {}, .objective = service.rto};
    if (const auto up = up_at(state, scenario, service.name))
      time.took = std::max(Duration{}, *up - start);
    time.verdict = judge(time.took, time.objective);
    times.push_back(std::move(time));
  }
  return times;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMet:
      return "met";
    case Verdict::kMissed:
      return "missed";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kNone:
      break;
  }
  return "none";
}

Duration human_waiting(const RunState& state, Instant from, Instant to) {
  std::vector<Span> waits;
  std::vector<Span> work;
  const auto add = [&](std::vector<Span>& spans, Instant begin, Instant end) {
    const Span span{.from = std::max(begin, from), .to = std::min(end, to)};
    if (span.from < span.to) spans.push_back(span);
  };
  for (const auto& [id, step] : state.steps) {
    for (const HumanWait& wait : step.waits)
      add(waits, wait.began.at, wait.ended ? wait.ended->at : to);
    for (const auto* const acts : {&step.acts, &step.earlier_acts})
      for (const ActState& act : *acts)
        if (act.began && act.act.kind != ActKind::kApprove)
          add(work, *act.began, act.ended.value_or(to));
  }
  waits = joined(std::move(waits));
  work = joined(std::move(work));
  return length(waits) - overlap(waits, work);
}

Measures measure(const plan::Plan& plan, const RunState& state,
                 const std::map<std::string, std::string>& witnesses) {
  Measures measures;
  const plan::Scenario* const scenario = plan.find_scenario(state.scenario);
  if (scenario == nullptr) return measures;
  measures.time = measure_time(*scenario, state);
  measures.objective = scenario->goal.rto;
  measures.verdict = judge(measures.time.total, measures.objective);
  const bool has_failed = state.outcome && *state.outcome != RunOutcome::kDone;
  if (has_failed && measures.objective) measures.verdict = Verdict::kMissed;
  for (const plan::Step& step : scenario->steps) {
    const auto source = restored_source(step);
    const StepRun& run = state.step(step.id);
    if (!source || run.state == StepState::kPending || run.state == StepState::kSkipped) continue;
    const auto witness = witnesses.find(*source);
    measures.losses.push_back(
        measure_loss(plan, *scenario, state, run, *source,
                     witness == witnesses.end() ? nullptr : &witness->second));
  }
  measures.services = measure_services(plan, *scenario, state, measures.time.start.at);
  return measures;
}

}  // namespace reprieve::recovery
