#include "backup/pour.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/budget_queue.hpp"
#include "tree/path.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::backup {
namespace {

// A batch is large enough to find neighbours in packs and to busy all cores; one is fetched and one
// poured while the queue holds two.
constexpr std::size_t kBatchBytes = 8 * 1024 * 1024;
constexpr std::size_t kBatchSteps = 4096;
constexpr std::size_t kQueueBytes = 2 * kBatchBytes;
constexpr std::size_t kZeros = 256 * 1024;

/// Errors of one name, which leave the others readable.
bool is_local(const Error& error) {
  return error.kind == ErrorKind::kCorrupt || error.kind == ErrorKind::kNotFound;
}

/// A name that begins, or more bytes of the file that began last.
struct Step {
  bool is_begin = true;
  std::string path;
  Entry entry;
  std::string linked_to;
  std::size_t buffer_begin = 0;
  std::size_t buffer_end = 0;
  std::optional<Error> failure;
};

struct Batch {
  std::vector<Step> steps;
  std::vector<RestoreReader::Request> requests;  // Tag: step. Offset: in the buffer.
  Bytes buffer;
};

/// The paths that are wanted, as a tree of names.
struct Wanted {
  bool is_whole = false;
  std::map<std::string, Wanted> below;
};

/// Walks and fetches; one thread.
class Producer {
 public:
  Producer(RestoreReader& reader, const PointTree& tree, BudgetQueue<Batch>& queue)
      : reader_{reader}, tree_{tree}, queue_{queue} {}

  Result<> walk(const PointTree::Node& node, const std::string& path, const Wanted& wanted) {
    REPRIEVE_RETURN_IF_ERROR(reader_.cancel().check());
    const bool is_directory = node.entry.type == EntryType::kDirectory;
    if (!node.is_virtual) REPRIEVE_RETURN_IF_ERROR(add(node.entry, path));
    if (!is_directory) return kOk;
    auto inside = tree_.children(node);
    if (!inside) {
      if (!is_local(inside.error())) return std::move(inside).error();
      reader_.report({Problem::Kind::kUnreadable, path,
                      "what is in it could not be read: " + inside.error().what});
      return kOk;
    }
    for (const PointTree::Node& child : *inside) {
      const Wanted* next = &wanted;
      if (!wanted.is_whole) {
        const auto at = wanted.below.find(child.entry.name);
        if (at == wanted.below.end()) continue;
        next = &at->second;
      }
      REPRIEVE_RETURN_IF_ERROR(walk(child, joined_path(path, child.entry.name), *next));
    }
    return kOk;
  }

  Result<> add(const Entry& entry, const std::string& path) {
    Step step;
    step.path = path;
    step.entry = entry;
    if (entry.link_group != 0) {
      const auto [leader, is_first] = leaders_.try_emplace(entry.link_group, path);
      if (!is_first) step.linked_to = leader->second;
    }
    const bool has_content = entry.type == EntryType::kFile && step.linked_to.empty();
    batch_.steps.push_back(std::move(step));
    if (has_content) REPRIEVE_RETURN_IF_ERROR(add_content(entry.content));
    return batch_.steps.size() < kBatchSteps ? Result<>{kOk} : flush();
  }

  Result<> flush() {
    if (batch_.steps.empty()) return kOk;
    Batch batch = std::exchange(batch_, {});
    batch.buffer.resize(std::exchange(buffer_bytes_, 0));
    REPRIEVE_RETURN_IF_ERROR(fetch(batch));
    const std::size_t weight = batch.buffer.size() + batch.steps.size() * sizeof(Step);
    if (!queue_.push(std::move(batch), weight))
      return Error{ErrorKind::kCancelled, "stopped by the other side"};
    return kOk;
  }

