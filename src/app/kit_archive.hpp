#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace reprieve::app {

struct ArchiveFile {
  std::string name;  ///< Relative, at most 100 bytes.
  std::uint32_t mode = 0644;
  Bytes content;
};

/// A tar archive (POSIX.1-1988 ustar) under gzip (RFC 1952), without times or owners: the same
/// files give the same bytes. Pure. Errors: kInvalid for a name that does not fit.
Result<Bytes> make_archive(std::span<const ArchiveFile> files);

/// This program with the libraries that it runs with, but the C library's, as an archive of
/// reprieve/bin/reprieve and reprieve/lib/: unpacked anywhere on a machine with the same C library
/// or a newer one, it runs. Reads some 25 MB and takes about a second.
Result<Bytes> program_archive();

/// What program_archive() would be made of, told by sizes and times: when it is as it was, so is
/// the archive. Quick.
Result<std::string> program_fingerprint();

}  // namespace reprieve::app
