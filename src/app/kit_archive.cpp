#include "app/kit_archive.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <vector>

#include "app/workspace.hpp"
#include "backup/tar_header.hpp"
#include "base/assert.hpp"
#include "crypto/crypto.hpp"
#include "io/file.hpp"
#include "io/loaded_libraries.hpp"

namespace reprieve::app {
namespace {

// Debug builds of the program have some hundred MB; beyond this something else was linked in.
constexpr ByteCount kFileMax{1024ULL * 1024 * 1024};
Result<> append_file(Bytes& archive, const ArchiveFile& file) {
  constexpr std::size_t kNameMax = 100;
  if (file.name.empty() || file.name.size() > kNameMax)
    return Error{ErrorKind::kInvalid, "archive: the name does not fit: " + file.name};
  backup::UstarHeader header;
  header.text(0, file.name);
  header.octal(100, 8, file.mode);
  header.octal(108, 8, 0);
  header.octal(116, 8, 0);
  header.octal(124, 12, file.content.size());
  header.octal(136, 12, 0);
  header.text(156, "0");
  header.text(257, "ustar");
  header.text(263, "00");
  backup::append_blocks(archive, header.finish());
  backup::append_blocks(archive, file.content);
  return kOk;
}

Bytes gzip(ByteView plain) {
  constexpr int kGzipWindow = 15 + 16;
  constexpr int kMemory = 8;
  ::z_stream stream{};
  REPRIEVE_ASSERT(::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemory,
                                 Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes packed(::deflateBound(&stream, plain.size()));
  // zlib takes Bytef* for input that it does not write to.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(plain.data()));
  stream.avail_in = static_cast<unsigned>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<unsigned>(packed.size());
  REPRIEVE_ASSERT(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

/// What the archive holds: its name in it, and where it comes from.
struct Part {
  std::string name;
  std::string path;
  std::uint32_t mode = 0644;
};

Result<std::vector<Part>> parts() {
  REPRIEVE_TRY(const std::string program, program_path());
  std::vector<Part> parts = {{"reprieve/bin/reprieve", program, 0755}};
  for (const std::string& library : io::loaded_libraries())
    parts.push_back({"reprieve/lib/" + io::name_in(library), library, 0644});
  std::ranges::sort(parts, {}, &Part::name);
  return parts;
}

}  // namespace

Result<Bytes> make_archive(std::span<const ArchiveFile> files) {
  Bytes archive;
  for (const ArchiveFile& file : files)
    REPRIEVE_RETURN_IF_ERROR(append_file(archive, file));
  backup::append_blocks(archive, backup::tar_end());
  return gzip(archive);
}

Result<Bytes> program_archive() {
  REPRIEVE_TRY(const auto wanted, parts());
  std::vector<ArchiveFile> files;
  for (const Part& part : wanted) {
    REPRIEVE_TRY(Bytes content, io::read_file(part.path, kFileMax));
    files.push_back({part.name, part.mode, std::move(content)});
  }
  return make_archive(files);
}

Result<std::string> program_fingerprint() {
  REPRIEVE_TRY(const auto wanted, parts());
  std::string facts = REPRIEVE_VERSION;
  for (const Part& part : wanted) {
    struct ::stat status {};
    if (::stat(part.path.c_str(), &status) != 0)
      return error_from_errno(errno, "look at " + part.path);
    facts += fmt::format("\n{} {} {}.{}", part.path, status.st_size, status.st_mtim.tv_sec,
                         status.st_mtim.tv_nsec);
  }
  return to_hex(crypto::sha256(as_bytes(facts)));
}

}  // namespace reprieve::app
