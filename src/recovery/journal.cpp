#include "recovery/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace reprieve::recovery {
namespace {

constexpr std::size_t kCrcDigits = 8;
constexpr std::size_t kChainDigits = 64;
constexpr std::size_t kHeadBytes = kCrcDigits + 1 + kChainDigits + 1;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82f63b78U : 0U);  // CRC-32C, reflected.
    table.at(i) = value;
  }
  return table;
}

std::uint32_t crc32c(std::string_view text) {
  static constexpr auto kTable = make_crc_table();
  std::uint32_t crc = ~0U;
  for (const char c : text)
    crc = (crc >> 8U) ^ kTable.at((crc ^ static_cast<std::uint8_t>(c)) & 0xffU);
  return ~crc;
}

crypto::Digest next_chain(const crypto::Digest& chain, std::string_view json) {
  crypto::Sha256 hash;
  hash.update(chain);
  hash.update(as_bytes(json));
  return hash.finish();
}

/// Whether a line, without its LF, is whole by its own CRC.
bool has_good_crc(std::string_view line) {
  if (line.size() < kHeadBytes || line[kCrcDigits] != ' ' || line[kHeadBytes - 1] != ' ')
    return false;
  return line.substr(0, kCrcDigits) == fmt::format("{:08x}", crc32c(line.substr(kCrcDigits + 1)));
}

/// A crash may leave blocks of the last line that were allocated but never written: zeros, up to
/// the end of a sector or of the file.
bool has_unwritten_sector(std::string_view line, std::size_t offset) {
  constexpr std::size_t kSector = 512;
  const std::size_t last = line.rfind('\0');
  if (last == std::string_view::npos) return false;
  return last + 1 == line.size() || (offset + last + 1) % kSector == 0;
}

Error corrupt(std::size_t number, std::string_view what) {
  return Error{ErrorKind::kCorrupt, fmt::format("journal line {}: {}", number, what),
               "Do not resume this run: compare with its second copy, and see what happened by the "
               "folders of its steps."};
}

/// What to do with a line that has no good CRC: kOk if it is the torn tail.
Result<> judge_bad_line(std::string_view text, std::size_t begin, std::size_t end,
                        std::size_t number) {
  const bool is_last = end == std::string_view::npos || end + 1 == text.size();
  if (!is_last) return corrupt(number, "damaged, and records follow it");
  const std::string_view line = text.substr(begin, end - begin);
  if (end != std::string_view::npos) {
    // It has its line end, so all of it was written once, unless sectors of it are missing.
    if (has_unwritten_sector(line, begin)) return kOk;
    return corrupt(number, "damaged");
  }
  if (line.size() > 1 && has_good_crc(line.substr(0, line.size() - 1)))
    return corrupt(number, "its line end is damaged");
  return kOk;
}

}  // namespace

crypto::Digest journal_root() {
  return crypto::sha256(as_bytes("reprieve.journal/1"));
}

Result<ParsedJournal> parse_journal(ByteView bytes) {
  if (bytes.size() > kJournalBytesMax)
    return Error{ErrorKind::kExhausted, "the journal is larger than 256 MiB"};
  const std::string_view text = as_text(bytes);
  ParsedJournal parsed;
  parsed.chain = journal_root();
  std::size_t begin = 0;
  for (std::size_t number = 1; begin < text.size(); ++number) {
    const std::size_t end = text.find('\n', begin);
    const std::string_view line = text.substr(begin, end - begin);
    if (line.size() > kJournalLineMax)
      return Error{ErrorKind::kExhausted, fmt::format("journal line {} is too long", number)};
    if (end == std::string_view::npos || !has_good_crc(line)) {
      REPRIEVE_RETURN_IF_ERROR(judge_bad_line(text, begin, end, number));
      parsed.torn_bytes = text.size() - begin;
      break;
    }
    const std::string_view json = line.substr(kHeadBytes);
    const crypto::Digest chain = next_chain(parsed.chain, json);
    if (line.substr(kCrcDigits + 1, kChainDigits) != to_hex(chain))
      return corrupt(number, "does not follow from the line before it");
    auto record = parse_record(json);
    if (!record) return std::move(record).error().at(fmt::format("journal line {}", number));
    parsed.records.push_back(*std::move(record));
    parsed.chain = chain;
    begin = end + 1;
    parsed.whole_bytes = begin;
  }
  return parsed;
}

std::string encode_journal_line(const Record& record, crypto::Digest& chain) {
  const std::string json = encode_record(record);
  chain = next_chain(chain, json);
  const std::string rest = to_hex(chain) + " " + json;
  return fmt::format("{:08x} {}\n", crc32c(rest), rest);
}

Journal::Journal(std::unique_ptr<JournalMedium> medium, crypto::Digest chain, Clock& clock,
                 std::string boot_id)
    : medium_{std::move(medium)}, chain_{chain}, clock_{clock}, boot_id_{std::move(boot_id)} {}

Result<Record> Journal::append(RecordKind kind, Json body) {
  if (is_broken_)
    return Error{ErrorKind::kConflict, "the journal could not be written before",
                 "Resume the run once its state folder can be written."};
  Record record{.kind = kind,
                .at = clock_.now(),
                .uptime = clock_.uptime(),
                .boot_id = boot_id_,
                .body = std::move(body)};
  is_broken_ = true;
  const std::string line = encode_journal_line(record, chain_);
  if (line.size() > kJournalLineMax)
    return Error{ErrorKind::kExhausted, "a journal record is too long"};
  if (auto wrote = medium_->write(as_bytes(line)); !wrote)
    return std::move(wrote).error().at("write the journal");
  if (auto synced = medium_->sync(); !synced)
    return std::move(synced).error().at("make the journal durable");
  is_broken_ = false;
  return record;
}

}  // namespace reprieve::recovery
