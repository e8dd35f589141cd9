#include "backup/tar_archive.hpp"

#include "backup/tar_header.hpp"

namespace reprieve::backup {
namespace {

constexpr std::size_t kBufferBytes = 1024 * 1024;

}  // namespace

Result<> TarArchive::begin(const std::string& path, const Entry& entry,
                           const std::string& linked_to) {
  if (entry.type == EntryType::kSocket) {
    reader_.report(
        {Problem::Kind::kUnsupported, path, "was left out: a tar archive cannot hold a socket"});
    return kOk;
  }
  REPRIEVE_RETURN_IF_ERROR(pad());
  REPRIEVE_TRY(const Bytes header, tar_header(path.empty() ? "." : path, entry, linked_to));
  ++entries_;
  return put(header);
}

Result<> TarArchive::bytes(ByteView stored) {
  return put(stored);
}

Result<> TarArchive::finish() {
  REPRIEVE_RETURN_IF_ERROR(pad());
  REPRIEVE_RETURN_IF_ERROR(put(tar_end()));
  return flush();
}

/// Fills up what the entry before left of its last block.
Result<> TarArchive::pad() {
  return put(Bytes(tar_padding(size_), std::byte{0}));
}

Result<> TarArchive::put(ByteView bytes) {
  size_ += bytes.size();
  if (bytes.size() >= kBufferBytes) {
    REPRIEVE_RETURN_IF_ERROR(flush());
    return take_(bytes);
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return buffer_.size() < kBufferBytes ? Result<>{kOk} : flush();
}

Result<> TarArchive::flush() {
  REPRIEVE_RETURN_IF_ERROR(take_(buffer_));
  buffer_.clear();
  return kOk;
}

}  // namespace reprieve::backup
