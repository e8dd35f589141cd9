#include "source/postgresql/cluster_restore.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/format.hpp"
#include "crypto/crypto.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "io/user.hpp"
#include "source/postgresql/facts.hpp"
#include "source/postgresql/internal/cluster_settings.hpp"
#include "source/postgresql/internal/cluster_target.hpp"
#include "source/postgresql/internal/cluster_trim.hpp"
#include "source/postgresql/internal/cluster_writer.hpp"
#include "source/postgresql/internal/old_wal.hpp"
#include "source/postgresql/settings_file.hpp"
#include "source/postgresql/staged_wal.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kSmallFileMax = 16 * 1024 * 1024;
constexpr std::size_t kFactsMax = 64 * 1024 * 1024;
constexpr std::string_view kControl = "pg_control";
constexpr std::uint64_t kZeros = 1024 * 1024;

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt,
               "the recovery point is no PostgreSQL cluster: " + std::move(what)};
}

/// Where one tablespace goes.
struct PlacedTablespace {
  TablespaceLink link;  ///< With its new location.
  Entry tree;
  std::string folder;  ///< "PG_15_202209061": the one name in it; empty if it holds nothing.
};

/// A recovery point, read and checked as far as its small files go.
struct ClusterPoint {
  Entry data;
  std::vector<Entry> data_entries;
  std::vector<Entry> wal;
  Entry manifest;
  ClusterFacts facts;
  std::vector<PlacedTablespace> tablespaces;
  bool is_remapped = false;
};

Result<Entry> find_entry(const std::vector<Entry>& entries, std::string_view name, EntryType type) {
  const auto found = std::ranges::find(entries, name, &Entry::name);
  if (found == entries.end() || found->type != type ||
      (type == EntryType::kDirectory && !found->directory))
    return corrupt(std::string{name} + " is missing");
  return *found;
}

Result<Bytes> read_small(RestoreReader& reader, const std::vector<Entry>& entries,
                         std::string_view name, std::size_t size_max = kSmallFileMax) {
  REPRIEVE_TRY(const Entry entry, find_entry(entries, name, EntryType::kFile));
  return read_content(reader, entry.content, size_max);
}

/// The only name in a tablespace: a folder per major version and catalogue.
Result<std::string> folder_in(RestoreReader& reader, const Entry& tree) {
  REPRIEVE_TRY(const auto entries, reader.read_directory(*tree.directory));
  if (entries.empty()) return std::string{};
  if (entries.size() != 1 || !entries[0].name.starts_with("PG_") ||
      entries[0].name.find('/') != std::string::npos)
    return corrupt("tablespace " + tree.name + " has an unknown layout");
  return entries[0].name;
}

Result<> place_tablespaces(RestoreReader& reader, const std::vector<Entry>& roots,
                           const ClusterRestoreOptions& options, ClusterPoint& point) {
  std::vector<TablespaceLink> links;
  if (std::ranges::find(point.data_entries, "tablespace_map", &Entry::name) !=
      point.data_entries.end()) {
    REPRIEVE_TRY(const Bytes map, read_small(reader, point.data_entries, "tablespace_map"));
    REPRIEVE_TRY(links, parse_tablespace_map(map));
  }
  for (const auto& [oid, path] : options.tablespaces) {
    const auto link = std::ranges::find(links, oid, &TablespaceLink::oid);
    if (link == links.end())
      return Error{ErrorKind::kInvalid,
                   "the recovery point has no tablespace " + std::to_string(oid)};
    if (!path.starts_with('/'))
      return Error{ErrorKind::kInvalid, "the tablespace's new path " + path + " is not absolute"};
    point.is_remapped = point.is_remapped || link->location != path;
    link->location = path;
  }
  REPRIEVE_TRY(const Entry folder, find_entry(roots, "tablespaces", EntryType::kDirectory));
  REPRIEVE_TRY(const auto trees, reader.read_directory(*folder.directory));
  std::set<std::string> used;
  for (TablespaceLink& link : links) {
    REPRIEVE_TRY(Entry tree, find_entry(trees, std::to_string(link.oid), EntryType::kDirectory));
    const bool is_inside = (link.location + "/").starts_with(options.data_directory + "/");
    if (is_inside || !used.insert(link.location).second)
      return Error{ErrorKind::kInvalid,
                   "tablespace " + tree.name + " cannot go to " + link.location +
                       ": another one does, or it lies inside the data directory",
                   "Map it to a directory of its own."};
    REPRIEVE_TRY(std::string inner, folder_in(reader, tree));
    point.tablespaces.push_back({std::move(link), std::move(tree), std::move(inner)});
  }
  return kOk;
}

