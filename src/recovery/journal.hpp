#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/crypto.hpp"
#include "recovery/record.hpp"

/// The journal of a run: an append-only file of lines
///
///     CRC32C (8 hex)  SP  chain (64 hex)  SP  record (JSON)  LF
///
/// The CRC covers everything between the first space and the line end. chain = SHA-256(the previous
/// line's chain as 32 bytes | record), so no line can be changed, dropped or inserted without all
/// that follow showing it. The first line's previous chain is kJournalRoot.
///
/// A crash during an append leaves a torn last line, which was never acknowledged: it is cut off.
/// Damage anywhere else is reported, never repaired.
namespace reprieve::recovery {

inline constexpr std::size_t kJournalBytesMax = 256U << 20U;
inline constexpr std::size_t kJournalLineMax = 4U << 20U;

crypto::Digest journal_root();

struct ParsedJournal {
  std::vector<Record> records;
  std::size_t whole_bytes = 0;  ///< Length of all whole lines; behind it is only a torn one.
  std::size_t torn_bytes = 0;
  crypto::Digest chain{};  ///< Of the last whole line.
};

/// Errors: kCorrupt, naming the line; kExhausted past the limits above.
Result<ParsedJournal> parse_journal(ByteView bytes);

/// The line, with its LF, that says `record` after `chain`; `chain` becomes this line's.
std::string encode_journal_line(const Record& record, crypto::Digest& chain);

/// Where lines go. One call each, so that tests can stop the world between them.
class JournalMedium {
 public:
  virtual ~JournalMedium() = default;
  /// Appends; not durable yet.
  virtual Result<> write(ByteView line) = 0;
  /// All that was written is durable on return. A failure is final for the medium.
  virtual Result<> sync() = 0;
};

/// Stamps, chains and stores records.
class Journal {
 public:
  /// `chain` is journal_root() for an empty medium, else ParsedJournal::chain.
  Journal(std::unique_ptr<JournalMedium> medium, crypto::Digest chain, Clock& clock,
          std::string boot_id);

  /// Durable on return; returns what was stored. After a failure nothing more may be done to the
  /// world, and every later call fails too: what is not in the journal must not happen.
  Result<Record> append(RecordKind kind, Json body);

 private:
  std::unique_ptr<JournalMedium> medium_;
  crypto::Digest chain_;
  Clock& clock_;
  std::string boot_id_;
  bool is_broken_ = false;
};

}  // namespace reprieve::recovery
