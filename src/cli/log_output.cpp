#include "cli/log_output.hpp"

#include "app/points.hpp"
#include "base/format.hpp"

namespace reprieve::cli {
namespace {

using Stream = backup::WalPruneReport::Stream;
using Sum = backup::WalPruneReport::Sum;

Json to_json(const Sum& sum) {
  return {{"pieces", sum.pieces}, {"bytes", sum.bytes}};
}

std::string text_of(const Sum& sum) {
  return format_count(sum.pieces, "piece") + " (" + format_size(sum.bytes) + ")";
}

/// Whose log it is.
std::string name_of(const Stream& stream) {
  if (stream.system_identifier.empty()) return "stream " + to_hex(stream.id);
  return fmt::format("log of {}, timeline {}", printable(stream.source), stream.timeline);
}

void tell_stream(const Console& console, const Stream& stream, bool is_dry_run) {
  const std::string name = name_of(stream);
  const char* const goes = is_dry_run ? "would go" : "removed";
  if (stream.before.pieces > 0)
    console.say(fmt::format("{}: {} before {} {}: {}.", name, text_of(stream.before),
                            format_lsn(*stream.needed_from), goes, stream.reason));
  else if (!stream.needed_from)
    console.say(fmt::format("{}: {}, none goes for its age: {}.", name, text_of(stream.all),
                            stream.reason));
  if (stream.covered.pieces > 0)
    console.say(fmt::format("{}: {} {}: longer pieces hold the same.", name,
                            text_of(stream.covered), goes));
  if (stream.locked.pieces > 0)
    console.say(fmt::format("{}: {} stay for now: locked.", name, text_of(stream.locked)));
  if (stream.doubtful.pieces > 0)
    console.warn(
        fmt::format("{}: {} stay: {}", name, text_of(stream.doubtful), printable(stream.doubt)));
}

std::string second_of(Instant time) {
  return format_rfc3339(Instant{time.nanoseconds / 1'000'000'000 * 1'000'000'000});
}

}  // namespace

Json to_json(const backup::WalPruneReport& report) {
  Json streams = Json::array();
  for (const Stream& stream : report.streams) {
    Json row = {{"stream", to_hex(stream.id)},
                {"source", stream.source},
                {"system_identifier", stream.system_identifier},
                {"timeline", stream.timeline},
                {"needed_from", nullptr},
                {"reason", stream.reason},
                {"held", to_json(stream.all)},
                {"before", to_json(stream.before)},
                {"covered", to_json(stream.covered)},
                {"locked", to_json(stream.locked)},
                {"doubtful", to_json(stream.doubtful)},
                {"doubt", stream.doubt}};
    if (stream.needed_from) row["needed_from"] = format_lsn(*stream.needed_from);
    streams.push_back(std::move(row));
  }
  return {{"left_alone", report.left_alone}, {"streams", streams}};
}

void tell(const Console& console, const backup::WalPruneReport& report, bool is_dry_run) {
  if (!report.left_alone.empty())
    console.say("The log of databases was left alone: " + report.left_alone + ".");
  for (const Stream& stream : report.streams)
    tell_stream(console, stream, is_dry_run);
}

Json to_json(const app::LogRanges& ranges) {
  Json rows = Json::array();
  for (const app::LogRange& range : ranges.ranges) {
    Json row = {{"timeline", range.timeline},
                {"from_lsn", format_lsn(range.range.from)},
                {"to_lsn", format_lsn(range.range.to)},
                {"from_time", format_rfc3339(range.from_time)},
                {"to_time", nullptr},
                {"point", range.point.hex()},
                {"gap", range.gap}};
    if (range.to_time) row["to_time"] = format_rfc3339(*range.to_time);
    rows.push_back(std::move(row));
  }
  return rows;
}

void tell(const Console& console, const app::LogRanges& ranges) {
  for (const app::LogRange& range : ranges.ranges) {
    const std::string end = range.to_time ? second_of(*range.to_time)
                                          : "the commit before " + format_lsn(range.range.to);
    console.show(fmt::format("Any moment from {} to {} on timeline {}{}.",
                             second_of(range.from_time), end, range.timeline,
                             range.gap.empty() ? "" : "; then " + range.gap));
  }
  for (const std::string& problem : ranges.problems)
    console.warn("log that cannot be read: " + printable(problem));
}

}  // namespace reprieve::cli