/// Whether the WAL covers everything from the backup's start to its end, without a gap.
Result<> check_wal(const ClusterFacts& facts, const BackupLabel& label,
                   const std::vector<Entry>& wal) {
  if (label.start != facts.start || label.timeline != facts.timeline)
    return corrupt("backup_label and reprieve.json do not belong together");
  std::set<std::uint64_t> segments;
  for (const Entry& entry : wal) {
    const auto name = parse_segment_name(entry.name, facts.wal_segment_size);
    const bool is_segment =
        name && name->timeline == facts.timeline && entry.content.size == facts.wal_segment_size;
    if (entry.type != EntryType::kFile || (!is_segment && !parse_history_name(entry.name)))
      return corrupt("wal/ holds something else than WAL");
    if (is_segment) segments.insert(name->segment);
  }
  std::uint64_t next = segment_of(facts.start, facts.wal_segment_size);
  for (; segment_start(next, facts.wal_segment_size) < facts.end; ++next)
    if (!segments.contains(next)) return corrupt("a WAL segment is missing");
  return kOk;
}

Result<ClusterPoint> read_point(RestoreReader& reader, const std::vector<Entry>& roots,
                                const ClusterRestoreOptions& options) {
  ClusterPoint point;
  REPRIEVE_TRY(point.data, find_entry(roots, "data", EntryType::kDirectory));
  REPRIEVE_TRY(point.manifest, find_entry(roots, "backup_manifest", EntryType::kFile));
  REPRIEVE_TRY(const Bytes facts, read_small(reader, roots, "reprieve.json", kFactsMax));
  REPRIEVE_TRY(point.facts, parse_facts(facts));
  REPRIEVE_TRY(point.data_entries, reader.read_directory(*point.data.directory));
  REPRIEVE_TRY(const Bytes label_text, read_small(reader, point.data_entries, "backup_label"));
  REPRIEVE_TRY(const BackupLabel label, parse_backup_label(label_text));
  REPRIEVE_TRY(const Entry wal, find_entry(roots, "wal", EntryType::kDirectory));
  REPRIEVE_TRY(point.wal, reader.read_directory(*wal.directory));
  REPRIEVE_RETURN_IF_ERROR(check_wal(point.facts, label, point.wal));
  REPRIEVE_RETURN_IF_ERROR(place_tablespaces(reader, roots, options, point));
  return point;
}

Result<> check_options(const ClusterRestoreOptions& options) {
  for (const std::string* path : {&options.data_directory, &options.program})
    if (!path->starts_with('/') || path->find('\0') != std::string::npos)
      return Error{ErrorKind::kInvalid, "the path '" + *path + "' is not absolute"};
  if (options.data_directory.size() > 1 && options.data_directory.ends_with('/'))
    return Error{ErrorKind::kInvalid, "the data directory's path ends in a slash"};
  return kOk;
}

/// Whose the files become. PostgreSQL refuses to run as root.
Result<std::optional<FileOwner>> choose_owner(const ClusterRestoreOptions& options,
                                              std::vector<std::string>& notes) {
  if (::geteuid() != 0) {
    if (!options.owner.empty() && options.owner != io::current_user().name)
      return Error{ErrorKind::kDenied, "only root can give files to " + options.owner};
    return std::optional<FileOwner>{};
  }
  const std::string name = options.owner.empty() ? "postgres" : options.owner;
  const auto user = io::find_user(name);
  if (user) return std::optional{FileOwner{user->uid, user->gid}};
  if (!options.owner.empty()) return user.error();
  notes.push_back(
      "The files belong to root, since there is no user postgres here: give them to "
      "the server's user with chown -R before you start it.");
  return std::optional<FileOwner>{};
}

