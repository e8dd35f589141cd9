#include "app/head_check.hpp"
#include "app/points.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "repository/members.hpp"

namespace reprieve::cli {
namespace {

struct HeadArguments {
  std::string expected;
  bool is_accepting = false;
};

constexpr std::size_t kGroup = 5;

/// Four groups of five, to be read out or written down.
std::string in_groups(const std::string& digest) {
  std::string text;
  for (std::size_t i = 0; i < digest.size(); i += kGroup)
    text += (i == 0 ? "" : "-") + digest.substr(i, kGroup);
  return text;
}

std::string name_of_writer(const std::vector<repository::Member>& members,
                           const repository::WriterId& id) {
  const auto found = std::ranges::find(members, id, &repository::Member::id);
  return found == members.end() ? "" : printable(found->name);
}

Json show_heads(const app::OpenRepository& open, const std::string& digest,
                const Console& console) {
  const repository::Heads& heads = open.heads.newest;
  const auto members = repository::members(*open.repository);
  std::vector<std::vector<std::string>> rows = {{"WRITER", "NAME", "NEWEST", "POINT"}};
  Json writers = Json::array();
  for (const auto& [writer, head] : heads.writers) {
    const std::string name = name_of_writer(members, writer);
    const bool is_verified = head.id != repository::RecordHash{};
    const std::string id = is_verified ? to_hex(head.id) : "";
    rows.push_back({to_hex(writer).substr(0, 12), name, std::to_string(head.n),
                    is_verified ? app::short_id(SnapshotId{head.id}) : "DAMAGED"});
    writers.push_back({{"writer", to_hex(writer)}, {"name", name}, {"seq", head.n}, {"id", id}});
  }
  console.say("Config " + std::to_string(heads.config.n) + ", garbage collection " +
              std::to_string(heads.gc.n) + ".");
  if (rows.size() > 1) console.say(table(rows, {false, false, true, false}));
  console.show(in_groups(digest));
  return {{"schema", "reprieve.head/1"}, {"digest", digest},
          {"config", heads.config.n},    {"gc", heads.gc.n},
          {"writers", writers},          {"alarms", alarms_json(open.alarms)}};
}

/// What was noted earlier against what is there.
Result<int> compare(const app::OpenRepository& open, const std::string& given, Json& json,
                    const Console& console) {
  const auto expected = repository::parse_head_digest(given);
  if (!expected)
    return Error{ErrorKind::kInvalid, given + " is no digest of heads",
                 "It has 20 characters, as `reprieve repo head` prints them."};
  REPRIEVE_TRY(const auto configs, repository::read_config_hashes(*open.repository));
  const auto match = repository::find_digest(open.repository->id(), open.heads, configs, *expected);
  json["expected"] = *expected;
  json["matches"] = match.has_value();
  json["newer_points"] = match ? Json(match->newer) : Json(nullptr);
  if (!match) {
    console.warn("ALARM: " + in_groups(*expected) +
                 " is no state that this store has been in, as far as it tells.");
    console.warn(
        "It was set back to an older state or forked, or the points of that state were deleted "
        "since. Compare with another copy before you trust it.");
    return kExitCorrupt;
  }
  console.say(match->newer == 0
                  ? "It is the state that was expected."
                  : "The expected state is part of this one; " +
                        format_count(match->newer, "recovery point") + " came since.");
  return kExitDone;
}

Result<int> run_head(const Invocation& invocation, const HeadArguments& arguments,
                     const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::OpenRepository open, workspace.open_repository());
  const std::string digest = repository::digest_of_heads(open.repository->id(), open.heads.newest);
  Json json = show_heads(open, digest, console);
  int code = open.alarms.empty() ? kExitDone : kExitCorrupt;
  if (!arguments.expected.empty()) {
    REPRIEVE_TRY(const int compared, compare(open, arguments.expected, json, console));
    code = std::max(code, compared);
  }
  if (arguments.is_accepting) {
    REPRIEVE_RETURN_IF_ERROR(app::accept_heads(workspace, open));
    console.say(open.alarms.empty() ? "Nothing had to be accepted."
                                    : "Accepted " + format_count(open.alarms.size(), "difference") +
                                          ": from now on this state is the one to compare with.");
    code = kExitDone;
  }
  json["accepted"] = arguments.is_accepting;
  console.result(json);
  return code;
}

}  // namespace

void add_head(CLI::App& repo, Invocation& invocation) {
  auto* command =
      repo.add_subcommand("head", "Whether the store went back; a digest of its state to note");
  auto arguments = std::make_shared<HeadArguments>();
  auto* expect = command->add_option("--expect", arguments->expected,
                                     "Compare with a digest that was noted earlier");
  command
      ->add_flag("--accept-rollback", arguments->is_accepting,
                 "From now on the state as it is counts; ends the alarm on this host")
      ->excludes(expect);
  command->footer(
      "Every host remembers the newest state that it saw. If recovery points vanish without "
      "having\n"
      "been deleted, or an older copy takes the store's place, commands warn, exit with 7, and "
      "write\n"
      "nothing; restores go on. Note the digest where the store cannot reach it, and compare "
      "later.\n\n"
      "Examples:\n"
      "  reprieve repo head\n"
      "  reprieve repo head --expect abcde-fghij-kmnpq-rstuv");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_head(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
