#pragma once

#include <set>
#include <string>
#include <string_view>

#include "plan/internal/problems.hpp"
#include "plan/internal/reader.hpp"
#include "plan/model.hpp"

/// From the node tree to the model, section by section. Each parser appends every entry that has a
/// name, also if something in it was wrong, so that references to it are not reported as well.
namespace reprieve::plan {

/// What the parsers of one plan share.
struct Draft {
  Plan plan;
  Problems& problems;
  /// "sources" or "sources.db": what could not be read well enough to judge references to it.
  std::set<std::string> doubtful;

  [[nodiscard]] bool is_doubtful(std::string_view section, std::string_view name) const {
    return doubtful.contains(std::string{section}) ||
           doubtful.contains(std::string{section} + "." + std::string{name});
  }
};

void parse_secrets(const Value& section, Draft& draft);
void parse_services(const Value& section, Draft& draft);
void parse_sources(const Value& section, Draft& draft);
void parse_storages(const Value& section, Draft& draft);
void parse_backups(const Value& section, Draft& draft);
void parse_checks(const Value& section, Draft& draft);
void parse_people(const Value& section, Draft& draft);
void parse_roles(const Value& section, Draft& draft);
void parse_scenarios(const Value& section, Draft& draft);

/// One step of a scenario; nothing if it has no usable id or type. `previous` is the id of the
/// step above it, which it comes after unless it says otherwise.
std::optional<Step> parse_step(const Value& value, std::string_view previous);

/// Reads postgres://user@host:port/database into `source`. Problems never show the URL: it may
/// carry a password where none belongs.
void parse_postgres_url(const Value& value, PostgresSource& source);

/// A path that begins at the root.
std::optional<std::string> parse_absolute_path(const Value& value);

/// Checks that all names name something and that what they name fits. Pure: adds problems only.
void check_references(Draft& draft);

/// Fills in what a scenario leaves to defaults that depend on other sections.
void fill_in_scenarios(Plan& plan);

/// Checks the graph of every scenario's steps and what they take from each other; sets
/// Step::may_follow_start.
void resolve_steps(Draft& draft);

}  // namespace reprieve::plan