/// What of the point's data directory a restore does not take over.
std::set<std::string> left_out_of(const ClusterPoint& point, bool is_delta) {
  // A backup of a standby, or of a cluster that was itself recovering, holds the signs of that.
  std::set<std::string> left_out = {"global/pg_control", "standby.signal", "recovery.signal",
                                    std::string{kUnfinishedMarker}, std::string{kStagedWalFolder}};
  if (point.is_remapped) left_out.insert("tablespace_map");
  // May be a link to another disk, and has the old log in it.
  if (is_delta) left_out.insert("pg_wal");
  return left_out;
}

/// How the restore writes, given what it found.
Writing writing_of(const ClusterRestoreOptions& options, const RestoreTarget& target) {
  const bool is_there =
      target.state == TargetState::kUnfinished || target.state == TargetState::kReplaceable;
  if (!options.is_delta || !is_there) return Writing::kAnew;
  return options.is_dry_run ? Writing::kDryDelta : Writing::kDelta;
}

/// One restore, from the first byte written to the last.
class ClusterRestore {
 public:
  ClusterRestore(RestoreReader& reader, const ClusterPoint& point,
                 const ClusterRestoreOptions& options, std::vector<Setting> settings,
                 std::optional<FileOwner> owner, const RestoreTarget& target)
      : reader_{reader},
        point_{point},
        options_{options},
        settings_{std::move(settings)},
        target_{target},
        writing_{writing_of(options, target)},
        writer_{reader, owner, writing_} {}

  Result<> run(ClusterRestoreSummary& summary) {
    REPRIEVE_RETURN_IF_ERROR(is_delta() ? claim_for_delta_of(summary) : claim());
    REPRIEVE_RETURN_IF_ERROR(take_root());
    if (is_delta()) REPRIEVE_RETURN_IF_ERROR(make_room(summary));
    REPRIEVE_RETURN_IF_ERROR(write_data());
    for (const PlacedTablespace& space : point_.tablespaces)
      REPRIEVE_RETURN_IF_ERROR(write_tablespace(space));
    REPRIEVE_RETURN_IF_ERROR(writer_.flush());
    REPRIEVE_RETURN_IF_ERROR(write_map());
    REPRIEVE_RETURN_IF_ERROR(stage_wal(summary));
    REPRIEVE_RETURN_IF_ERROR(write_settings(summary));
    REPRIEVE_RETURN_IF_ERROR(sync_all());
    REPRIEVE_RETURN_IF_ERROR(finish());
    count(summary);
    return kOk;
  }

  /// What run() would do to the cluster that is there; only looks. For a delta.
  Result<> compare(ClusterRestoreSummary& summary) {
    REPRIEVE_TRY(root_, io::Directory::open(options_.data_directory));
    REPRIEVE_RETURN_IF_ERROR(find_old_wal(summary));
    REPRIEVE_RETURN_IF_ERROR(make_room(summary));
    REPRIEVE_RETURN_IF_ERROR(write_data());
    for (const PlacedTablespace& space : point_.tablespaces) {
      auto folder = open_if_there(space.link.location);
      if (!folder) return std::move(folder).error();
      REPRIEVE_RETURN_IF_ERROR(
          writer_.write_tree(*folder, space.link.location, *space.tree.directory));
    }
    for (const Entry& entry : point_.wal) {
      REPRIEVE_RETURN_IF_ERROR(writer_.write_file({}, std::string{kStagedWalFolder}, entry));
      if (parse_segment_name(entry.name, point_.facts.wal_segment_size)) ++summary.wal_segments;
    }
    REPRIEVE_RETURN_IF_ERROR(writer_.flush());
    count(summary);
    return kOk;
  }

 private:
  [[nodiscard]] bool is_delta() const { return writing_ != Writing::kAnew; }

