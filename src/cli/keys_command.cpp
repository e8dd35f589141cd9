#include "app/keys_job.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"

namespace reprieve::cli {
namespace {

struct KeysArguments {
  app::NewKey wanted;
  std::string role = "writer";
  std::string name;
  std::string slot;
};

std::string hex_of(const repository::Member& member) {
  return to_hex(member.id);
}

Result<int> list_keys(const Invocation& invocation, const KeysArguments&, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository());
  REPRIEVE_TRY(const auto slots, open.repository->slots());
  std::vector<std::vector<std::string>> rows = {{"SLOT", "KIND", "MADE", "LABEL"}};
  Json slots_json = Json::array();
  for (const repository::SlotSummary& slot : slots) {
    rows.push_back(
        {slot.id.substr(0, 12), slot.kind, format_rfc3339(slot.created), printable(slot.label)});
    slots_json.push_back({{"id", slot.id},
                          {"kind", slot.kind},
                          {"created", format_rfc3339(slot.created)},
                          {"label", slot.label}});
  }
  std::vector<std::vector<std::string>> member_rows = {{"NAME", "ROLE", "SIGNS AS", ""}};
  Json members_json = Json::array();
  for (const repository::Member& member : repository::members(*open.repository)) {
    member_rows.push_back({printable(member.name), std::string{repository::name_of(member.role)},
                           hex_of(member).substr(0, 12), member.is_revoked ? "revoked" : ""});
    members_json.push_back({{"name", member.name},
                            {"role", repository::name_of(member.role)},
                            {"id", hex_of(member)},
                            {"revoked", member.is_revoked}});
  }
  console.result({{"schema", "reprieve.keys/1"}, {"slots", slots_json}, {"members", members_json}});
  console.show(table(rows));
  console.show("\n" + table(member_rows));
  return kExitDone;
}

Result<int> add_key(const Invocation& invocation, const KeysArguments& arguments,
                    const Console& console) {
  app::NewKey wanted = arguments.wanted;
  wanted.role = *repository::role_named(arguments.role);
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const std::string path, app::add_key(workspace, wanted));
  console.result({{"schema", "reprieve.key/1"},
                  {"name", wanted.name},
                  {"role", arguments.role},
                  {"key_file", path}});
  console.say(fmt::format("Added the {} {}.", arguments.role, printable(wanted.name)));
  if (!path.empty()) console.say("Bring its key file " + path + " to its host, and keep no copy.");
  return kExitDone;
}

Result<int> revoke_key(const Invocation& invocation, const KeysArguments& arguments,
                       const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository());
  REPRIEVE_RETURN_IF_ERROR(repository::revoke_member(*open.repository, arguments.name));
  console.result({{"schema", "reprieve.key/1"}, {"name", arguments.name}, {"revoked", true}});
  console.say(printable(arguments.name) +
              " is revoked: what it made stays, what it makes from now on is reported as damage.");
  console.say("Remove its slot too (`reprieve repo keys remove`), and its access to the store.");
  return kExitDone;
}

Result<int> remove_key(const Invocation& invocation, const KeysArguments& arguments,
                       const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository());
  REPRIEVE_RETURN_IF_ERROR(repository::remove_slot(*open.repository, arguments.slot));
  console.result({{"schema", "reprieve.key/1"}, {"slot", arguments.slot}, {"removed", true}});
  console.say("The slot " + arguments.slot + " opens nothing any more.");
  return kExitDone;
}

using Runner = Result<int> (*)(const Invocation&, const KeysArguments&, const Console&);

struct Subcommand {
  CLI::App* command;
  std::shared_ptr<KeysArguments> arguments;
};

Subcommand add(CLI::App& group, Invocation& invocation, const char* name, const char* what,
               const char* example, Runner runner) {
  auto* command = group.add_subcommand(name, what);
  auto arguments = std::make_shared<KeysArguments>();
  command->footer(std::string{"Example:\n  "} + example);
  command->callback([&invocation, arguments, runner] {
    invocation.run = [&invocation, arguments, runner](const Console& console) {
      return finish(console, [&] { return runner(invocation, *arguments, console); });
    };
  });
  return {command, arguments};
}

}  // namespace

void add_keys(CLI::App& repo, Invocation& invocation) {
  auto* group = repo.add_subcommand("keys", "Who has access, and as what");
  group->require_subcommand(0, 1);
  group->footer(
      "writer  adds recovery points; can neither read nor delete what is there\n"
      "pruner  collects garbage; reads no data\n"
      "reader  restores; changes nothing\n"
      "admin   everything\n\n"
      "Example:\n  reprieve repo keys --json");
  group->callback([&invocation, group] {
    if (!group->get_subcommands().empty()) return;
    invocation.run = [&invocation](const Console& console) {
      return finish(console, [&] { return list_keys(invocation, {}, console); });
    };
  });

  const auto added =
      add(*group, invocation, "add", "A new holder with a key of his own",
          "reprieve repo keys add web1 --role writer --new-key-file web1.key", add_key);
  added.command->add_option("name", added.arguments->wanted.name, "Whose key it is")->required();
  added.command
      ->add_option("--role", added.arguments->role, "writer (default), pruner, reader, admin")
      ->check(CLI::IsMember({"writer", "pruner", "reader", "admin"}));
  added.command->add_option("--new-key-file", added.arguments->wanted.key_file,
                            "Where the new key file goes");
  added.command->add_option("--new-password-file", added.arguments->wanted.password_file,
                            "File whose first line is the new password");

  const auto revoked =
      add(*group, invocation, "revoke", "Nothing that a holder signs counts any more",
          "reprieve repo keys revoke web1", revoke_key);
  revoked.command->add_option("name", revoked.arguments->name, "Whose key it is")->required();

  const auto removed = add(*group, invocation, "remove", "Remove a way in",
                           "reprieve repo keys remove 3f2a9c", remove_key);
  removed.command->add_option("slot", removed.arguments->slot, "Beginning of the slot's id")
      ->required();
}

}  // namespace reprieve::cli
