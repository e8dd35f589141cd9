#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "plan/position.hpp"
#include "plan/step.hpp"

/// The plan as the rest of the program sees it: closed, typed, resolved. Only parse_plan()
/// (plan/parse.hpp) makes one, so whoever holds a Plan may rely on this: every Name names something
/// that exists, every default is filled in, durations are not negative, and the steps of a scenario
/// form a graph without a cycle. Lists keep the order of the plan's text.
namespace reprieve::plan {

/// Where a secret's value is found at the last moment. The value itself is never in a plan.
struct Secret {
  enum class From : std::uint8_t { kFile, kEnvironment };
  std::string name;
  Position at;
  From from = From::kFile;
  std::string where;  ///< An absolute path, or the name of a variable.
};

/// A program that the executor starts and watches itself.
struct ProcessRun {
  std::vector<std::string> argv;
  std::string cwd;  ///< Empty: `/`.
  std::map<std::string, std::string> env;
  std::string user;                     ///< Empty: as the executor runs.
  std::string log;                      ///< File that takes its output; empty: none is kept.
  std::optional<std::string> pid_file;  ///< Written by the program itself.
};
struct SystemdRun {
  std::string unit;
};
/// Commands that a person would use. Exit 0 is success; of `status`: it runs.
struct ArgvRun {
  std::vector<std::string> start;
  std::vector<std::string> stop;
  std::vector<std::string> status;
};

struct Service {
  std::string name;
  Position at;
  std::optional<Duration> rto;
  std::optional<Duration> rpo;
  std::optional<std::uint32_t> tier;  ///< 0 is the most important.
  std::vector<Name> sources;
  std::vector<Name> needs;
  /// Nothing: reprieve cannot start or stop it, and no stop or start step names it.
  std::optional<std::variant<ProcessRun, SystemdRun, ArgvRun>> run;
  std::vector<Name> health;
};

struct FilesSource {
  std::vector<std::string> paths;    ///< Absolute, or from the plan's folder; at least one.
  std::vector<std::string> exclude;  ///< Patterns.
  bool one_file_system = false;
  bool cachedir_tag = true;  ///< Leaves out folders that carry a CACHEDIR.TAG.
};

struct PostgresSource {
  std::string url;  ///< As written; without a password.
  std::string user;
  std::string host;  ///< A name, an address or the folder of a socket.
  std::uint16_t port = 5432;
  std::string database;
  std::optional<Name> password;  ///< A secret.
  std::string data_dir;  ///< Where the server's data lie; a recovery puts them there. May be empty.
  std::string os_user;   ///< Who owns data_dir. May be empty.
};

struct Source {
  std::string name;
  Position at;
  std::variant<FilesSource, PostgresSource> kind;
};

struct Storage {
  std::string name;
  Position at;
  std::string location;  ///< Absolute path of a folder, or an s3: URL.
  // Secrets of the account at an s3: storage; none or both.
  std::optional<Name> access_key;
  std::optional<Name> secret_key;
  /// The storage of which this is a replica; it is unlocked as that one.
  std::optional<Name> replica_of;
  enum class Unlock : std::uint8_t { kPassword, kKey };
  Unlock unlock = Unlock::kPassword;
  Name secret;
};

/// `every: 15m`.
struct EverySchedule {
  Duration interval{};
};
/// `every: daily "02:00 UTC"`.
struct DailySchedule {
  std::uint32_t minute_of_day = 0;  ///< UTC.
};

/// `every: continuous`: the log of a database is received as it is written.
struct ContinuousSchedule {};
using Schedule = std::variant<EverySchedule, DailySchedule, ContinuousSchedule>;

/// What of a policy's snapshots is kept. All zero and nothing: all of them.
struct Keep {
  std::uint32_t last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;
  std::uint32_t monthly = 0;
  std::uint32_t yearly = 0;
  std::optional<Duration> within;
};

/// How a recovery point is proved: its chunks are there, they open and are what they say, and
/// files of it are restored and compared.
enum class Proof : std::uint8_t { kReach, kData, kRestore };
std::string_view name_of(Proof proof);

struct BackupPolicy {
  Position at;
  std::vector<Name> sources;
  std::vector<Name> to;           ///< Storages; the plan's first one unless it says otherwise.
  std::optional<Schedule> every;  ///< Nothing: backups are taken by hand.
  Keep keep;
  std::optional<Duration> estimate;  ///< The author's guess of how long one backup takes.
  std::optional<Proof> verify;       ///< After each backup that is taken when it is due.