  void count(ClusterRestoreSummary& summary) const {
    summary.files = writer_.files();
    summary.directories = writer_.directories();
    summary.bytes = writer_.bytes();
    summary.files_unchanged = writer_.files_unchanged();
    summary.files_written = summary.files - summary.files_unchanged;
    summary.bytes_written = writer_.bytes_written();
    summary.bytes_kept = writer_.bytes_kept();
  }

  [[nodiscard]] RestoreMarker marker() const {
    RestoreMarker marker{point_.facts.system_identifier, {}, is_delta(), old_wal_folder_};
    for (const PlacedTablespace& space : point_.tablespaces)
      marker.tablespaces.push_back(space.link.location);
    if (!is_delta()) return marker;
    // Their links may be gone when an interrupted run is gone on with.
    for (const std::string& own : target_.own_tablespaces)
      if (std::ranges::find(marker.tablespaces, own) == marker.tablespaces.end())
        marker.tablespaces.push_back(own);
    return marker;
  }

  Result<> claim() {
    REPRIEVE_RETURN_IF_ERROR(claim_target(options_.data_directory, target_.state, marker()));
    REPRIEVE_TRY(root_, io::Directory::open(options_.data_directory));
    return kOk;
  }

  Result<> claim_for_delta_of(ClusterRestoreSummary& summary) {
    REPRIEVE_TRY(root_, io::Directory::open(options_.data_directory));
    REPRIEVE_RETURN_IF_ERROR(find_old_wal(summary));
    return claim_for_delta(options_.data_directory, marker());
  }

  Result<> take_root() {
    const mode_t mode = (point_.data.mode & 0777U) == 0750U ? 0750 : 0700;
    if (::fchmod(root_.fd(), mode) != 0)
      return error_from_errno(errno, options_.data_directory + ": setting its mode");
    return writer_.give_away(root_.fd());
  }

  /// Where the old log is, and where it will be. The name is in the marker before anything is
  /// moved, so that a run that goes on puts the rest to what was moved already.
  Result<> find_old_wal(ClusterRestoreSummary& summary) {
    REPRIEVE_TRY(old_wal_, open_wal_folder(root_));
    if (!old_wal_) {
      if (root_.stat("pg_wal"))
        summary.notes.push_back(
            "pg_wal was a link to what does not belong to the owner of the data directory: it "
            "becomes a folder, and what the link led to is left as it is.");
      return kOk;
    }
    REPRIEVE_TRY(const auto present, old_wal_->directory.list());
    old_wal_folder_ =
        is_old_wal_folder(target_.old_wal) ? target_.old_wal : next_old_wal_folder(present);
    REPRIEVE_TRY(OldWal old, measure_old_wal(old_wal_->directory));
    if (const auto moved = old_wal_->directory.open_directory(old_wal_folder_)) {
      REPRIEVE_TRY(const OldWal before, measure_old_wal(*moved));
      old.files += before.files;
      old.bytes += before.bytes;
    }
    if (old.files > 0)
      summary.old_wal = {path_of("pg_wal/" + old_wal_folder_), old.files, old.bytes};
    return kOk;
  }

  /// Puts the old log aside and removes what the point does not have, before anything is written.
  Result<> make_room(ClusterRestoreSummary& summary) {
    const bool is_dry = options_.is_dry_run;
    TrimOptions trim{
        left_out_of(point_, true),
        {std::string{kUnfinishedMarker}, "lost+found", "backup_manifest", "global/pg_control"},
        false,
        is_dry};
    if (old_wal_) {
      trim.kept.insert("pg_wal");
      if (!is_dry)
        REPRIEVE_RETURN_IF_ERROR(set_old_wal_aside(old_wal_->directory, old_wal_folder_));
      REPRIEVE_RETURN_IF_ERROR(trim_wal_folder(summary));
    }
    REPRIEVE_TRY(const std::uint64_t removed,
                 trim_tree(reader_, root_, options_.data_directory, *point_.data.directory, trim));
    summary.deleted += removed;
    for (const PlacedTablespace& space : point_.tablespaces) {
      const std::string& location = space.link.location;
      REPRIEVE_TRY(const io::Directory folder, open_if_there(location));
      if (!folder.is_open()) continue;
      REPRIEVE_TRY(
          const std::uint64_t gone,
          trim_tree(reader_, folder, location, *space.tree.directory,
                    {.left_out = {}, .kept = {}, .is_shared = true, .is_dry_run = is_dry}));
      summary.deleted += gone;
    }
    note_left_tablespaces(summary);
    return kOk;
  }

