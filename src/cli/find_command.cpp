#include <map>

#include "app/browse_job.hpp"
#include "app/sources.hpp"
#include "base/format.hpp"
#include "base/local_time.hpp"
#include "cli/browse_commands.hpp"
#include "plan/units.hpp"

namespace reprieve::cli {
namespace {

struct FindArguments {
  std::vector<std::string> patterns;
  std::string source;
  std::string point;
  std::string type;
  std::string newer;
  std::string older;
  std::string size;
};

const std::map<std::string, EntryType>& types() {
  static const std::map<std::string, EntryType> table = {
      {"f", EntryType::kFile},       {"d", EntryType::kDirectory}, {"l", EntryType::kSymlink},
      {"p", EntryType::kFifo},       {"s", EntryType::kSocket},    {"c", EntryType::kCharDevice},
      {"b", EntryType::kBlockDevice}};
  return table;
}

constexpr std::int64_t kSecond = 1'000'000'000;

Result<std::optional<FileTime>> parse_time(const std::string& option, const std::string& text) {
  if (text.empty()) return std::optional<FileTime>{};
  const auto instant = parse_rfc3339(text);
  if (!instant) return not_a_moment(text).at(option);
  FileTime time{instant->nanoseconds / kSecond, 0};
  if (instant->nanoseconds % kSecond < 0) --time.seconds;
  time.nanoseconds = static_cast<std::uint32_t>(instant->nanoseconds - time.seconds * kSecond);
  return std::optional{time};
}

Result<> parse_size(std::string text, backup::FindQuery& query) {
  if (text.empty()) return kOk;
  const char sign = text[0];
  if (sign == '+' || sign == '-') text.erase(0, 1);
  const bool is_bare = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  const auto size = plan::parse_size(is_bare ? text + "B" : text);
  if (!size || (sign == '-' && size->value == 0))
    return Error{ErrorKind::kInvalid, "--size " + text + " is no size",
                 "Write +10MiB for larger than that, -4kB for smaller, 512 for exactly 512 bytes."};
  query.size_min = sign == '-' ? 0 : size->value + (sign == '+' ? 1 : 0);
  query.size_max = sign == '+' ? UINT64_MAX : size->value - (sign == '-' ? 1 : 0);
  return kOk;
}

Result<backup::FindQuery> query_of(const FindArguments& arguments) {
  backup::FindQuery query;
  query.patterns = arguments.patterns;
  REPRIEVE_TRY(query.newer, parse_time("--newer", arguments.newer));
  REPRIEVE_TRY(query.older, parse_time("--older", arguments.older));
  REPRIEVE_RETURN_IF_ERROR(parse_size(arguments.size, query));
  if (!arguments.type.empty()) {
    const auto type = types().find(arguments.type);
    if (type == types().end())
      return Error{ErrorKind::kInvalid, "--type " + arguments.type + " is none",
                   "Use f (file), d (directory), l (symbolic link), p (pipe), s (socket), c or b "
                   "(device)."};
    query.type = type->second;
  }
  REPRIEVE_RETURN_IF_ERROR(backup::check_query(query));
  return query;
}

/// Times beyond what Instant can say are shown as seconds, as `date -d @N` reads them.
std::string text_of(const FileTime& time) {
  constexpr std::int64_t kInstantSecondsMax = INT64_MAX / kSecond - 1;
  if (time.seconds > kInstantSecondsMax || time.seconds < -kInstantSecondsMax)
    return "@" + std::to_string(time.seconds);
  return format_rfc3339(Instant{time.seconds * kSecond + time.nanoseconds});
}

/// To the second, as `reprieve points` shows it.
std::string time_of(const repository::Snapshot& point) {
  return format_rfc3339(Instant{point.description.data_time.nanoseconds / kSecond * kSecond});
}

Json to_json(const repository::Snapshot& point) {
  return {{"id", point.id.hex()}, {"data_time", format_rfc3339(point.description.data_time)}};
}

/// Collects for JSON, prints for people as it comes.
class Output {
 public:
  explicit Output(const Console& console) : console_{console} {}

  void add(const app::SourcePoints& in, const backup::Found& found) {
    ++names_;
    if (console_.is_json()) {
      add_json(in, found);
      return;
    }
    console_.show(printable(found.path));
    for (const backup::Found::State& state : found.states)
      console_.show("    " + line(in, state));
  }

  [[nodiscard]] std::uint64_t names() const { return names_; }
  [[nodiscard]] const Json& matches() const { return matches_; }

