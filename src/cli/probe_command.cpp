#include <algorithm>
#include <iterator>

#include "app/stores.hpp"
#include "app/workspace.hpp"
#include "base/format.hpp"
#include "cli/command.hpp"
#include "storage/probe.hpp"

namespace reprieve::cli {
namespace {

constexpr Duration kSkewMax = std::chrono::minutes{5};  // S3 refuses at fifteen.

std::string yes_or_no(const std::optional<bool>& fact) {
  if (!fact) return "not told";
  return *fact ? "on" : "off";
}

/// What only a bucket can tell: facts, and one promise about the clocks.
Result<> add_bucket(const app::StorePlace& place, std::vector<ProbeFinding>& findings, Json& facts,
                    std::vector<std::vector<std::string>>& rows) {
  REPRIEVE_TRY(const auto bucket, app::open_s3(place));
  REPRIEVE_TRY(const BucketFacts told, bucket->facts());
  rows.push_back({"versioning", yes_or_no(told.is_versioned), ""});
  rows.push_back({"object-lock", yes_or_no(told.has_object_lock), ""});
  const auto json_of = [](const std::optional<bool>& fact) {
    return fact ? Json(*fact) : Json(nullptr);
  };
  facts["versioning"] = json_of(told.is_versioned);
  facts["object_lock"] = json_of(told.has_object_lock);
  if (!told.clock_skew) return kOk;
  const Duration skew = std::chrono::abs(*told.clock_skew);
  facts["clock_skew_seconds"] =
      std::chrono::duration_cast<std::chrono::seconds>(*told.clock_skew).count();
  findings.push_back({"clock", skew < kSkewMax,
                      fmt::format("the store's clock differs by {}", format_duration(skew))});
  return kOk;
}

Result<int> run_probe(const Invocation& invocation, const Console& console) {
  REPRIEVE_TRY(const app::Workspace workspace, app::Workspace::open(invocation.options));
  REPRIEVE_TRY(const app::StorePlace place, workspace.store_place());
  REPRIEVE_TRY(const auto store, app::open_store(place));
  std::vector<std::vector<std::string>> rows = {{"PROMISE", "KEPT", "SEEN"}};
  Json facts = Json::object();
  std::vector<ProbeFinding> findings;
  if (s3::is_s3_url(place.location))
    REPRIEVE_RETURN_IF_ERROR(add_bucket(place, findings, facts, rows));
  std::ranges::move(probe_store(*store, system_random()), std::back_inserter(findings));

  Json promises = Json::array();
  bool is_sound = true;
  for (const ProbeFinding& finding : findings) {
    // An append-only account is a choice, not a fault: backups and restores need no removal.
    is_sound = is_sound && (finding.is_kept || finding.promise == "removal");
    rows.push_back({finding.promise, finding.is_kept ? "yes" : "no", printable(finding.what)});
    promises.push_back(
        {{"promise", finding.promise}, {"kept", finding.is_kept}, {"seen", finding.what}});
  }
  console.result({{"schema", "reprieve.probe/1"},
                  {"store", store->describe()},
                  {"sound", is_sound},
                  {"promises", promises},
                  {"facts", facts}});
  console.show(table(rows));
  if (!is_sound) console.warn("This store does not keep what a repository needs.");
  return is_sound ? kExitDone : exit_code_of(ErrorKind::kInvalid);
}

}  // namespace

void add_probe(CLI::App& group, Invocation& invocation) {
  auto* command = group.add_subcommand("probe", "Try what the store really guarantees");
  command->footer(
      "Makes a few small objects below probe/ at the place of --repo, and removes them. Needs no\n"
      "repository and no key. Exit code 2 if a promise is not kept that a repository rests on.\n\n"
      "Example:\n  reprieve --repo 's3://bucket/prefix?region=eu-central-1' repo probe");
  command->callback([&invocation] {
    invocation.run = [&invocation](const Console& console) {
      return finish(console, [&] { return run_probe(invocation, console); });
    };
  });
}

}  // namespace reprieve::cli
