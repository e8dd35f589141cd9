#include "app/recovery_wiring.hpp"

#include "base/format.hpp"

namespace reprieve::app {
namespace {

/// How a plan names a point, in the words of find_point().
std::string wanted_text(const plan::PointExpression& point) {
  using Kind = plan::PointExpression::Kind;
  switch (point.kind) {
    case Kind::kLatest:
      return "latest";
    case Kind::kLatestVerified:
      return "latest-verified";
    case Kind::kBefore:
      return format_rfc3339(point.time + Duration{-1});
    case Kind::kTime:
      return format_rfc3339(point.time);
    case Kind::kNamed:
      return point.name;
  }
  return "latest";
}

}  // namespace

RepositoryPoints::RepositoryPoints(Workspace& workspace, const CancelToken& cancel)
    : workspace_{workspace}, cancel_{cancel} {}

Result<recovery::ResolvedPoint> RepositoryPoints::resolve(const recovery::PointRequest& request) {
  if (!open_) {
    REPRIEVE_TRY(OpenRepository opened, workspace_.open_repository());
    open_ = std::make_unique<OpenRepository>(std::move(opened));
  }
  std::string wanted = request.to_time ? format_rfc3339(*request.to_time) : "latest";
  if (!request.point.empty()) {
    REPRIEVE_TRY(const plan::PointExpression point, plan::parse_point(request.point));
    wanted = wanted_text(point);
  }
  Progress progress;
  REPRIEVE_TRY(const repository::Snapshot point,
               find_point(workspace_, *open_, request.source, wanted, progress, cancel_));
  recovery::ResolvedPoint resolved;
  resolved.id = point.id.hex();
  resolved.time = point.description.data_time;
  resolved.size_bytes = point.statistics.bytes;
  resolved.end_lsn = point.description.facts.value("end_lsn", "");
  const auto verifications =
      Verifications::load(workspace_.state_dir(), to_hex(open_->repository->id()));
  if (const auto verdict = verifications.verdict_on(point.id); verdict && verdict->is_good)
    resolved.verified = verdict->level + " at " + format_rfc3339(verdict->at);
  return resolved;
}

ChildRestores::ChildRestores(const Workspace& workspace, std::string program)
    : workspace_{workspace}, program_{std::move(program)} {}

recovery::HostCommand ChildRestores::child(const std::vector<std::string>& words) const {
  recovery::HostCommand command;
  command.argv = {program_};
  for (std::string& argument : workspace_.arguments_for_child())
    command.argv.push_back(std::move(argument));
  command.argv.emplace_back("--json");
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  return command;
}

Result<recovery::HostCommand> ChildRestores::restore(const recovery::RestoreRequest& request) {
  // Durable: the switch that follows makes these files the only ones.
  std::vector<std::string> words = {"restore", request.source, "--at",  request.point_id,
                                    "--into",  request.into,   "--sync"};
  if (!request.path.empty()) words.insert(words.end(), {"--root", request.path});
  if (request.to_time) words.insert(words.end(), {"--to-time", format_rfc3339(*request.to_time)});
  if (request.is_to_latest) words.emplace_back("--to-latest");
  return child(words);
}

Result<recovery::HostCommand> ChildRestores::check(const recovery::RestoredCheckRequest& request) {
  std::vector<std::string> words = {"check", "--source", request.source, "--against",
                                    request.target};
  words.insert(words.end(), request.checks.begin(), request.checks.end());
  return child(words);
}

}  // namespace reprieve::app
