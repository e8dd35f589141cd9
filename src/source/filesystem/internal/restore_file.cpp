#include <unistd.h>

#include <algorithm>

#include "source/filesystem/internal/restore_run.hpp"
#include "tree/tree_codec.hpp"

/// The part of RestoreRun that brings the contents of regular files.
namespace reprieve::filesystem {
namespace {

// Together they let the repository read whole packs, and bound what one batch takes of memory: some
// hundred bytes for each chunk and file, and no contents.
constexpr std::size_t kBatchChunksMax = 16 * 1024;
constexpr std::uint64_t kBatchBytesMax = 256 * 1024 * 1024;

}  // namespace

void RestoreRun::count_unchanged(const Entry& entry) {
  ++context_.files_unchanged;
  Progress& progress = context_.reader.progress();
  ++progress.files;
  ++progress.files_unchanged;
  progress.bytes += entry.content.size;
  progress.bytes_unchanged += entry.content.size;
}

/// Leaves a file as it is but for its metadata.
void RestoreRun::keep_file(TargetDirectory& directory, const Entry& entry,
                           const ExistingFile& file) {
  if (!context_.options.dry_run && !context_.metadata.is_applied(file.fd(), file.inode(), entry)) {
    write_flags(file.fd(), 0);
    context_.metadata.apply(file.fd(), entry, false, MetadataWriter::Flags::kAll,
                            [&] { return directory.path_of(entry.name); });
  }
  count_unchanged(entry);
}

/// Nothing, after a report, if the repository cannot tell.
Result<std::optional<std::vector<ChunkRef>>> RestoreRun::chunks_of(TargetDirectory& directory,
                                                                   const Entry& entry) {
  using Chunks = std::optional<std::vector<ChunkRef>>;
  const Content& content = entry.content;
  if (!content.list && content.chunks.empty()) return Chunks{std::vector<ChunkRef>{}};
  auto found = context_.reader.chunks_of(content);
  if (found) return Chunks{*std::move(found)};
  if (found.error().kind != ErrorKind::kCorrupt && found.error().kind != ErrorKind::kNotFound)
    return std::move(found).error();
  context_.report(Problem::Kind::kUnreadable, directory.path_of(entry.name),
                  "could not be restored: " + found.error().what);
  return Chunks{};
}

Result<> RestoreRun::place_file(const Shared& directory, Entry entry, Existing existing,
                                std::string write_name) {
  if (context_.options.dry_run && existing == nullptr) {
    count_to_write(entry, 0);
    return kOk;
  }
  REPRIEVE_TRY(const auto chunks, chunks_of(*directory, entry));
  if (!chunks) return kOk;
  ExistingFile present;
  LocalPieces pieces;
  pieces.absent = chunks->size();
  DirectoryHandles::Pin pin;
  if (existing != nullptr && existing->inode.type == EntryType::kFile &&
      context_.handles.pin(*directory, pin) == 0 && present.open(pin.fd(), entry.name)) {
    REPRIEVE_TRY(pieces, find_pieces(context_.reader, present, entry.content, *chunks));
    // An inode that has other names is not this name's alone to change.
    if (pieces.is_whole && present.inode().links == 1) {
      keep_file(*directory, entry, present);
      return kOk;
    }
  }
  if (context_.options.dry_run) {
    count_to_write(entry, pieces.bytes);
    return kOk;
  }
  auto file = std::make_shared<TargetFile>();
  file->directory = directory;
  file->write_name = std::move(write_name);
  file->replaced_flags = existing != nullptr ? existing->inode.flags : 0;
  file->entry = std::move(entry);
  if (!chunks->empty()) return write_pieces(file, *chunks, present, std::move(pieces));
  REPRIEVE_TRY(const bool is_written, writer_.write_whole(*file));
  static_cast<void>(is_written);
  return kOk;
}

/// Of a dry run: what is at hand would not be brought.
void RestoreRun::count_to_write(const Entry& entry, std::uint64_t bytes_at_hand) {
  ++context_.files_written;
  context_.bytes_written += stored_size(entry.content) - bytes_at_hand;
  context_.bytes_kept += bytes_at_hand;
}

/// Writes what is at hand, in the file that has the name or in what an interrupted run left, and
/// has the rest fetched.
Result<> RestoreRun::write_pieces(const std::shared_ptr<TargetFile>& file,
                                  std::span<const ChunkRef> chunks, const ExistingFile& present,
                                  LocalPieces pieces) {
  bool is_begun = false;
  if (file->write_name != file->entry.name && pieces.absent > 0) {
    DirectoryHandles::Pin pin;
    ExistingFile left_over;
    if (context_.handles.pin(*file->directory, pin) == 0 &&
        left_over.open(pin.fd(), file->write_name)) {
      REPRIEVE_TRY(LocalPieces left,
                   find_pieces(context_.reader, left_over, file->entry.content, chunks));
      is_begun = left.bytes > pieces.bytes && writer_.resume(*file, left_over, left);
      if (is_begun) pieces = std::move(left);
    }
  }
  if (!is_begun && pieces.bytes > 0) {
    REPRIEVE_RETURN_IF_ERROR(writer_.take_over(*file, present, chunks, pieces));
    if (file->is_failed) return kOk;
  }
  if (pieces.absent == 0) return writer_.complete(*file);
  return add_to_batch(file, chunks, pieces);
}

Result<> RestoreRun::add_to_batch(const std::shared_ptr<TargetFile>& file,
                                  std::span<const ChunkRef> chunks, const LocalPieces& pieces) {
  file->chunks_left = pieces.absent;
  ++file->directory->pending;
  std::uint64_t offset = 0;
  std::unique_lock lock{mutex_};
  for (std::size_t i = 0; i < chunks.size(); offset += chunks[i++].length) {
    if (!pieces.is_here.empty() && pieces.is_here[i]) continue;
    if (batch_.files.empty() || batch_.files.back() != file) batch_.files.push_back(file);
    batch_.requests.push_back({chunks[i], batch_.files.size() - 1, offset});
    batch_.bytes += chunks[i].length;
    if (batch_.requests.size() < kBatchChunksMax && batch_.bytes < kBatchBytesMax) continue;
    FetchBatch full = std::exchange(batch_, {});
    lock.unlock();
    REPRIEVE_RETURN_IF_ERROR(fetch(std::move(full)));
    lock.lock();
  }
  return kOk;
}

Result<> RestoreRun::fetch(FetchBatch batch) {
  if (batch.requests.empty()) return kOk;
  const auto file_of = [&](const RestoreReader::Request& request) -> TargetFile& {
    return *batch.files[static_cast<std::size_t>(request.tag)];
  };
  const auto deliver = [&](const RestoreReader::Request& request, ByteView bytes) -> Result<> {
    TargetFile& file = file_of(request);
    REPRIEVE_RETURN_IF_ERROR(context_.reader.cancel().check());
    const Error wrong{ErrorKind::kCorrupt, "a chunk has another length than its file says"};
    REPRIEVE_TRY(const bool is_last, bytes.size() == request.chunk.length
                                         ? writer_.write_chunk(file, request.offset, bytes)
                                         : writer_.miss_chunk(file, wrong));
    if (is_last) complete(file.directory);
    return kOk;
  };
  const auto missing = [&](const RestoreReader::Request& request, const Error& why) -> Result<> {
    TargetFile& file = file_of(request);
    REPRIEVE_TRY(const bool is_last, writer_.miss_chunk(file, why));
    if (is_last) complete(file.directory);
    return kOk;
  };
  auto done = context_.reader.fetch(batch.requests, deliver, missing);
  if (!done) {
    for (const auto& file : batch.files)
      writer_.abandon(*file);
  }
  return done;
}

}  // namespace reprieve::filesystem
