#include "source/postgresql/internal/backup_pipeline.hpp"

#include <algorithm>
#include <cstring>

namespace reprieve {
namespace {

/// Large enough that the queue's lock does not matter, small enough to stay in a cache.
constexpr std::size_t kPieceBytes = 256 * 1024;
/// What a piece costs besides its bytes.
constexpr std::size_t kPieceOverhead = 512;
/// Below it, a page is not even filled once.
constexpr std::uint64_t kPagedSizeMin = 8192;

/// Relation files change page by page; everything else is cut by content.
Chunking chunking_of(const std::string& manifest_path, std::uint64_t size) {
  const bool is_relation = manifest_path.starts_with("base/") ||
                           manifest_path.starts_with("global/") ||
                           manifest_path.starts_with("pg_tblspc/");
  return is_relation && size >= kPagedSizeMin ? Chunking::kPages : Chunking::kContentDefined;
}

Error given_up() {
  return Error{ErrorKind::kCancelled, "the backup was given up"};
}

}  // namespace

Result<> ArchiveSplitter::push() {
  const std::size_t size = piece_.bytes.size() + kPieceOverhead;
  if (!queue_.push(std::exchange(piece_, {}), size)) return given_up();
  return kOk;
}

Result<> ArchiveSplitter::begin_archive(std::optional<std::uint32_t> tablespace) {
  tablespace_ = tablespace;
  return kOk;
}

Result<> ArchiveSplitter::begin(TarMember member) {
  const auto expected = std::min<std::uint64_t>(member.size, kPieceBytes);
  piece_.bytes.reserve(static_cast<std::size_t>(expected));
  piece_.begin = ArchivePiece::Begin{tablespace_, std::move(member)};
  return kOk;
}

Result<> ArchiveSplitter::data(ByteView bytes) {
  hash_.update(bytes);
  while (!bytes.empty()) {
    if (piece_.bytes.size() == kPieceBytes) {
      REPRIEVE_RETURN_IF_ERROR(push());
      piece_.bytes.reserve(kPieceBytes);
    }
    const std::size_t old = piece_.bytes.size();
    const std::size_t taken = std::min(bytes.size(), kPieceBytes - old);
    piece_.bytes.resize(old + taken);
    std::memcpy(piece_.bytes.data() + old, bytes.data(), taken);
    bytes = bytes.subspan(taken);
  }
  return kOk;
}

Result<> ArchiveSplitter::end() {
  piece_.is_end = true;
  piece_.sha256 = hash_.finish();
  return push();
}

Result<> ArchiveSplitter::manifest(ByteView bytes) {
  if (bytes.size() > kManifestBytesMax - manifest_.size())
    return Error{ErrorKind::kExhausted, "the backup manifest is too large"};
  manifest_.insert(manifest_.end(), bytes.begin(), bytes.end());
  return kOk;
}

/// The bytes of one file out of its pieces.
class ArchiveWriter::FileReader : public ByteReader {
 public:
  FileReader(ArchivePiece first, ArchiveQueue& queue, Progress& progress)
      : piece_{std::move(first)}, queue_{queue}, progress_{progress} {}

  Result<std::size_t> read(MutableByteView out) override {
    while (offset_ == piece_.bytes.size()) {
      if (piece_.is_end) return std::size_t{0};
      auto next = queue_.pop();
      if (!next || next->begin) return given_up();
      piece_ = *std::move(next);
      offset_ = 0;
    }
    const std::size_t taken = std::min(out.size(), piece_.bytes.size() - offset_);
    std::memcpy(out.data(), piece_.bytes.data() + offset_, taken);
    offset_ += taken;
    progress_.bytes += taken;
    return taken;
  }
  /// Of the whole file; only once read() returned 0.
  [[nodiscard]] const crypto::Digest& sha256() const { return piece_.sha256; }

 private:
  ArchivePiece piece_;
  std::size_t offset_ = 0;
  ArchiveQueue& queue_;
  Progress& progress_;
};

ArchiveWriter::ArchiveWriter(CaptureSink& sink, std::uint16_t data_mode)
    : sink_{sink}, data_mode_{data_mode} {}

Result<> ArchiveWriter::run(ArchiveQueue& queue) {
  while (auto piece = queue.pop()) {
    REPRIEVE_RETURN_IF_ERROR(sink_.cancel().check());
    if (!piece->begin) return given_up();
    REPRIEVE_RETURN_IF_ERROR(store(*std::move(piece), queue));
  }
  return kOk;
}

Result<> ArchiveWriter::enter_archive(const std::optional<std::uint32_t>& tablespace,
                                      const Owner& owner) {
  if (builder_ && tablespace == tablespace_) return kOk;
  REPRIEVE_RETURN_IF_ERROR(leave_archive());
  Entry root;
  root.name = tablespace ? std::to_string(*tablespace) : "data";
  root.type = EntryType::kDirectory;
  root.mode = tablespace ? 0700 : data_mode_;
  root.owner = owner;
  builder_.emplace(sink_, std::move(root));
  tablespace_ = tablespace;
  return kOk;
}

Result<> ArchiveWriter::leave_archive() {
  if (!builder_) return kOk;
  REPRIEVE_TRY(Entry root, builder_->finish());
  builder_.reset();
  if (tablespace_) {
    stored_.tablespaces.push_back(std::move(root));
    return kOk;
  }
  if (has_data_) return Error{ErrorKind::kCorrupt, "the data directory came twice"};
  has_data_ = true;
  stored_.data = std::move(root);
  return kOk;
}

Result<> ArchiveWriter::store(ArchivePiece piece, ArchiveQueue& queue) {
  const ArchivePiece::Begin begin = *std::exchange(piece.begin, std::nullopt);
  REPRIEVE_RETURN_IF_ERROR(enter_archive(begin.tablespace, begin.member.owner));
  Entry entry;
  entry.type = begin.member.type;
  entry.mode = begin.member.mode;
  entry.owner = begin.member.owner;
  entry.modified = begin.member.modified;
  entry.target = begin.member.target;
  entry.name = begin.member.path;
  if (entry.type == EntryType::kFile) return store_file(std::move(entry), std::move(piece), queue);
  if (entry.type == EntryType::kDirectory) sink_.progress().directories += 1;
  return builder_->add(begin.member.path, std::move(entry));
}

Result<> ArchiveWriter::store_file(Entry entry, ArchivePiece piece, ArchiveQueue& queue) {
  const std::string path = std::exchange(entry.name, {});
  const std::string manifest_path =
      tablespace_ ? "pg_tblspc/" + std::to_string(*tablespace_) + "/" + path : path;
  // Whether it is worth pages is known from its first piece: that one is full, or all.
  const Chunking chunking = chunking_of(manifest_path, piece.bytes.size());
  FileReader reader{std::move(piece), queue, sink_.progress()};
  REPRIEVE_TRY(entry.content, sink_.put_content(reader, chunking));
  const FileDigest digest{entry.content.size, reader.sha256()};
  if (!stored_.files.emplace(manifest_path, digest).second)
    return Error{ErrorKind::kCorrupt, manifest_path + " came twice"};
  sink_.progress().files += 1;
  return builder_->add(path, std::move(entry));
}

Result<ArchiveWriter::Stored> ArchiveWriter::finish() {
  REPRIEVE_RETURN_IF_ERROR(leave_archive());
  if (!has_data_) return Error{ErrorKind::kCorrupt, "the backup has no data directory"};
  return std::move(stored_);
}

}  // namespace reprieve