  Result<> trim_wal_folder(ClusterRestoreSummary& summary) {
    const auto stored = find_entry(point_.data_entries, "pg_wal", EntryType::kDirectory);
    if (!stored) return kOk;
    TrimOptions trim{{}, {"lost+found"}, old_wal_->is_linked, options_.is_dry_run};
    REPRIEVE_TRY(const auto present, old_wal_->directory.list());
    for (const io::DirectoryEntry& entry : present)
      if (is_old_wal_folder(entry.name) || is_wal_file(entry.name)) trim.kept.insert(entry.name);
    REPRIEVE_TRY(
        const std::uint64_t removed,
        trim_tree(reader_, old_wal_->directory, path_of("pg_wal"), *stored->directory, trim));
    summary.deleted += removed;
    return kOk;
  }

  void note_left_tablespaces(ClusterRestoreSummary& summary) const {
    for (const std::string& own : target_.own_tablespaces) {
      const auto is_it = [&](const PlacedTablespace& space) { return space.link.location == own; };
      if (std::ranges::none_of(point_.tablespaces, is_it))
        summary.notes.push_back("The restored cluster has no tablespace in " + own +
                                ": what lies there is left as it is; remove it when it is of no "
                                "more use.");
    }
  }

  /// Not open if it is not there.
  static Result<io::Directory> open_if_there(const std::string& path) {
    if (!io::exists(path)) return io::Directory{};
    return io::Directory::open(path);
  }

  Result<> write_data() {
    REPRIEVE_RETURN_IF_ERROR(writer_.write_tree(
        root_, options_.data_directory, *point_.data.directory, left_out_of(point_, is_delta())));
    Entry manifest = point_.manifest;
    REPRIEVE_RETURN_IF_ERROR(writer_.write_file(root_, options_.data_directory, manifest));
    return is_delta() && old_wal_ ? write_wal_folder(old_wal_->directory) : make_wal_folder();
  }

  Result<> make_wal_folder() {
    // A server that was never archiving may lack the folder that recovery writes to.
    REPRIEVE_TRY(const io::Directory wal, writer_.make_folder(root_, "pg_wal", 0700));
    return write_wal_folder(wal);
  }

  Result<> write_wal_folder(const io::Directory& wal) {
    if (is_delta()) {
      if (wal.is_open() && !options_.is_dry_run)
        REPRIEVE_RETURN_IF_ERROR(writer_.give_away(wal.fd()));
      const auto stored = find_entry(point_.data_entries, "pg_wal", EntryType::kDirectory);
      if (stored)
        REPRIEVE_RETURN_IF_ERROR(writer_.write_tree(wal, path_of("pg_wal"), *stored->directory));
    }
    REPRIEVE_RETURN_IF_ERROR(writer_.make_folder(wal, "archive_status", 0700));
    return kOk;
  }

