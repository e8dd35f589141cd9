#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "io/file.hpp"
#include "recovery/executor.hpp"
#include "recovery/journal.hpp"

/// Where a run lies on disk: STATE_DIR/runs/RUN/
///
///     journal      what happened                  plan.yaml    the plan's text, pinned
///     lock         held by the orchestrator       plan.json    the same, canonical
///     inbox/       words of persons               witness/     positions that sources had reached
///     steps/       the children's folders
namespace reprieve::recovery {

class RunFolder {
 public:
  /// Errors: kInvalid if `id` is no run id.
  static Result<RunFolder> of(const std::string& state_dir, const std::string& id);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] std::string file(std::string_view name) const {
    return path_ + "/" + std::string{name};
  }

 private:
  RunFolder(std::string path, std::string id) : path_{std::move(path)}, id_{std::move(id)} {}
  std::string path_;
  std::string id_;
};

/// "r20261120-144900-3f2a": sorts by time of start.
std::string make_run_id(Instant now);
bool is_run_id(std::string_view text);

/// Ids of all runs, oldest first. What was ended before its first record was no run.
Result<std::vector<std::string>> run_ids(const std::string& state_dir);

/// The journal's file. Nobody else may write to it: hold the run's lock.
class FileMedium : public JournalMedium {
 public:
  /// Opens or makes the file and cuts it to `whole_bytes`.
  static Result<std::unique_ptr<JournalMedium>> open(const std::string& path,
                                                     std::size_t whole_bytes);
  Result<> write(ByteView line) override;
  Result<> sync() override;

 private:
  explicit FileMedium(io::FileHandle file) : file_{std::move(file)} {}
  io::FileHandle file_;
};

/// Errors: kNotFound; kCorrupt.
Result<ParsedJournal> read_journal(const RunFolder& folder);

/// Messages as files, one each, whole or not at all; anybody who may write there may speak.
class FileInbox : public Inbox {
 public:
  explicit FileInbox(const RunFolder& folder) : path_{folder.file("inbox")} {}
  Result<std::vector<Message>> read() override;

 private:
  std::string path_;
};

/// Leaves a message for whoever drives the run. Durable on return. `body`: see inbox in
/// executor.hpp:
/// {"type": "approval", ...SignedApproval}, {"type": "answer", "step", "answer", "who", "reason"},
/// {"type": "note", "who", "text"}.
Result<> send_message(const RunFolder& folder, const Json& body, Clock& clock,
                      RandomSource& random);

}  // namespace reprieve::recovery
