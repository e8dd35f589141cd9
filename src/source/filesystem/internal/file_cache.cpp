#include "source/filesystem/internal/file_cache.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/codec.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::filesystem {
namespace {

constexpr std::uint64_t kMagic = 0x3165686361437652;  // "RvCache1"
constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kIndexSlotBytes = 16;
constexpr std::size_t kBufferBytes = 1024 * 1024;
constexpr std::size_t kKeyBytes = 40;
/// Records are wanted in the order in which they lie, and once: pages behind need not stay.
constexpr std::size_t kTouchedMax = 64 * 1024 * 1024;

struct Header {
  std::uint64_t options_hash = 0;
  std::uint64_t records = 0;
  std::uint64_t index_offset = 0;
  std::uint64_t index_checksum = 0;
  CacheTotals totals;
};

Bytes encode_header(const Header& header) {
  Encoder out;
  out.u64(kMagic);
  out.u64(header.options_hash);
  out.u64(header.records);
  out.u64(header.index_offset);
  out.u64(header.index_checksum);
  out.u64(header.totals.files);
  out.u64(header.totals.bytes);
  out.u64(checksum_of(out.view()));
  REPRIEVE_ASSERT(out.size() == kHeaderBytes);
  return std::move(out).take();
}

std::optional<Header> parse_header(ByteView bytes) {
  Decoder in{bytes.first(std::min(bytes.size(), kHeaderBytes))};
  const bool is_ours = in.u64() == kMagic;
  Header header;
  header.options_hash = in.u64();
  header.records = in.u64();
  header.index_offset = in.u64();
  header.index_checksum = in.u64();
  header.totals.files = in.u64();
  header.totals.bytes = in.u64();
  const std::uint64_t checksum = in.u64();
  if (!in.ok() || !is_ours || checksum != checksum_of(bytes.first(kHeaderBytes - 8)))
    return std::nullopt;
  return header;
}

void encode_key(Encoder& out, const CacheKey& key) {
  out.u64(key.number);
  out.u64(key.size);
  out.i64(key.modified_seconds);
  out.i64(key.changed_seconds);
  out.u32(key.modified_nanoseconds);
  out.u32(key.changed_nanoseconds);
}

CacheKey parse_key(Decoder& in) {
  CacheKey key;
  key.number = in.u64();
  key.size = in.u64();
  key.modified_seconds = in.i64();
  key.changed_seconds = in.i64();
  key.modified_nanoseconds = in.u32();
  key.changed_nanoseconds = in.u32();
  return key;
}

bool write_all(int fd, ByteView bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return true;
}

}  // namespace

CacheKey key_of(const Inode& inode) {
  return {inode.number,
          inode.size,
          inode.modified.seconds,
          inode.changed.seconds,
          inode.modified.nanoseconds,
          inode.changed.nanoseconds};
}

std::uint64_t checksum_of(ByteView bytes) {
  constexpr std::uint64_t kFactor = 0x9fb21c651e98df25;
  std::uint64_t hash = bytes.size() * kFactor;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * kFactor;
    hash ^= hash >> 29;
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    mix(word);
  }
  std::uint64_t tail = 0;
  if (at < bytes.size()) std::memcpy(&tail, bytes.data() + at, bytes.size() - at);
  mix(tail);
  mix(hash >> 32);
  return hash;
}

std::uint64_t hash_of_child(std::uint64_t parent_hash, std::string_view name) {
  const std::uint64_t hash = checksum_of(as_bytes(name)) ^ (parent_hash * 0xd6e8feb86659fd93);
  return (hash ^ (hash >> 32)) * 0x9fb21c651e98df25;
}

Bytes encode_cached_entries(const std::vector<CacheKey>& keys, std::span<const Entry> entries) {
  REPRIEVE_ASSERT(keys.size() == entries.size());
  Encoder out;
  out.varint(keys.size());
  for (const CacheKey& key : keys)
    encode_key(out, key);
  // In parts, since a tree's parser has a limit that a very large directory would pass.
  const std::vector<std::size_t> parts = split_tree(entries);
  out.varint(parts.size());
  for (const std::size_t count : parts) {
    out.bytes(encode_tree(entries.first(count)));
    entries = entries.subspan(count);
  }
  return std::move(out).take();
}

Bytes encode_record(const RecordHead& head, ByteView cached_entries) {
  Encoder out;
  out.u64(head.device);
  out.u64(head.number);
  out.raw(head.stored.id.bytes);
  out.u8(head.stored.depth);
  out.raw(cached_entries);
  return std::move(out).take();
}

