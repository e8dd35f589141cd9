#include "app/key_proofs.hpp"
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
  const auto proofs = app::KeyProofs::load(workspace.state_dir(), to_hex(open.repository->id()));
  const Instant now = system_clock().now();
  std::vector<std::vector<std::string>> rows = {{"SLOT", "KIND", "MADE", "PROVED", "LABEL"}};
  Json slots_json = Json::array();
  for (const repository::SlotSummary& slot : slots) {
    const auto proved = proofs.proved(slot.id);
    rows.push_back({slot.id.substr(0, 12), slot.kind, format_rfc3339(slot.created),
                    proved ? format_duration(now - *proved) + " ago" : "never",
                    printable(slot.label)});
    slots_json.push_back({{"id", slot.id},
                          {"kind", slot.kind},
                          {"created", format_rfc3339(slot.created)},
                          {"proved", proved ? Json(format_rfc3339(*proved)) : Json(nullptr)},
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
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  REPRIEVE_RETURN_IF_ERROR(repository::revoke_member(*open.repository, arguments.name));
  console.result({{"schema", "reprieve.key/1"}, {"name", arguments.name}, {"revoked", true}});
  console.say(printable(arguments.name) +
              " is revoked: what it made stays, what it makes from now on is reported as damage.");
  console.say("Remove its slot too (`reprieve repo keys remove`), and its access to the store.");
  console.say(
      "If its key may be in wrong hands, run `reprieve repo keys rotate`: until then it opens what "
      "it opened, also in what others write from now on.");
  return kExitDone;
}

Result<int> remove_key(const Invocation& invocation, const KeysArguments& arguments,
                       const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  REPRIEVE_RETURN_IF_ERROR(repository::remove_slot(*open.repository, arguments.slot));
  console.result({{"schema", "reprieve.key/1"}, {"slot", arguments.slot}, {"removed", true}});
  console.say("The slot " + arguments.slot + " opens nothing any more.");
  return kExitDone;
}

Result<int> rotate(const Invocation& invocation, const KeysArguments&, const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository(app::Purpose::kWrite));
  REPRIEVE_TRY(const repository::Rotation rotation, repository::rotate_keys(*open.repository));
  console.result({{"schema", "reprieve.rotation/1"},
                  {"epoch", rotation.epoch},
                  {"members", rotation.members},
                  {"left_behind", rotation.left_behind},
                  {"sessions", rotation.sessions}});
  std::string names;
  for (const std::string& name : rotation.members)
    names += (names.empty() ? "" : ", ") + printable(name);
  console.say(fmt::format(
      "Epoch {} has begun: what is written from now on opens only for {}. Their passwords and key "
      "files stay as they are.",
      rotation.epoch, names));
  if (rotation.sessions > 0)
    console.say(
        fmt::format("{} began before: what it writes until it ends opens with the old keys.",
                    format_count(rotation.sessions, "unfinished backup")));
  for (const std::string& label : rotation.left_behind)
    console.warn("note: the holder of the slot '" + printable(label) +
                 "' was not known and has no new keys: add him anew, under another name");
  return kExitDone;
}

Result<int> generate(const Invocation&, const KeysArguments& arguments, const Console& console) {
  REPRIEVE_TRY(const app::GeneratedKey key, app::generate_key(arguments.wanted.key_file));
  console.result(
      {{"schema", "reprieve.recipient/1"}, {"key_file", key.path}, {"recipient", key.recipient}});
  console.say("Wrote " + key.path + ": keep it, and keep it secret. Give an administrator this:");
  console.show(key.recipient);
  return kExitDone;
}

Result<int> test_key(const Invocation& invocation, const KeysArguments& arguments,
                     const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::KeyProof proof,
               app::prove_key(workspace, arguments.slot, invocation.cancel));
  console.result({{"schema", "reprieve.proof/1"},
                  {"slot", proof.slot},
                  {"label", proof.label},
                  {"role", repository::name_of(proof.role)},
                  {"read", proof.source.empty() ? Json(nullptr) : Json(proof.source)}});
  console.say(fmt::format(
      "The key opens the slot {} ({}){}.", proof.slot.substr(0, 12), printable(proof.label),
      proof.source.empty() ? "" : " and reads the newest point, of " + printable(proof.source)));
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
  added.command->add_option("--holder", added.arguments->wanted.holder,
                            "Who keeps the key where; anybody who has the store can read it");
  added.command->add_option("--new-key-file", added.arguments->wanted.key_file,
                            "Where the new key file goes");
  added.command->add_option("--new-password-file", added.arguments->wanted.password_file,
                            "File whose first line is the new password");
  added.command->add_option("--recipient", added.arguments->wanted.recipient,
                            "What `keys generate` printed where the key file lies");

  const auto revoked =
      add(*group, invocation, "revoke", "Nothing that a holder signs counts any more",
          "reprieve repo keys revoke web1", revoke_key);
  revoked.command->add_option("name", revoked.arguments->name, "Whose key it is")->required();

  add(*group, invocation, "rotate", "New keys for all that is written from now on",
      "reprieve repo keys rotate", rotate)
      .command->footer(
          "Members that are not revoked are handed the new keys and go on with their passwords "
          "and\n"
          "key files; nobody else can read what is written from now on. What is there stays as it "
          "is.\n\n"
          "Example:\n  reprieve repo keys rotate");

  const auto generated =
      add(*group, invocation, "generate", "A key file whose public half lets its holder be added",
          "reprieve repo keys generate safe.key", generate);
  generated.command
      ->add_option("file", generated.arguments->wanted.key_file, "Where the key file goes")
      ->required();

  const auto tested =
      add(*group, invocation, "test", "Prove that a key opens what it should", "", test_key);
  tested.command->add_option("slot", tested.arguments->slot,
                             "Beginning of the slot's id; default: whichever the key opens");
  tested.command->footer(
      "The key is what --key-file or --password-file names: the one from the safe, not the one "
      "that\n"
      "lies on this machine. `repo keys` and `doctor` tell when it was last done here.\n\n"
      "Example:\n  reprieve --key-file /media/usb/escrow.key repo keys test 3f2a9c");

  const auto removed = add(*group, invocation, "remove", "Remove a way in",
                           "reprieve repo keys remove 3f2a9c", remove_key);
  removed.command->add_option("slot", removed.arguments->slot, "Beginning of the slot's id")
      ->required();
}

}  // namespace reprieve::cli