  Result<> write_tablespace(const PlacedTablespace& space) {
    const std::string& location = space.link.location;
    REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(location));
    const bool is_own =
        std::ranges::find(target_.own_tablespaces, location) != target_.own_tablespaces.end();
    if (is_own && !space.folder.empty() && !is_delta())
      REPRIEVE_RETURN_IF_ERROR(io::remove_tree(location + "/" + space.folder));
    REPRIEVE_TRY(const io::Directory folder, io::Directory::open(location));
    if (::fchmod(folder.fd(), 0700) != 0)
      return error_from_errno(errno, location + ": setting its mode");
    REPRIEVE_RETURN_IF_ERROR(writer_.give_away(folder.fd()));
    REPRIEVE_RETURN_IF_ERROR(writer_.write_tree(folder, location, *space.tree.directory));
    REPRIEVE_TRY(const io::Directory links, writer_.make_folder(root_, "pg_tblspc", 0700));
    return link_tablespace(links, std::to_string(space.link.oid), location);
  }

  static Result<> link_tablespace(const io::Directory& links, const std::string& name,
                                  const std::string& location) {
    std::uint64_t removed = 0;
    if (const auto gone = io::remove_tree(links, name, io::Immutable::kRespect, removed);
        !gone && gone.error().kind != ErrorKind::kNotFound)
      return gone.error();
    if (::symlinkat(location.c_str(), links.fd(), name.c_str()) != 0)
      return error_from_errno(errno, "pg_tblspc/" + name);
    return kOk;
  }

  /// The server makes the links again from the map when it starts, so the map must be the new one.
  Result<> write_map() {
    if (!point_.is_remapped) return kOk;
    std::vector<TablespaceLink> links;
    links.reserve(point_.tablespaces.size());
    for (const PlacedTablespace& space : point_.tablespaces)
      links.push_back(space.link);
    return write_text("tablespace_map", encode_tablespace_map(links));
  }

  /// What the point holds itself, then what goes on from there: its last segment anew, for behind
  /// the point's end it has zeros.
  Result<> stage_wal(ClusterRestoreSummary& summary) {
    const std::string name{kStagedWalFolder};
    const std::string shown = options_.data_directory + "/" + name;
    REPRIEVE_TRY(const io::Directory folder, writer_.make_folder(root_, name, 0700));
    for (const Entry& entry : point_.wal)
      REPRIEVE_RETURN_IF_ERROR(writer_.write_file(folder, shown, entry));
    REPRIEVE_RETURN_IF_ERROR(writer_.flush());
    StagedWal staged{point_.facts.timeline, point_.facts.wal_segment_size, {}};
    for (const Entry& entry : point_.wal) {
      REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
      REPRIEVE_TRY(const io::FileHandle file, folder.open_file(entry.name, O_RDONLY));
      Bytes bytes(static_cast<std::size_t>(entry.content.size));
      REPRIEVE_RETURN_IF_ERROR(io::read_exact(file, bytes));
      staged.files[entry.name] = {entry.content.size, to_hex(crypto::sha256(bytes))};
    }
    if (options_.more_wal != nullptr) {
      REPRIEVE_RETURN_IF_ERROR(stage_more(staged));
      if (const std::string doubt = options_.more_wal->doubt(); !doubt.empty())
        summary.notes.push_back(
            "The log is damaged, and recovery ends there, before the log does: " + doubt);
    }
    for (const auto& [file, info] : staged.files)
      if (parse_segment_name(file, staged.segment_size)) ++summary.wal_segments;
    const std::string list = name + "/" + std::string{kStagedWalList};
    return write_text(list, encode_staged_wal(staged));
  }

  Result<> stage_more(StagedWal& staged) {
    const std::uint64_t size = staged.segment_size;
    for (const WalReach::Leg& leg : options_.more_wal->legs()) {
      if (leg.range.length() == 0) continue;
      staged.timeline = leg.timeline;
      if (const std::string history = options_.more_wal->history(leg.timeline); !history.empty()) {
        const std::string file = format_history_name(leg.timeline);
        REPRIEVE_RETURN_IF_ERROR(write_text(std::string{kStagedWalFolder} + "/" + file, history));
        staged.files[file] = {history.size(), to_hex(crypto::sha256(as_bytes(history)))};
      }
      for (std::uint64_t segment = segment_of(leg.range.from, size);
           segment_start(segment, size) < leg.range.to; ++segment)
        REPRIEVE_RETURN_IF_ERROR(stage_segment({leg.timeline, segment}, staged));
    }
    return kOk;
  }

  Result<> stage_segment(const SegmentName& segment, StagedWal& staged) {
    REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
    const std::string name = format_segment_name(segment, staged.segment_size);
    REPRIEVE_TRY(io::AtomicFile file,
                 io::AtomicFile::create(path_of(std::string{kStagedWalFolder} + "/" + name)));
    crypto::Sha256 hash;
    std::uint64_t left = staged.segment_size;
    const auto take = [&](ByteView bytes) -> Result<> {
      if (bytes.size() > left) return corrupt("more log than a segment has");
      left -= bytes.size();
      hash.update(bytes);
      return file.write(bytes);
    };
    REPRIEVE_RETURN_IF_ERROR(options_.more_wal->read_segment(segment, take));
    const Bytes zeros(static_cast<std::size_t>(std::min<std::uint64_t>(left, kZeros)),
                      std::byte{0});
    while (left > 0)
      REPRIEVE_RETURN_IF_ERROR(take(
          ByteView{zeros}.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, kZeros)))));
    staged.files[name] = {staged.segment_size, to_hex(hash.finish())};
    REPRIEVE_RETURN_IF_ERROR(writer_.give_away(file.file().fd()));
    return file.commit_replacing();
  }

  Result<> write_settings(ClusterRestoreSummary& summary) {
    std::map<std::string, std::string> present;
    for (const char* name :
         {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"}) {
      auto text = io::read_text_file(path_of(name), {kSmallFileMax});
      if (text)
        present[name] = *std::move(text);
      else if (text.error().kind != ErrorKind::kNotFound)
        return std::move(text).error();
    }
    ConfiguredFiles configured = configure_cluster(present, point_.facts, settings_);
    for (const auto& [name, text] : configured.files)
      REPRIEVE_RETURN_IF_ERROR(write_text(name, text));
    for (std::string& note : configured.notes)
      summary.notes.push_back(std::move(note));
    return write_text("recovery.signal", "");
  }

  /// Everything so far reaches the disk before pg_control makes it a cluster.
  Result<> sync_all() {
    if (::syncfs(root_.fd()) != 0) return error_from_errno(errno, "syncing the data directory");
    for (const PlacedTablespace& space : point_.tablespaces) {
      REPRIEVE_TRY(const io::Directory folder, io::Directory::open(space.link.location));
      if (::syncfs(folder.fd()) != 0) return error_from_errno(errno, "syncing a tablespace");
    }
    if (old_wal_ && ::syncfs(old_wal_->directory.fd()) != 0)
      return error_from_errno(errno, "syncing pg_wal");
    return kOk;
  }

  Result<> finish() {
    const auto global = std::ranges::find(point_.data_entries, "global", &Entry::name);
    if (global == point_.data_entries.end() || !global->directory) return corrupt("no global/");
    REPRIEVE_TRY(const auto entries, reader_.read_directory(*global->directory));
    REPRIEVE_TRY(const Bytes control, read_small(reader_, entries, kControl));
    if (control_identifier(control) != point_.facts.system_identifier)
      return corrupt("pg_control is another cluster's");
    // From the rename on the cluster can start, so nothing may be left to do but the marker.
    REPRIEVE_RETURN_IF_ERROR(write_text("global/" + std::string{kControl}, as_text(control)));
    REPRIEVE_RETURN_IF_ERROR(root_.remove_file(std::string{kUnfinishedMarker}));
    return root_.sync();
  }

  std::string path_of(const std::string& name) const {
    return options_.data_directory + "/" + name;
  }

  /// Durable, under its name only when whole, and the owner's before it has that name.
  Result<> write_text(const std::string& name, std::string_view text) {
    REPRIEVE_TRY(io::AtomicFile file, io::AtomicFile::create(path_of(name)));
    REPRIEVE_RETURN_IF_ERROR(file.write(as_bytes(text)));
    REPRIEVE_RETURN_IF_ERROR(writer_.give_away(file.file().fd()));
    return file.commit_replacing();
  }

  RestoreReader& reader_;
  const ClusterPoint& point_;
  const ClusterRestoreOptions& options_;
  const std::vector<Setting> settings_;
  const RestoreTarget& target_;
  const Writing writing_;
  ClusterWriter writer_;
  io::Directory root_;
  // Of a delta:
  std::optional<WalFolder> old_wal_;  ///< The cluster's pg_wal.
  std::string old_wal_folder_;        ///< The name in it to which the old log goes.
};

