#include "app/kept_copies.hpp"
#include "app/recovery_job.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/run_listener.hpp"
#include "cli/run_output.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"
#include "recovery/approval.hpp"
#include "recovery/run_folder.hpp"

namespace reprieve::cli {
namespace {

struct RunArguments {
  std::string id;
  std::string step;
  std::string answer;
  std::string person;
  std::string key_file;
  std::string reason;
  bool is_rejecting = false;
  bool is_html = false;
  bool is_dry_run = false;
};

Result<int> list_runs(const Invocation& invocation, const RunArguments&, const Console& console) {
  const std::string state_dir = app::state_dir_of(invocation.options);
  REPRIEVE_TRY(const auto runs, recovery::list_runs(state_dir));
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows = {{"RUN", "SCENARIO", "STARTED", "BY", "OUTCOME"}};
  for (const recovery::RunSummary& run : runs) {
    const std::string started = run.state.started ? format_rfc3339(run.state.started->at) : "";
    const std::string outcome = !run.problem.empty() ? run.problem
                                : run.state.outcome
                                    ? std::string{recovery::name_of(*run.state.outcome)}
                                    : "open";
    rows.push_back({run.id, run.state.scenario, started, printable(run.state.requester), outcome});
    json.push_back({{"id", run.id},
                    {"scenario", run.state.scenario},
                    {"started", started},
                    {"requester", run.state.requester},
                    {"outcome", outcome}});
  }
  console.result({{"schema", "reprieve.runs/1"}, {"runs", json}});
  console.show(runs.empty() ? "No runs yet: start one with `reprieve recover`." : table(rows));
  return kExitDone;
}

Result<app::LoadedRun> loaded(const Invocation& invocation, const RunArguments& arguments) {
  const std::string state_dir = app::state_dir_of(invocation.options);
  REPRIEVE_TRY(const std::string id, app::find_run(state_dir, arguments.id));
  return app::load_run(state_dir, id);
}

Result<int> show_run(const Invocation& invocation, const RunArguments& arguments,
                     const Console& console) {
  REPRIEVE_TRY(const app::LoadedRun run, loaded(invocation, arguments));
  const report::RunReport report{run.plan, run.state, run.measures, system_clock().now()};
  console.result(report::run_json(report));
  console.show(arguments.is_html ? report::run_html(report) : report::run_text(report));
  return kExitDone;
}

Result<int> resume_run(const Invocation& invocation, const RunArguments& arguments,
                       const Console& console) {
  app::WorkspaceOptions options = invocation.options;
  options.state_dir = app::state_dir_of(options);
  REPRIEVE_TRY(const std::string id, app::find_run(options.state_dir, arguments.id));
  RunTeller teller{console};
  recovery::RunOptions run_options;
  run_options.cancel = &invocation.cancel;
  REPRIEVE_TRY(const recovery::RunEnd end,
               app::resume(options, id, run_options, teller, invocation.cancel));
  return tell_end(console, options.state_dir, end);
}

Result<int> watch_run(const Invocation& invocation, const RunArguments& arguments,
                      const Console& console) {
  const std::string state_dir = app::state_dir_of(invocation.options);
  REPRIEVE_TRY(const std::string id, app::find_run(state_dir, arguments.id));
  RunTeller teller{console};
  std::size_t seen = 0;
  while (true) {
    REPRIEVE_TRY(const auto records, recovery::load_records(state_dir, id));
    recovery::RunState state;
    for (std::size_t i = 0; i < records.size(); ++i) {
      REPRIEVE_RETURN_IF_ERROR(recovery::fold(state, records[i]));
      if (i >= seen) teller.on_record(state, records[i]);
    }
    seen = records.size();
    if (state.outcome) return show_run(invocation, arguments, console);
    REPRIEVE_RETURN_IF_ERROR(invocation.cancel.check());
    system_clock().sleep_for(std::chrono::milliseconds{500});
  }
}

Result<int> send(const Invocation& invocation, const RunArguments& arguments, const Json& body,
                 const Console& console) {
  const std::string state_dir = app::state_dir_of(invocation.options);
  REPRIEVE_TRY(const std::string id, app::find_run(state_dir, arguments.id));
  REPRIEVE_TRY(const auto folder, recovery::RunFolder::of(state_dir, id));
  REPRIEVE_RETURN_IF_ERROR(recovery::send_message(folder, body, system_clock(), system_random()));
  console.result({{"schema", "reprieve.message/1"}, {"run", id}, {"message", body}});
  console.say(
      fmt::format("Left for run {}; if nobody drives it now, `reprieve run resume {}`.", id, id));
  return kExitDone;
}

Result<int> answer_run(const Invocation& invocation, const RunArguments& arguments,
                       const Console& console) {
  return send(invocation, arguments,
              {{"type", "answer"},
               {"step", arguments.step},
               {"answer", arguments.answer},
               {"who", app::current_person()},
               {"reason", arguments.reason}},
              console);
}

Result<int> abort_run(const Invocation& invocation, const RunArguments& arguments,
                      const Console& console) {
  return send(invocation, arguments,
              {{"type", "answer"},
               {"step", ""},
               {"answer", "abort"},
               {"who", app::current_person()},
               {"reason", arguments.reason}},
              console);
}

/// A person's key: 32 bytes in hexadecimal, as `run key` writes it.
Result<crypto::SigningKey> read_signing_key(const std::string& path) {
  REPRIEVE_TRY(const std::string text, io::read_text_file(path, ByteCount{4096}));
  const auto seed = from_hex(std::string_view{text}.substr(0, text.find_first_of("\r\n")));
  if (!seed)
    return Error{ErrorKind::kInvalid, path + " is no key of a person",
                 "Make one with `reprieve run key FILE`."};
  return crypto::SigningKey::from_seed(Secret::copy_of(*seed));
}

Result<int> approve_run(const Invocation& invocation, const RunArguments& arguments,
                        const Console& console) {
  REPRIEVE_TRY(const app::LoadedRun run, loaded(invocation, arguments));
  REPRIEVE_TRY(const crypto::SigningKey key, read_signing_key(arguments.key_file));
  for (const recovery::Question& question : recovery::open_questions(run.plan, run.state)) {
    if (!question.is_approval || question.step != arguments.step) continue;
    recovery::ApprovalStatement statement;
    statement.run = run.state.id;
    statement.step = question.step;
    statement.binding = question.binding;
    statement.is_approved = !arguments.is_rejecting;
    statement.person = arguments.person;
    statement.at = system_clock().now();
    statement.reason = arguments.reason;
    REPRIEVE_TRY(const auto approval, recovery::sign_approval(statement, key));
    Json body = recovery::to_json(approval);
    body["type"] = "approval";
    return send(invocation, arguments, body, console);
  }
  return Error{ErrorKind::kNotFound,
               "run " + run.state.id + " does not wait for an approval of " + arguments.step,
               "`reprieve run show` says what it waits for."};
}

Result<int> make_key(const Invocation&, const RunArguments& arguments, const Console& console) {
  const auto key = crypto::SigningKey::generate(system_random());
  REPRIEVE_TRY(io::AtomicFile file, io::AtomicFile::create(arguments.key_file));
  REPRIEVE_RETURN_IF_ERROR(file.write(as_bytes(to_hex(key.seed().expose()) + "\n")));
  REPRIEVE_RETURN_IF_ERROR(file.commit_new());
  const std::string text = "ed25519:" + to_hex(key.public_key());
  console.result({{"schema", "reprieve.person-key/1"}, {"public_key", text}});
  console.show("Put this into the plan, under `people`:  {key: \"" + text + "\"}");
  return kExitDone;
}

std::string fate_text(const app::CleanedCopy& copy, bool is_dry_run) {
  switch (copy.fate) {
    case app::CleanedCopy::Fate::kRemoved:
      return is_dry_run ? "would be removed" : "removed";
    case app::CleanedCopy::Fate::kKept:
      return copy.copy.until ? "kept until " + format_rfc3339(*copy.copy.until)
                             : "kept until somebody removes it";
    case app::CleanedCopy::Fate::kForeign:
      return "left alone: it is not what the run set aside";
  }
  return {};
}

Result<int> clean_runs(const Invocation& invocation, const RunArguments& arguments,
                       const Console& console) {
  REPRIEVE_TRY(const auto copies,
               app::clean_kept_copies(app::state_dir_of(invocation.options), arguments.is_dry_run,
                                      system_clock().now(), invocation.cancel));
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows = {{"RUN", "OLD COPY", ""}};
  for (const app::CleanedCopy& copy : copies) {
    const std::string fate = fate_text(copy, arguments.is_dry_run);
    rows.push_back({copy.run, printable(copy.copy.path), fate});
    json.push_back({{"run", copy.run},
                    {"path", printable(copy.copy.path)},
                    {"removed", copy.fate == app::CleanedCopy::Fate::kRemoved},
                    {"fate", fate}});
  }
  console.result(
      {{"schema", "reprieve.run-clean/1"}, {"dry_run", arguments.is_dry_run}, {"copies", json}});
  console.show(copies.empty() ? "No old copies are kept." : table(rows));
  return kExitDone;
}

using Runner = Result<int> (*)(const Invocation&, const RunArguments&, const Console&);

struct Subcommand {
  CLI::App* command;
  std::shared_ptr<RunArguments> arguments;
};

Subcommand add(CLI::App& group, Invocation& invocation, const char* name, const char* what,
               const char* example, Runner runner) {
  auto* command = group.add_subcommand(name, what);
  auto arguments = std::make_shared<RunArguments>();
  command->footer(std::string{"Example:\n  "} + example);
  command->callback([&invocation, arguments, runner] {
    invocation.run = [&invocation, arguments, runner](const Console& console) {
      return finish(console, [&] { return runner(invocation, *arguments, console); });
    };
  });
  return {command, arguments};
}

void add_run_id(const Subcommand& sub) {
  sub.command->add_option("run", sub.arguments->id, "Id or its beginning (default: the newest)");
}

void add_words_of_people(CLI::App& group, Invocation& invocation) {
  const auto approve =
      add(group, invocation, "approve", "Sign what a run waits for",
          "reprieve run approve r20261120-144900-3f2a ok --as ana --key ana.key", approve_run);
  approve.command->add_option("run", approve.arguments->id, "Id or its beginning")->required();
  approve.command->add_option("step", approve.arguments->step, "The step that waits")->required();
  approve.command->add_option("--as", approve.arguments->person, "Your name in the plan")
      ->required();
  approve.command->add_option("--key", approve.arguments->key_file, "Your key file")->required();
  approve.command->add_flag("--reject", approve.arguments->is_rejecting, "Say no");
  approve.command->add_option("--reason", approve.arguments->reason, "Kept in the journal");

  const auto answer =
      add(group, invocation, "answer", "Say what becomes of a step that asks",
          "reprieve run answer r2026 prove retry --reason \"fixed the port\"", answer_run);
  answer.command->add_option("run", answer.arguments->id, "Id or its beginning")->required();
  answer.command->add_option("step", answer.arguments->step, "The step that asks")->required();
  answer.command
      ->add_option("answer", answer.arguments->answer,
                   "retry, skip, did-happen, did-not-happen, rollback or abort")
      ->required()
      ->check(
          CLI::IsMember({"retry", "skip", "did-happen", "did-not-happen", "rollback", "abort"}));
  answer.command->add_option("--reason", answer.arguments->reason, "Kept in the journal");

  const auto abort = add(group, invocation, "abort", "Let no further step begin",
                         "reprieve run abort --reason \"wrong scenario\"", abort_run);
  add_run_id(abort);
  abort.command->add_option("--reason", abort.arguments->reason, "Kept in the journal");

  const auto key = add(group, invocation, "key", "Make a person's key for approvals",
                       "reprieve run key ana.key", make_key);
  key.command->add_option("file", key.arguments->key_file, "Where the key goes")->required();
}

}  // namespace

void add_run(CLI::App& parser, Invocation& invocation) {
  auto* group = parser.add_subcommand("run", "Look at recoveries, speak to them, resume them");
  group->require_subcommand(1);
  group->footer("Example:\n  reprieve run list");
  add(*group, invocation, "list", "All runs", "reprieve run list --json", list_runs);
  add_run_id(
      add(*group, invocation, "show", "How a run stands or ended", "reprieve run show", show_run));
  const auto report = add(*group, invocation, "report", "The report of a run, as text or HTML",
                          "reprieve run report --html > report.html", show_run);
  add_run_id(report);
  report.command->add_flag("--html", report.arguments->is_html, "One self-contained page");
  add_run_id(add(*group, invocation, "watch", "Follow a run until it ends", "reprieve run watch",
                 watch_run));
  add_run_id(add(*group, invocation, "resume", "Go on with a run where its journal ends",
                 "reprieve run resume", resume_run));
  const auto clean =
      add(*group, invocation, "clean", "Remove what switches replaced, once its `keep_old` is over",
          "reprieve run clean --dry-run", clean_runs);
  clean.command->add_flag("--dry-run", clean.arguments->is_dry_run, "Only say what would go");
  add_words_of_people(*group, invocation);
}

}  // namespace reprieve::cli