 private:
  Result<> add_content(const Content& content) {
    auto chunks = reader_.chunks_of(content);
    if (!chunks) {
      if (!is_local(chunks.error())) return std::move(chunks).error();
      batch_.steps.back().failure = std::move(chunks).error();
      return kOk;
    }
    for (const ChunkRef& chunk : *chunks) {
      if (buffer_bytes_ > 0 && buffer_bytes_ + chunk.length > kBatchBytes) {
        REPRIEVE_RETURN_IF_ERROR(flush());
        batch_.steps.emplace_back().is_begin = false;
      }
      Step& step = batch_.steps.back();
      if (step.buffer_begin == step.buffer_end) step.buffer_begin = buffer_bytes_;
      batch_.requests.push_back({chunk, batch_.steps.size() - 1, buffer_bytes_});
      buffer_bytes_ += chunk.length;
      step.buffer_end = buffer_bytes_;
    }
    return kOk;
  }

  Result<> fetch(Batch& batch) {
    std::mutex mutex;
    const auto fail = [&](const RestoreReader::Request& request, const Error& error) -> Result<> {
      const std::lock_guard lock{mutex};
      batch.steps[static_cast<std::size_t>(request.tag)].failure = error;
      return kOk;
    };
    const auto deliver = [&](const RestoreReader::Request& request, ByteView bytes) -> Result<> {
      if (bytes.size() != request.chunk.length)
        return fail(request,
                    {ErrorKind::kCorrupt, "a chunk has another length than its file says"});
      std::memcpy(batch.buffer.data() + request.offset, bytes.data(), bytes.size());
      return kOk;
    };
    return reader_.fetch(batch.requests, deliver, fail);
  }

  RestoreReader& reader_;
  const PointTree& tree_;
  BudgetQueue<Batch>& queue_;
  Batch batch_;
  std::size_t buffer_bytes_ = 0;
  std::map<std::uint64_t, std::string> leaders_;  // Path of each link group's first name.
};

/// Hands batches on to the sink; the caller's thread.
class Consumer {
 public:
  enum class Failures { kAreReported, kEndIt };
  Consumer(RestoreReader& reader, EntrySink& sink, Failures failures)
      : reader_{reader}, sink_{sink}, failures_{failures} {}

  Result<> take(const Batch& batch) {
    for (const Step& step : batch.steps) {
      if (step.is_begin) {
        REPRIEVE_RETURN_IF_ERROR(begin(step));
      } else if (step.failure && !is_skipping_) {
        return broken_off(*step.failure);
      }
      if (is_skipping_ || step.buffer_begin == step.buffer_end) continue;
      const ByteView stored =
          ByteView{batch.buffer}.subspan(step.buffer_begin, step.buffer_end - step.buffer_begin);
      REPRIEVE_RETURN_IF_ERROR(sink_.bytes(stored));
      reader_.progress().bytes += stored.size();
    }
    return kOk;
  }

 private:
  Result<> begin(const Step& step) {
    current_ = step.path;
    const bool is_leader_missing = !step.linked_to.empty() && skipped_.contains(step.linked_to);
    is_skipping_ = step.failure || is_leader_missing;
    if (is_skipping_) {
      const Error why = step.failure ? *step.failure
                                     : Error{ErrorKind::kCorrupt,
                                             "it is the same file as '" + step.linked_to + "'"};
      if (failures_ == Failures::kEndIt) return broken_off(why);
      reader_.report({Problem::Kind::kUnreadable, step.path, "was left out: " + why.what});
      if (step.entry.link_group != 0) skipped_.insert(step.path);
      return kOk;
    }
    if (step.entry.is_incomplete)
      reader_.report({Problem::Kind::kUnreadable, step.path,
                      "could not be read when it was captured: only that part is here"});
    ++(step.entry.type == EntryType::kDirectory ? reader_.progress().directories
                                                : reader_.progress().files);
    REPRIEVE_RETURN_IF_ERROR(sink_.begin(step.path, step.entry, step.linked_to));
    const Bytes& inside = step.entry.content.inline_bytes;
    if (inside.empty() || !step.linked_to.empty()) return kOk;
    reader_.progress().bytes += inside.size();
    return sink_.bytes(inside);
  }

  [[nodiscard]] Error broken_off(const Error& why) const {
    return Error{why}.at(current_).with_hint(
        "Try `reprieve repo repair`; `reprieve restore` brings everything else back.");
  }

