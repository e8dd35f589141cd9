#include "io/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "io/file.hpp"

namespace reprieve::io {
namespace {

void* address_of(ByteView bytes) {
  // mmap's own interface: the pages are mapped read-only all the same.
  return const_cast<std::byte*>(bytes.data());
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  REPRIEVE_TRY(const FileHandle file, open_file(path, O_RDONLY));
  REPRIEVE_TRY(const ByteCount size, size_of(file));
  if (size.value == 0) return MappedFile{{}};
  void* const at = ::mmap(nullptr, size.value, PROT_READ, MAP_PRIVATE, file.fd(), 0);
  if (at == MAP_FAILED) return error_from_errno(errno, "map " + path);
  return MappedFile{{static_cast<const std::byte*>(at), size.value}};
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_{std::exchange(other.bytes_, {})} {}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) static_cast<void>(::munmap(address_of(bytes_), bytes_.size()));
}

void MappedFile::expect_scattered_reads() const {
  if (bytes_.empty()) return;
  // Advice only: nothing depends on its being taken.
  static_cast<void>(::madvise(address_of(bytes_), bytes_.size(), MADV_DONTNEED));
  static_cast<void>(::madvise(address_of(bytes_), bytes_.size(), MADV_RANDOM));
}

}  // namespace reprieve::io