Result<> measure(RestoreReader& reader, const ClusterPoint& point, ClusterRestoreSummary& summary) {
  std::vector<ListRef> trees{*point.data.directory};
  for (const PlacedTablespace& space : point.tablespaces)
    trees.push_back(*space.tree.directory);
  for (const ListRef& tree : trees) {
    REPRIEVE_TRY(const TreeSize size, measure_tree(reader, tree));
    summary.files += size.files;
    summary.directories += size.directories;
    summary.bytes += size.bytes;
  }
  for (const Entry& entry : point.wal) {
    ++summary.files;
    summary.bytes += entry.content.size;
    if (parse_segment_name(entry.name, point.facts.wal_segment_size)) ++summary.wal_segments;
  }
  summary.files_written = summary.files;
  summary.bytes_written = summary.bytes;
  return kOk;
}

/// Tells a person where the old log is.
void note_old_wal(ClusterRestoreSummary& summary, bool is_dry_run) {
  const OldWalPlace& old = summary.old_wal;
  if (old.files == 0) return;
  summary.notes.push_back(
      "The log that lay in pg_wal " + std::string{is_dry_run ? "would be kept" : "is kept"} +
      " in " + old.folder + " (" + format_count(old.files, "file") + ", " + format_size(old.bytes) +
      "): remove it when the restored cluster has what it should.");
}