 private:
  static std::string line(const app::SourcePoints& in, const backup::Found::State& state) {
    const bool is_file = state.entry.type == EntryType::kFile;
    std::string text =
        fmt::format("{}  {:04o}  {:>9}  {:24}", type_letter(state.entry.type), state.entry.mode,
                    is_file ? format_size(state.entry.content.size) : "-",
                    text_of({state.entry.modified.seconds, 0}));
    for (std::size_t i = 0; i < state.runs.size(); ++i) {
      const backup::PointRun run = state.runs[i];
      const auto& first = in.points[run.first];
      const auto& last = in.points[run.last];
      text += i == 0 ? "  in " : ", ";
      text += app::short_id(first.id);
      if (run.first == run.last)
        text += " of " + time_of(first);
      else
        text += fmt::format(" to {} ({}, {} to {})", app::short_id(last.id),
                            format_count(run.last - run.first + 1, "point"), time_of(first),
                            time_of(last));
    }
    return text;
  }

  void add_json(const app::SourcePoints& in, const backup::Found& found) {
    Json match = {{"source", in.source}};
    add_path(match, "path", found.path);
    match["states"] = Json::array();
    for (const backup::Found::State& state : found.states) {
      Json json = {{"type", type_letter(state.entry.type)},
                   {"mode", fmt::format("{:04o}", state.entry.mode)},
                   {"size", state.entry.content.size},
                   {"modified", text_of(state.entry.modified)},
                   {"runs", Json::array()}};
      for (const backup::PointRun& run : state.runs)
        json["runs"].push_back({{"first", to_json(in.points[run.first])},
                                {"last", to_json(in.points[run.last])},
                                {"points", run.last - run.first + 1}});
      match["states"].push_back(std::move(json));
    }
    matches_.push_back(std::move(match));
  }

  const Console& console_;
  std::uint64_t names_ = 0;
  Json matches_ = Json::array();
};

Result<int> run_find(const Invocation& invocation, const FindArguments& arguments,
                     const Console& console) {
  REPRIEVE_TRY(const backup::FindQuery query, query_of(arguments));
  REPRIEVE_TRY(app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(app::OpenRepository open, workspace.open_repository());
  const std::string source =
      arguments.source.empty() ? "" : app::point_source_name(workspace, arguments.source);
  Progress progress;
  auto bar = start_progress(invocation, "Searching", progress);
  REPRIEVE_TRY(const auto sources, app::points_to_search(workspace, open, source, arguments.point,
                                                         progress, invocation.cancel));
  Output output{console};
  backup::RepositoryReader reader{*open.repository, progress, invocation.cancel};
  std::size_t points = 0;
  for (const app::SourcePoints& each : sources) {
    points += each.points.size();
    REPRIEVE_RETURN_IF_ERROR(
        app::find(reader, each, query, [&](const backup::Found& found) -> Result<> {
          output.add(each, found);
          return kOk;
        }));
  }
  bar.reset();
  Json json = {{"schema", "reprieve.find/1"},
               {"points", points},
               {"matches", output.matches()},
               {"problems", Json::array()}};
  for (const Problem& problem : reader.problems())
    json["problems"].push_back(cli::to_json(problem));
  console.result(json);
  console.say(fmt::format("{} found in {}", format_count(output.names(), "name"),
                          format_count(points, "recovery point")));
  if (reader.problems().empty()) return kExitDone;
  console.warn(
      fmt::format("{} could not be searched:", format_count(reader.problems().size(), "folder")));
  console.list(reader.problems());
  return kExitCorrupt;
}

}  // namespace

std::string type_letter(EntryType type) {
  for (const auto& [letter, each] : types())
    if (each == type) return letter;
  return "?";
}

void add_find(CLI::App& parser, Invocation& invocation) {
  auto* command = parser.add_subcommand("find", "Search all recovery points for names");
  auto arguments = std::make_shared<FindArguments>();
  command
      ->add_option("patterns", arguments->patterns,
                   "Globs: '*.conf' of names, 'etc/*.conf' of paths' ends, '/etc/**' of whole "
                   "paths; one has to match")
      ->required();
  command->add_option("--source", arguments->source, "Only points of this source");
  command->add_option("--point", arguments->point, "Only this point: id, name, latest, or a time");
  command->add_option("--type", arguments->type, "f, d, l, p, s, c or b, as find(1) has them");
  command->add_option("--newer", arguments->newer, "Modified after this time");
  command->add_option("--older", arguments->older, "Modified before this time");
  command->add_option("--size", arguments->size, "+10MiB: larger, -4kB: smaller, 512: exactly");
  command->footer(
      "Each name comes once, with a line for each state that it has: type, mode, size, time of\n"
      "modification, and the points in which it is so. Neighbouring points are drawn together.\n\n"
      "Examples:\n"
      "  reprieve find '*.docx' --source uploads\n"
      "  reprieve find 'etc/nginx/**' --point latest --newer 2026-11-01T00:00:00Z\n"
      "  reprieve cat POINT PATH        writes what was found");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments](const Console& console) {
      return finish(console, [&] { return run_find(invocation, *arguments, console); });
    };
  });
}

}  // namespace reprieve::cli
