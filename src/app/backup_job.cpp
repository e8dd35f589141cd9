#include <unistd.h>

#include <array>
#include <filesystem>

#include "app/head_check.hpp"
#include "app/jobs.hpp"
#include "app/kit.hpp"
#include "crypto/crypto.hpp"
#include "io/file.hpp"
#include "source/filesystem/capture.hpp"
#include "source/postgresql/postgres_source.hpp"

namespace reprieve::app {
namespace {

/// Above it zstd takes many times as long for a few per cent (docs/performance.md).
constexpr int kAdaptiveLevelMax = 9;

constexpr std::string_view kProgram = "reprieve " REPRIEVE_VERSION;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "";
  return name.data();
}

repository::Description describe(const NamedSource& source, const BackupChoices& choices) {
  repository::Description description;
  description.source = source.name;
  description.kind = source.kind_name();
  description.host = host_name();
  description.name = choices.name;
  description.tags = choices.tags;
  description.program = kProgram;
  description.facts = Json::object();
  return description;
}

/// The plan's own file, kept as a source of one file.
Result<> keep_plan(const Workspace& workspace, const LoadedPlan& loaded, OpenRepository& open,
                   const CancelToken& cancel) {
  const std::string text_hash = to_hex(crypto::sha256(as_bytes(loaded.text)));
  const auto kept = points_of(open.listed.snapshots, kPlanSource);
  if (!kept.empty() && kept.back().description.facts.value("sha256", "") == text_hash) return kOk;
  CaptureOptions options;
  options.paths = {loaded.path};
  FilesystemSource source{std::move(options)};
  Progress progress;
  repository::Description description = describe({std::string{kPlanSource}, {}}, {});
  description.paths = {loaded.path};
  description.facts = {{"sha256", text_hash}, {"hash", loaded.hash}};
  REPRIEVE_TRY(const auto outcome, backup::back_up(
                                       *open.repository, source, std::move(description),
                                       [](repository::Description&) {}, {}, progress, cancel));
  remember_point(workspace, open, outcome.snapshot);
  return kOk;
}

}  // namespace

Result<backup::BackupOutcome> back_up(const Workspace& workspace, OpenRepository& open,
                                      const NamedSource& source, const BackupChoices& choices,
                                      Progress& progress, const CancelToken& cancel) {
  repository::Description description = describe(source, choices);
  if (const auto* files = std::get_if<plan::FilesSource>(&source.kind))
    description.paths = absolute_paths(workspace, *files);
  REPRIEVE_TRY(const auto capturer, make_source(workspace, source, to_hex(open.repository->id()),
                                                choices.checkpoint_interval));
  repository::SessionOptions session;
  session.compression_level = choices.compression_level.value_or(1);
  if (!choices.compression_level) session.compression_level_max = kAdaptiveLevelMax;
  session.index_interval = choices.checkpoint_interval;
  const auto add_facts = [&](repository::Description& described) {
    const auto* postgres = dynamic_cast<const PostgresSource*>(capturer.get());
    if (postgres == nullptr || !postgres->facts()) return;
    const ClusterFacts& facts = *postgres->facts();
    described.facts = {{"system_identifier", facts.system_identifier},
                       {"server_version", facts.server_version},
                       {"timeline", facts.timeline},
                       {"start_lsn", format_lsn(facts.start)},
                       {"end_lsn", format_lsn(facts.end)},
                       {"is_suspect", facts.is_suspect}};
    // A base backup holds everything that was committed before its end.
    described.data_time = facts.finished;
  };
  auto outcome = backup::back_up(*open.repository, *capturer, std::move(description), add_facts,
                                 session, progress, cancel);
  if (!outcome) return std::move(outcome).error().at("back up " + source.name);
  remember_point(workspace, open, outcome->snapshot);
  return outcome;
}

Result<> keep_kit(const Workspace& workspace, OpenRepository& open, const CancelToken& cancel) {
  REPRIEVE_RETURN_IF_ERROR(store_program(*open.store, workspace.cache_dir()));
  if (const LoadedPlan* loaded = workspace.plan_if_any())
    REPRIEVE_RETURN_IF_ERROR(keep_plan(workspace, *loaded, open, cancel));
  return open.store->sync();
}

}  // namespace reprieve::app