ClusterRestoreSummary summary_of(const ClusterFacts& facts) {
  ClusterRestoreSummary summary;
  summary.system_identifier = facts.system_identifier;
  summary.server_version = facts.server_version;
  summary.timeline = facts.timeline;
  summary.start_lsn = format_lsn(facts.start);
  summary.end_lsn = format_lsn(facts.end);
  summary.is_suspect = facts.is_suspect;
  summary.notes.push_back(
      "When the cluster has recovered, drop the settings of this recovery: ALTER SYSTEM RESET "
      "restore_command, and the same for recovery_end_command and recovery_target_timeline.");
  if (facts.is_suspect)
    summary.notes.push_back(
        "The server found pages with bad checksums while this recovery point was taken: check the "
        "tables concerned, or use an older one.");
  return summary;
}

}  // namespace

Result<ClusterRestoreSummary> restore_cluster(RestoreReader& reader,
                                              const std::vector<Entry>& roots,
                                              const ClusterRestoreOptions& options) {
  REPRIEVE_RETURN_IF_ERROR(check_options(options));
  REPRIEVE_TRY(const ClusterPoint point, read_point(reader, roots, options));
  ClusterRestoreSummary summary = summary_of(point.facts);
  // Relative: the server runs both commands in its data directory, which may be renamed before it
  // is started.
  REPRIEVE_TRY(std::vector<Setting> settings,
               recovery_settings(options, std::string{kStagedWalFolder}));
  const PresentCluster present = options.is_delta       ? PresentCluster::kDelta
                                 : options.is_replacing ? PresentCluster::kReplace
                                                        : PresentCluster::kRefuse;
  REPRIEVE_TRY(const RestoreTarget target,
               inspect_target(options.data_directory, point.facts.system_identifier, present));
  for (const PlacedTablespace& space : point.tablespaces)
    REPRIEVE_RETURN_IF_ERROR(
        inspect_tablespace(space.link.location, space.folder, target.own_tablespaces));
  REPRIEVE_TRY(const auto owner, choose_owner(options, summary.notes));
  ClusterRestore restore{reader, point, options, std::move(settings), owner, target};
  const bool is_anew = writing_of(options, target) == Writing::kAnew;
  auto done = !options.is_dry_run ? restore.run(summary)
              : is_anew           ? measure(reader, point, summary)
                                  : restore.compare(summary);
  if (!done) return std::move(done).error().at("restoring into " + options.data_directory);
  note_old_wal(summary, options.is_dry_run);
  return summary;
}

}  // namespace reprieve