  RestoreReader& reader_;
  EntrySink& sink_;
  const Failures failures_;
  std::string current_;
  bool is_skipping_ = false;
  std::set<std::string> skipped_;  // Names with links of which nothing was poured.
};

/// Runs `produce` beside the consumer until both are done.
Result<> run(RestoreReader& reader, const PointTree& tree, Consumer consumer,
             const std::function<Result<>(Producer&)>& produce) {
  BudgetQueue<Batch> queue{kQueueBytes};
  Result<> produced = kOk;
  std::thread thread{[&] {
    Producer producer{reader, tree, queue};
    produced = produce(producer);
    if (produced) produced = producer.flush();
    queue.close();
  }};
  Result<> consumed = kOk;
  while (const auto batch = queue.pop()) {
    consumed = consumer.take(*batch);
    if (!consumed) break;
  }
  queue.close();
  thread.join();
  return consumed ? produced : consumed;
}

/// Puts the holes back between stored bytes.
class FileSink : public EntrySink {
 public:
  FileSink(const Content& content, const TakeBytes& take) : content_{content}, take_{take} {}

  Result<> begin(const std::string&, const Entry&, const std::string&) override { return kOk; }

  Result<> bytes(ByteView stored) override {
    while (!stored.empty()) {
      REPRIEVE_RETURN_IF_ERROR(skip_hole());
      const std::uint64_t end =
          hole_ < content_.holes.size() ? content_.holes[hole_].offset : content_.size;
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(end - at_, stored.size()));
      REPRIEVE_RETURN_IF_ERROR(take_(stored.first(part)));
      at_ += part;
      stored = stored.subspan(part);
    }
    return kOk;
  }

  Result<> finish() {
    while (hole_ < content_.holes.size())
      REPRIEVE_RETURN_IF_ERROR(skip_hole());
    return kOk;
  }

 private:
  Result<> skip_hole() {
    if (hole_ == content_.holes.size() || content_.holes[hole_].offset != at_) return kOk;
    static const Bytes zeros(kZeros, std::byte{0});
    std::uint64_t left = content_.holes[hole_++].length;
    at_ += left;
    while (left > 0) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left, zeros.size()));
      REPRIEVE_RETURN_IF_ERROR(take_(ByteView{zeros}.first(part)));
      left -= part;
    }
    return kOk;
  }

  const Content& content_;
  const TakeBytes& take_;
  std::uint64_t at_ = 0;
  std::size_t hole_ = 0;
};

}  // namespace

Result<> pour(RestoreReader& reader, const PointTree& tree, const std::vector<std::string>& paths,
              EntrySink& sink) {
  Wanted wanted;
  wanted.is_whole = paths.empty();
  for (const std::string& path : paths) {
    REPRIEVE_TRY(const auto way, tree.find(path));
    Wanted* at = &wanted;
    for (std::size_t i = 1; i < way.size(); ++i)
      at = &at->below[way[i].entry.name];
    at->is_whole = true;
  }
  return run(reader, tree, Consumer{reader, sink, Consumer::Failures::kAreReported},
             [&](Producer& producer) { return producer.walk(tree.root(), "", wanted); });
}

Result<> pour_file(RestoreReader& reader, const PointTree& tree, const std::string& path,
                   const TakeBytes& take) {
  REPRIEVE_TRY(const auto way, tree.find(path));
  const Entry& entry = way.back().entry;
  if (entry.type != EntryType::kFile)
    return Error{ErrorKind::kInvalid, "'" + path + "' is no regular file",
                 "`reprieve find` lists what is there, `reprieve dump` writes folders as a tar "
                 "archive."};
  FileSink sink{entry.content, take};
  REPRIEVE_RETURN_IF_ERROR(run(reader, tree, Consumer{reader, sink, Consumer::Failures::kEndIt},
                               [&](Producer& producer) { return producer.add(entry, path); }));
  return sink.finish();
}

}  // namespace reprieve::backup