Result<CachedDirectory> parse_record(ByteView record, std::uint64_t device, std::uint64_t number) {
  Decoder in{record};
  const bool is_same = in.u64() == device && in.u64() == number;
  if (in.ok() && !is_same) return Error{ErrorKind::kNotFound, "cached directory: another inode"};
  CachedDirectory out;
  out.stored.id.bytes = in.array<ChunkId::kSize>();
  out.stored.depth = in.u8();
  out.keys.resize(in.count(kKeyBytes));
  for (CacheKey& key : out.keys)
    key = parse_key(in);
  const std::size_t parts = in.count(1);
  for (std::size_t i = 0; i < parts && in.ok(); ++i) {
    REPRIEVE_TRY(Tree tree, parse_tree(in.bytes(kTreeBytesMax)));
    if (out.entries.empty())
      out.entries = std::move(tree.entries);
    else
      std::ranges::move(tree.entries, std::back_inserter(out.entries));
  }
  if (out.entries.size() != out.keys.size()) in.fail();
  REPRIEVE_RETURN_IF_ERROR(in.finish("cached directory"));
  return out;
}

FileCache::FileCache(const std::string& path, std::uint64_t options_hash) {
  if (path.empty()) return;
  const io::FileHandle handle{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat found;
  if (!handle.is_open() || ::fstat(handle.fd(), &found) != 0 || !S_ISREG(found.st_mode)) return;
  const std::size_t size = static_cast<std::size_t>(found.st_size);
  if (size < kHeaderBytes) return;
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, handle.fd(), 0);
  if (at == MAP_FAILED) return;
  map_ = {static_cast<const std::byte*>(at), size};
  if (load(options_hash)) return;
  index_.clear();
  totals_ = {};
}

FileCache::~FileCache() {
  if (!map_.empty()) ::munmap(const_cast<std::byte*>(map_.data()), map_.size());
}

bool FileCache::load(std::uint64_t options_hash) {
  const std::optional<Header> header = parse_header(map_);
  if (!header || header->options_hash != options_hash || header->index_offset > map_.size())
    return false;
  ByteView index = map_.subspan(static_cast<std::size_t>(header->index_offset));
  if (header->records > index.size() / kIndexSlotBytes) return false;
  index = index.first(static_cast<std::size_t>(header->records) * kIndexSlotBytes);
  if (checksum_of(index) != header->index_checksum) return false;
  Decoder in{index};
  index_.reserve(static_cast<std::size_t>(header->records));
  while (!in.at_end()) {
    const std::uint64_t path_hash = in.u64();
    index_.push_back({path_hash, in.u64()});
  }
  totals_ = header->totals;
  return std::ranges::is_sorted(index_);
}

ByteView FileCache::record_of(std::uint64_t path_hash) const {
  const auto at = std::ranges::lower_bound(index_, Slot{path_hash, 0});
  if (at == index_.end() || at->path_hash != path_hash || at->offset > map_.size()) return {};
  Decoder in{map_.subspan(static_cast<std::size_t>(at->offset))};
  const std::size_t length = in.u32();
  const std::uint64_t checksum = in.u64();
  const ByteView record = in.raw(length);
  count_touched(record.size());
  return in.ok() && checksum_of(record) == checksum ? record : ByteView{};
}

/// A limit on a process's memory counts the pages of files that it has mapped, too.
void FileCache::count_touched(std::size_t bytes) const {
  if (touched_bytes_.fetch_add(bytes) + bytes < kTouchedMax) return;
  touched_bytes_ = 0;
  // Whoever reads there now gets its pages back. Advice only: nothing depends on it.
  static_cast<void>(::madvise(const_cast<std::byte*>(map_.data()), map_.size(), MADV_DONTNEED));
}

std::optional<CachedDirectory> FileCache::find(std::uint64_t path_hash, std::uint64_t device,
                                               std::uint64_t number) const {
  const ByteView record = record_of(path_hash);
  if (record.empty()) return std::nullopt;
  auto parsed = parse_record(record, device, number);
  if (!parsed) return std::nullopt;
  return *std::move(parsed);
}

void FileCacheWriter::adopt_remains(const std::string& path, std::uint64_t options_hash) {
  const std::string remains_path = path + ".remains";
  // If this is stopped, too, the remains are still there, and what lies beside them has no index.
  if (FileCache{path + ".new", options_hash}.size() != 0)
    ::rename((path + ".new").c_str(), remains_path.c_str());
  const FileCache remains{remains_path, options_hash};
  if (remains.size() == 0) return;
  const FileCache old{path, options_hash};
  FileCacheWriter merged{path, options_hash, old, {system_clock(), Duration::max()}};
  for (const FileCache::Slot& slot : remains.index_) {
    if (const ByteView record = remains.record_of(slot.path_hash); !record.empty())
      merged.append(slot.path_hash, record);
  }
  ignore_error(merged.commit(FileCacheWriter::Run::kInterrupted, {}),
               "without them more files are read again, no more");
  ::unlink(remains_path.c_str());
}

