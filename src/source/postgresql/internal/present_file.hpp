#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/directory.hpp"
#include "io/file.hpp"
#include "source/source.hpp"

namespace reprieve {

/// A regular file that has the name of one that is to be restored, and may hold some of it.
struct PresentFile {
  io::FileHandle file;
  std::uint64_t size = 0;
};

enum class PresentUse : std::uint8_t { kRead, kWrite };

/// Opens it. Nothing if there is none, or none that may be written to: what is not a regular file,
/// has other names too, or may not be opened. With kWrite such a thing is removed (a folder is an
/// error), so that a new file can take the name.
Result<std::optional<PresentFile>> open_present(const io::Directory& folder,
                                                const std::string& name, PresentUse use);

/// How much of a content a file holds at its place.
struct PresentParts {
  std::uint64_t bytes = 0;
  bool is_whole = false;  ///< The file's bytes are the content, its end included.
};

/// Compares a file with a content that is `requests` or, without any, `inline_bytes`, and takes the
/// chunks that it holds out of `requests`: told by their ids alone, never by times or sizes.
/// Errors: kCancelled. What cannot be read is not there.
Result<PresentParts> find_present(RestoreReader& reader, const PresentFile& present,
                                  ByteView inline_bytes,
                                  std::vector<RestoreReader::Request>& requests);

}  // namespace reprieve
