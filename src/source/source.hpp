#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "tree/entry.hpp"

/// The two halves of a kind of data: a Source captures it, a restorer (one function or class per
/// kind, see the folders) writes it back. Neither knows of the repository: the backup module stands
/// on the other side of the two interfaces below.
namespace reprieve {

/// Pulls a stream of bytes.
class ByteReader {
 public:
  virtual ~ByteReader() = default;
  /// Fills some of `out` and returns how much; 0 only at the end.
  virtual Result<std::size_t> read(MutableByteView out) = 0;
};

/// Something that could not be captured or restored as asked. The run goes on and ends with exit
/// code 3; every problem is listed.
struct Problem {
  enum class Kind : std::uint8_t {
    kUnreadable,   ///< Could not be opened or read.
    kChanged,      ///< Kept, but it changed during every attempt to read it.
    kVanished,     ///< Gone between listing and reading.
    kUnsupported,  ///< An attribute that this system or user cannot set.
  };
  Kind kind;
  std::string path;  ///< Raw bytes.
  std::string what;
};

/// Where a source pours what it captures. Thread-safe: sources read with several threads.
class CaptureSink {
 public:
  virtual ~CaptureSink() = default;

  /// Reads `reader` to its end and stores it, cut as `chunking` says. `holes` and `size` of the
  /// result are the caller's to correct for a sparse file; as returned, size is what was read.
  virtual Result<Content> put_content(ByteReader& reader, Chunking chunking) = 0;

  /// Stores a directory; `entries` need not be sorted.
  virtual Result<ListRef> put_directory(std::vector<Entry> entries) = 0;

  /// Whether all of a content, or a whole stored directory, is still in the repository, so that an
  /// unchanged file need not be read again. Cheap: a look-up per chunk, no input or output.
  virtual bool has(const Content& content) = 0;
  virtual bool has(const ListRef& stored) = 0;

  virtual void report(Problem problem) = 0;
  virtual Progress& progress() = 0;
  virtual const CancelToken& cancel() = 0;
};

/// One kind of data to be captured.
class Source {
 public:
  virtual ~Source() = default;
  /// Captures everything once and returns the entries of the snapshot's root tree.
  /// Errors: as the kind's header says; a file that cannot be read is a Problem, not an Error.
  virtual Result<std::vector<Entry>> capture(CaptureSink& sink) = 0;
};

/// What a restorer reads from. Thread-safe.
class RestoreReader {
 public:
  virtual ~RestoreReader() = default;

  virtual Result<std::vector<Entry>> read_directory(const ListRef& directory) = 0;
  /// The chunks of a content, lists expanded, as check_chunks() proved them. Errors: kCorrupt.
  virtual Result<std::vector<ChunkRef>> chunks_of(const Content& content) = 0;
  /// Whether these bytes are what a data chunk holds, told by its id and without reading it: bytes
  /// that are at hand need not be brought.
  virtual bool is_chunk(const ChunkId& id, ByteView plaintext) = 0;

  /// A chunk to be had and what the caller wants to know it by.
  struct Request {
    ChunkRef chunk;
    std::uint64_t tag = 0;
    std::uint64_t offset = 0;
  };
  using Deliver = std::function<Result<>(const Request&, ByteView plaintext)>;
  /// Brings all chunks in whatever order is the fastest, calling `deliver` from several threads at
  /// once. Every plaintext was checked against its id. A chunk that cannot be read calls `missing`
  /// instead and the rest goes on; stops at the first error that either returns.
  using Missing = std::function<Result<>(const Request&, const Error&)>;
  virtual Result<> fetch(std::span<const Request> requests, const Deliver& deliver,
                         const Missing& missing) = 0;

  virtual void report(Problem problem) = 0;
  virtual Progress& progress() = 0;
  virtual const CancelToken& cancel() = 0;
};

/// Reads a content front to back (for small control files, and for hashing).
Result<Bytes> read_content(RestoreReader& reader, const Content& content, std::size_t size_max);

}  // namespace reprieve
