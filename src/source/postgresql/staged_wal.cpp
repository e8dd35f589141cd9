#include "source/postgresql/staged_wal.hpp"

#include <fcntl.h>

#include <algorithm>

#include "base/json.hpp"
#include "crypto/crypto.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"
#include "io/file.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kListBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kCopyBytes = 1024 * 1024;
constexpr int kFormat = 1;

WalCommandOutcome doubt(std::string message) {
  return {kWalDoubt, "reprieve: " + std::move(message)};
}

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt, "the list of staged WAL " + std::move(what)};
}

/// Whether `next` may stand behind `last` in a set without a gap: the next of its timeline, or the
/// first of a later one, which begins with the segment in which an earlier one was left.
bool follows(const std::optional<SegmentName>& last, const SegmentName& next) {
  if (!last) return true;
  if (next.timeline == last->timeline) return next.segment == last->segment + 1;
  return next.timeline > last->timeline && next.segment <= last->segment + 1;
}

/// The last segment of one timeline in a set; of all of them for one that it has nothing of.
std::optional<std::uint64_t> last_segment(const StagedWal& staged, std::uint32_t timeline) {
  std::optional<std::uint64_t> of_timeline;
  std::optional<std::uint64_t> of_all;
  for (const auto& [name, file] : staged.files) {
    const auto segment = parse_segment_name(name, staged.segment_size);
    if (!segment) continue;
    of_all = std::max(of_all.value_or(0), segment->segment);
    if (segment->timeline == timeline) of_timeline = segment->segment;  // Names are in order.
  }
  return of_timeline ? of_timeline : of_all;
}

Result<StagedWal> read_list(const std::string& from) {
  REPRIEVE_TRY(const std::string text,
               io::read_text_file(from + "/" + std::string{kStagedWalList}, {kListBytesMax}));
  return parse_staged_wal(text);
}

/// Copies and checks; the destination appears only if every byte is right.
Result<> copy_checked(const std::string& source, const StagedFile& expected,
                      const std::string& destination) {
  REPRIEVE_TRY(const io::FileHandle in, io::open_file(source, O_RDONLY | O_NOFOLLOW));
  REPRIEVE_TRY(io::AtomicFile out, io::AtomicFile::create(destination));
  crypto::Sha256 hash;
  Bytes buffer(kCopyBytes);
  std::uint64_t size = 0;
  while (true) {
    REPRIEVE_TRY(const std::size_t got, io::read_some(in, buffer));
    if (got == 0) break;
    const ByteView bytes = ByteView{buffer}.first(got);
    hash.update(bytes);
    REPRIEVE_RETURN_IF_ERROR(out.write(bytes));
    size += got;
  }
  if (size != expected.size || to_hex(hash.finish()) != expected.sha256)
    return Error{ErrorKind::kCorrupt, source + ": its bytes are not those of the backup"};
  return out.commit_replacing();
}

}  // namespace

std::string encode_staged_wal(const StagedWal& staged) {
  Json json = {{"format", kFormat},
               {"timeline", staged.timeline},
               {"segment_size", staged.segment_size},
               {"is_complete", true},
               {"files", Json::array()}};
  for (const auto& [name, file] : staged.files)
    json["files"].push_back({{"name", name}, {"size", file.size}, {"sha256", file.sha256}});
  return to_text(json) + "\n";
}

Result<StagedWal> parse_staged_wal(std::string_view text) {
  const auto json = parse_json(text);
  if (!json || !json->is_object()) return corrupt("cannot be read");
  const auto number = [&](const Json& object, const char* name) -> std::optional<std::uint64_t> {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
    return found->get<std::uint64_t>();
  };
  const auto timeline = number(*json, "timeline");
  const auto segment_size = number(*json, "segment_size");
  const auto complete = json->find("is_complete");
  const auto files = json->find("files");
  if (number(*json, "format") != kFormat || !timeline || *timeline == 0 || *timeline > UINT32_MAX ||
      !segment_size || !is_wal_segment_size(*segment_size) || complete == json->end() ||
      *complete != true || files == json->end() || !files->is_array())
    return corrupt("lacks a member or has a bad one");
  StagedWal staged{static_cast<std::uint32_t>(*timeline), *segment_size, {}};
  std::optional<SegmentName> last;
  for (const Json& item : *files) {
    if (!item.is_object() || !item.contains("name") || !item["name"].is_string() ||
        !item.contains("sha256") || !item["sha256"].is_string())
      return corrupt("has a bad file");
    const std::string name = item["name"].get<std::string>();
    const auto size = number(item, "size");
    const auto segment = parse_segment_name(name, *segment_size);
    if (!size || (!segment && !parse_history_name(name))) return corrupt("has a bad file");
    if (segment) {
      if (segment->timeline > *timeline || *size != *segment_size || !follows(last, *segment))
        return corrupt("has a gap or a segment that does not belong to it");
      last = *segment;
    }
    if (!staged.files.emplace(name, StagedFile{*size, item["sha256"].get<std::string>()}).second)
      return corrupt("names a file twice");
  }
  if (!last) return corrupt("has no segment");
  return staged;
}

WalCommandOutcome decide_staged(const StagedWal& staged, std::string_view file) {
  if (staged.files.contains(std::string{file})) return {kWalServed, ""};
  // A history that is not listed is one that the recovered timeline does not have.
  if (parse_history_name(file)) return {kWalAbsent, ""};
  const auto segment = parse_segment_name(file, staged.segment_size);
  if (!segment) return doubt(std::string{file} + " is no WAL file that can be served");
  // Behind the last segment nothing was written on any timeline that this recovery knows.
  const auto last = last_segment(staged, segment->timeline);
  if (last && segment->segment > *last) return {kWalAbsent, ""};
  return doubt(std::string{file} + " lies before or inside the staged WAL but is not part of it");
}

WalCommandOutcome fetch_staged(const std::string& from, std::string_view file,
                               const std::string& destination) {
  const auto staged = read_list(from);
  if (!staged) return doubt("staged WAL in " + from + ": " + staged.error().what);
  WalCommandOutcome outcome = decide_staged(*staged, file);
  if (outcome.exit_status != kWalServed) return outcome;
  const std::string name{file};
  const auto copied = copy_checked(from + "/" + name, staged->files.at(name), destination);
  if (!copied) return doubt("staged WAL file " + name + ": " + copied.error().what);
  return outcome;
}

WalCommandOutcome finish_staged(const std::string& from) {
  if (!io::exists(from)) return {kWalServed, ""};
  const auto staged = read_list(from);
  if (!staged) return doubt("staged WAL in " + from + ": " + staged.error().what);
  const auto folder = io::Directory::open(from);
  if (!folder) return doubt(folder.error().what);
  // The list goes last: while it is there, this can be done again.
  for (const auto& [name, file] : staged->files) {
    const auto removed = folder->remove_file(name);
    if (!removed && removed.error().kind != ErrorKind::kNotFound)
      return doubt(removed.error().what);
  }
  if (auto removed = folder->remove_file(std::string{kStagedWalList}); !removed)
    return doubt(removed.error().what);
  const auto parent = io::Directory::open(io::parent_of(from));
  if (!parent) return doubt(parent.error().what);
  if (auto removed = parent->remove_directory(io::name_in(from)); !removed)
    return doubt(removed.error().what);
  return {kWalServed, ""};
}

}  // namespace reprieve
