#include "recovery/run_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "crypto/crypto.hpp"
#include "io/directory.hpp"
#include "io/durable_file.hpp"

namespace reprieve::recovery {
namespace {

constexpr ByteCount kMessageMax{256UL * 1024};
constexpr std::size_t kMessagesMax = 10'000;
// "rYYYYMMDD-hhmmss-xxxx"
constexpr std::string_view kIdForm = "r00000000-000000-hhhh";

/// "20261120-144900"
std::string compact_time(Instant at) {
  std::string text = format_rfc3339(at).substr(0, 19);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  std::ranges::replace(text, 'T', '-');
  return text;
}

}  // namespace

std::string make_run_id(Instant now) {
  constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
  // 16 bits of the second's fraction, 15 microseconds each: runs of one second stay in order.
  const std::int64_t part = (now.nanoseconds % kNanosPerSecond) * 65536 / kNanosPerSecond;
  return fmt::format("r{}-{:04x}", compact_time(now), part);
}

bool is_run_id(std::string_view text) {
  if (text.size() != kIdForm.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    const bool is_hex = is_digit || (text[i] >= 'a' && text[i] <= 'f');
    const char form = kIdForm[i];
    if (form == '0' ? !is_digit : form == 'h' ? !is_hex : text[i] != form) return false;
  }
  return true;
}

Result<RunFolder> RunFolder::of(const std::string& state_dir, const std::string& id) {
  if (!is_run_id(id))
    return Error{ErrorKind::kInvalid, fmt::format("{} is no run id", id),
                 "See the ids with `reprieve run list`."};
  return RunFolder{state_dir + "/runs/" + id, id};
}

Result<std::vector<std::string>> run_ids(const std::string& state_dir) {
  auto names = io::list_dir(state_dir + "/runs");
  if (!names && names.error().kind == ErrorKind::kNotFound) return std::vector<std::string>{};
  if (!names) return std::move(names).error();
  std::erase_if(*names, [&](const std::string& name) {
    if (!is_run_id(name)) return true;
    const auto size = io::file_size(state_dir + "/runs/" + name + "/journal");
    return size ? size->value == 0 : size.error().kind == ErrorKind::kNotFound;
  });
  return names;
}

Result<std::unique_ptr<JournalMedium>> FileMedium::open(const std::string& path,
                                                        std::size_t whole_bytes) {
  const bool is_new = !io::exists(path);
  REPRIEVE_TRY(io::FileHandle file, io::open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0600));
  if (::ftruncate(file.fd(), static_cast<off_t>(whole_bytes)) != 0)
    return error_from_errno(errno, "cut " + path);
  REPRIEVE_RETURN_IF_ERROR(io::sync_data(file));
  if (is_new) {
    REPRIEVE_TRY(const io::Directory folder, io::Directory::open(io::parent_of(path)));
    REPRIEVE_RETURN_IF_ERROR(folder.sync());
  }
  std::unique_ptr<JournalMedium> medium{std::make_unique<FileMedium>(FileMedium{std::move(file)})};
  return medium;
}

Result<> FileMedium::write(ByteView line) {
  return io::write_all(file_, line);
}

Result<> FileMedium::sync() {
  return io::sync_data(file_);
}

Result<ParsedJournal> read_journal(const RunFolder& folder) {
  auto bytes = io::read_file(folder.file("journal"), ByteCount{kJournalBytesMax});
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound)
    return Error{ErrorKind::kNotFound, fmt::format("there is no run {}", folder.id()),
                 "See the ids with `reprieve run list`."};
  if (!bytes) return std::move(bytes).error();
  auto parsed = parse_journal(*bytes);
  if (!parsed) return std::move(parsed).error().at("run " + folder.id());
  return parsed;
}

Result<std::vector<Inbox::Message>> FileInbox::read() {
  std::vector<Message> messages;
  const auto names = io::list_dir(path_);
  if (!names && names.error().kind == ErrorKind::kNotFound) return messages;
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!name.ends_with(".json") || name.starts_with('.')) continue;
    if (messages.size() >= kMessagesMax) break;
    const auto text = io::read_text_file(fmt::format("{}/{}", path_, name), kMessageMax);
    if (!text) return text.error();
    messages.push_back({.name = name, .body = parse_json(*text).value_or(Json::object())});
  }
  return messages;
}

Result<> send_message(const RunFolder& folder, const Json& body, Clock& clock,
                      RandomSource& random) {
  if (!io::exists(folder.file("journal")))
    return Error{ErrorKind::kNotFound, fmt::format("there is no run {}", folder.id())};
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(folder.file("inbox")));
  const std::string name =
      fmt::format("{}-{}.json", clock.now().nanoseconds, to_hex(crypto::random_array<4>(random)));
  return io::write_file_durably(folder.file("inbox/" + name), as_bytes(to_text(body)));
}

}  // namespace reprieve::recovery