FileCacheWriter::FileCacheWriter(std::string path, std::uint64_t options_hash, const FileCache& old,
                                 const Checkpoints& checkpoints)
    : path_{std::move(path)},
      new_path_{path_ + ".new"},
      options_hash_{options_hash},
      old_{old},
      checkpoints_{checkpoints} {}

FileCacheWriter::~FileCacheWriter() {
  if (fd_.is_open()) ::unlink(new_path_.c_str());
}

void FileCacheWriter::add(std::uint64_t path_hash, const RecordHead& head,
                          ByteView cached_entries) {
  const Bytes record = encode_record(head, cached_entries);
  const std::lock_guard lock{mutex_};
  append(path_hash, record);
  if (checkpoints_.clock.uptime() - written_at_ < checkpoints_.interval) return;
  ignore_error(write_index(old_.totals()), "commit() tells it");
}

void FileCacheWriter::keep(std::uint64_t path_hash) {
  const std::lock_guard lock{mutex_};
  kept_.push_back(path_hash);
}

void FileCacheWriter::append(std::uint64_t path_hash, ByteView record) {
  if (error_ != 0 || record.size() > UINT32_MAX) return;
  if (!fd_.is_open()) {
    ::unlink(new_path_.c_str());  // What a crashed run left.
    fd_ = io::FileHandle{::open(new_path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!fd_.is_open()) {
      error_ = errno;
      return;
    }
    offset_ = kHeaderBytes;
    written_at_ = checkpoints_.clock.uptime();
  }
  index_.push_back({path_hash, offset_ + buffer_.size()});
  Encoder head;
  head.u32(static_cast<std::uint32_t>(record.size()));
  head.u64(checksum_of(record));
  buffer_.insert(buffer_.end(), head.view().begin(), head.view().end());
  buffer_.insert(buffer_.end(), record.begin(), record.end());
  if (buffer_.size() >= kBufferBytes) flush();
}

void FileCacheWriter::flush() {
  if (error_ == 0 && !write_all(fd_.fd(), buffer_, offset_)) error_ = errno;
  offset_ += buffer_.size();
  buffer_.clear();
}

Result<> FileCacheWriter::write_index(const CacheTotals& totals) {
  std::ranges::sort(index_);
  Encoder index;
  for (const FileCache::Slot& slot : index_) {
    index.u64(slot.path_hash);
    index.u64(slot.offset);
  }
  flush();
  const Header header{options_hash_, index_.size(), offset_, checksum_of(index.view()), totals};
  if (error_ == 0 && (!write_all(fd_.fd(), index.view(), offset_) ||
                      !write_all(fd_.fd(), encode_header(header), 0)))
    error_ = errno;
  if (error_ != 0) return error_from_errno(error_, "write " + new_path_);
  offset_ += index.size();  // Records that come later stand behind it.
  written_at_ = checkpoints_.clock.uptime();
  return kOk;
}

Result<> FileCacheWriter::commit(Run run, const CacheTotals& totals) {
  const std::lock_guard lock{mutex_};
  // Nothing written may also mean that nothing could be written.
  if (error_ != 0) return error_from_errno(error_, "write " + new_path_);
  const bool is_same = index_.empty() && kept_.size() == old_.size();
  if (is_same || (index_.empty() && run == Run::kInterrupted)) return kOk;
  std::vector<std::uint64_t> fresh;
  fresh.reserve(index_.size());
  for (const FileCache::Slot& slot : index_)
    fresh.push_back(slot.path_hash);
  std::ranges::sort(fresh);
  if (run == Run::kInterrupted) {
    kept_.clear();
    for (const FileCache::Slot& slot : old_.index_)
      kept_.push_back(slot.path_hash);
  }
  for (const std::uint64_t path_hash : kept_) {
    if (std::ranges::binary_search(fresh, path_hash)) continue;
    if (const ByteView record = old_.record_of(path_hash); !record.empty())
      append(path_hash, record);
  }
  if (!fd_.is_open()) return kOk;
  REPRIEVE_RETURN_IF_ERROR(write_index(run == Run::kComplete ? totals : old_.totals()));
  if (::rename(new_path_.c_str(), path_.c_str()) != 0)
    return error_from_errno(errno, "rename " + new_path_);
  fd_ = io::FileHandle{};
  return kOk;
}

}  // namespace reprieve::filesystem
