#include "app/jobs.hpp"
#include "backup/repository_reader.hpp"
#include "base/format.hpp"
#include "cli/browse_commands.hpp"

namespace reprieve::cli {
namespace {

struct DiffArguments {
  std::string before;
  std::string after;
  std::string source;
};

using Kind = backup::Change::Kind;

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kAdded:
      return "added";
    case Kind::kRemoved:
      return "removed";
    case Kind::kModified:
      return "modified";
    case Kind::kMetadata:
      return "metadata";
  }
  return "unknown";
}

char sign_of(Kind kind) {
  switch (kind) {
    case Kind::kAdded:
      return '+';
    case Kind::kRemoved:
      return '-';
    case Kind::kModified:
      return 'M';
    case Kind::kMetadata:
      return 'm';
  }
  return '?';
}

Result<int> run_diff(const Invocation& invocation, const DiffArguments& arguments,
                     const Console& console) {
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository());
  const std::string source =
      arguments.source.empty() ? "" : app::point_source_name(workspace, arguments.source);
  Progress progress;
  REPRIEVE_TRY(const auto before, app::find_point(workspace, open, source, arguments.before,
                                                  progress, invocation.cancel));
  REPRIEVE_TRY(const auto after, app::find_point(workspace, open, source, arguments.after, progress,
                                                 invocation.cancel));
  if (before.description.source != after.description.source)
    console.warn("note: the points are of two sources, " + printable(before.description.source) +
                 " and " + printable(after.description.source));
  backup::RepositoryReader reader{*open.repository, progress, invocation.cancel};
  REPRIEVE_TRY(const auto roots_before, reader.roots_of(before));
  REPRIEVE_TRY(const auto roots_after, reader.roots_of(after));

  std::array<std::uint64_t, 4> counts{};
  Json changes = Json::array();
  REPRIEVE_RETURN_IF_ERROR(backup::compare(
      reader, roots_before, roots_after, [&](const backup::Change& change) -> Result<> {
        ++counts[static_cast<std::size_t>(change.kind)];
        if (!console.is_json()) {
          const bool is_directory = change.type == EntryType::kDirectory;
          console.show(fmt::format("{}  {}{}", sign_of(change.kind), printable(change.path),
                                   is_directory ? "/" : ""));
          return kOk;
        }
        Json json = {{"kind", name_of(change.kind)}, {"type", type_letter(change.type)}};
        add_path(json, "path", change.path);
        json["size_before"] = change.size_before;
        json["size_after"] = change.size_after;
        changes.push_back(std::move(json));
        return kOk;
      }));
  console.result({{"schema", "reprieve.diff/1"},
                  {"before", before.id.hex()},
                  {"after", after.id.hex()},
                  {"added", counts[0]},
                  {"removed", counts[1]},
                  {"modified", counts[2]},
                  {"metadata", counts[3]},
                  {"changes", changes}});
  console.say(fmt::format("{} added, {} removed, {} modified, {} with other metadata only",
                          counts[0], counts[1], counts[2], counts[3]));
  return kExitDone;
}

}  // namespace

void add_diff(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand("diff", "What changed between two recovery points");
  auto arguments = std::make_shared<DiffArguments>();
  command->add_option("before", arguments->before, "The older point")->required();
  command->add_option("after", arguments->after, "The newer point")->required();
  command->add_option("--source", arguments->source, "The source that the points belong to");
  command->footer(
      "+ added  - removed  M modified  m only metadata (owner, mode, times, attributes)\n\n"
      "Example:\n  reprieve diff 2026-11-19T02:00:00Z latest --source uploads");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_diff(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