  /// It receives logs, of PostgreSQL sources only, and takes no backups.
  [[nodiscard]] bool is_continuous() const {
    return every && std::holds_alternative<ContinuousSchedule>(*every);
  }
};

/// A value as a check compares it. std::monostate is null.
using Scalar = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct HttpCheck {
  std::string url;
  std::uint16_t status = 200;
  std::string contains;  ///< In the body; empty: not asked.
  /// Path inside the JSON body ("db.state", "nodes.0.up") and what must be there.
  std::vector<std::pair<std::string, Scalar>> json;
  std::optional<Duration> under;  ///< Longest time until the last byte.
};
struct TcpCheck {
  std::string host;
  std::uint16_t port = 0;
};
struct SqlCheck {
  std::string statement;
  std::optional<Name> source;  ///< A postgres source. Exactly one of `source` and `url` is there.
  std::string url;
  enum class Compare : std::uint8_t { kSucceeds, kEquals, kNotEquals, kAtLeast, kAtMost };
  Compare compare = Compare::kSucceeds;
  Scalar want;  ///< Against the first column of the first row. A number for kAtLeast and kAtMost.
};
struct FileCheck {
  std::string path;
  bool exists = true;
  std::optional<ByteCount> min_size;
  std::string contains;  ///< Empty: not asked.
  std::string sha256;    ///< Lower-case hexadecimal, 64 digits; empty: not asked.
};
struct ArgvCheck {
  std::vector<std::string> argv;
  std::uint8_t exit = 0;
  std::string contains;  ///< In standard output; empty: not asked.
};

struct Check {
  std::string name;
  Position at;
  std::variant<HttpCheck, TcpCheck, SqlCheck, FileCheck, ArgvCheck> kind;
  Duration timeout{};  ///< Of one try.
  std::uint32_t tries = 1;
  Duration every{};   ///< Between tries, and between looks while it must stay true.
  Duration stable{};  ///< How long it must stay true before it counts. Zero: once is enough.
};

struct Person {
  std::string name;
  Position at;
  std::string
      key;  ///< Ed25519 public key, 64 lower-case hexadecimal digits; empty: cannot approve.
  std::string email;
  std::string phone;
};

struct Role {
  std::string name;
  Position at;
  std::vector<Name> people;
};

enum class ParamType : std::uint8_t {
  kString,
  kInteger,
  kBoolean,
  kDuration,
  kSize,
  kTime,
  kRecoveryPoint
};

struct Param {
  std::string name;
  Position at;
  ParamType type = ParamType::kString;
  std::optional<Name> of;  ///< The source that a recovery-point belongs to.
  /// Nothing: whoever starts the scenario must give a value.
  std::optional<std::string> default_value;
};

enum class Severity : std::uint8_t { kLow, kMedium, kHigh, kCritical };

struct Goal {
  std::optional<Severity> severity;
  std::optional<Duration> rto;
  std::optional<Duration> rpo;
};

struct Scenario {
  std::string name;
  Position at;
  Goal goal;
  std::vector<Param> params;
  std::vector<Step> steps;
  /// Checks that end the recovery clock once all are green. Unless the plan lists them: the health
  /// checks of all services that the scenario starts.
  std::vector<Name> verify;

  [[nodiscard]] const Step* find_step(std::string_view id) const;
  [[nodiscard]] const Param* find_param(std::string_view param) const;
};

struct Plan {
  std::string name;
  std::string owner;
  std::vector<Secret> secrets;
  std::vector<Service> services;
  std::vector<Source> sources;
  std::vector<Storage> storages;  ///< The first one is the default, and no replica.
  std::vector<BackupPolicy> backups;
  std::vector<Check> checks;
  std::vector<Person> people;
  std::vector<Role> roles;
  std::vector<Scenario> scenarios;

  /// The section's entry of that name, or nullptr. Linear: plans are small.
  [[nodiscard]] const Secret* find_secret(std::string_view secret) const;
  [[nodiscard]] const Service* find_service(std::string_view service) const;
  [[nodiscard]] const Source* find_source(std::string_view source) const;
  [[nodiscard]] const Storage* find_storage(std::string_view storage) const;
  /// In the order in which they stand in the plan.
  [[nodiscard]] std::vector<const Storage*> replicas_of(std::string_view storage) const;
  [[nodiscard]] const Check* find_check(std::string_view check) const;
  [[nodiscard]] const Person* find_person(std::string_view person) const;
  [[nodiscard]] const Role* find_role(std::string_view role) const;
  [[nodiscard]] const Scenario* find_scenario(std::string_view scenario) const;
};

std::string_view name_of(ParamType type);
std::string_view name_of(Severity severity);

/// Whether `value` is one for `param`, as in `--set NAME=VALUE`. Errors: kInvalid.
Result<> check_param_value(const Param& param, std::string_view value);

}  // namespace reprieve::plan
