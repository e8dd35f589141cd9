#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/assert.hpp"
#include "repository/chunk_reader.hpp"
#include "repository/repository.hpp"
#include "repository/write_session.hpp"
#include "storage/memory/memory_store.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::repository {

/// For tests: a repository in memory, and runs that back up and restore a few contents.
class TestRepository {
 public:
  using Contents = std::vector<Bytes>;

  explicit TestRepository(std::uint64_t seed = 1) : random{seed} {
    auto key = unlock_key();
    auto created = Repository::create(disk, key, random, clock);
    REPRIEVE_ASSERT(created);
  }

  Result<std::unique_ptr<Repository>> open(ObjectStore& store) {
    auto key = unlock_key();
    return Repository::open(store, key, random, clock, {});
  }
  std::unique_ptr<Repository> open() {
    auto opened = open(disk);
    REPRIEVE_ASSERT(opened);
    return *std::move(opened);
  }

  /// Contents of varied lengths, some compressible, the same for the same seed.
  static Contents contents(std::uint64_t seed, std::size_t count = 24) {
    SeededRandom source{seed};
    Contents all;
    for (std::size_t i = 0; i < count; ++i) {
      Bytes bytes(source.next() % 9000 + 1);
      if (i % 3 == 0) {
        source.fill(bytes);
      } else {
        std::ranges::fill(bytes, std::byte{static_cast<unsigned char>(source.next())});
      }
      all.push_back(std::move(bytes));
    }
    return all;
  }

  static SessionOptions small_packs() {
    SessionOptions options;
    options.threads = 1;
    options.pack_bytes = 24 * 1024;
    options.frame_bytes = 12 * 1024;
    options.index_chunks = 10;
    return options;
  }

  /// Stores the contents and a list of them as the root.
  static Result<Snapshot> back_up(Repository& repository, const Contents& contents,
                                  std::string name, SessionOptions options = small_packs()) {
    Progress progress;
    REPRIEVE_TRY(auto session, WriteSession::begin(repository, options, progress));
    std::vector<ChunkRef> refs;
    std::vector<ChunkId> ids;
    for (const Bytes& content : contents) {
      REPRIEVE_TRY(const ChunkId id, session->put(ChunkType::kData, content));
      refs.push_back({id, static_cast<std::uint32_t>(content.size())});
      ids.push_back(id);
    }
    REPRIEVE_TRY(const ChunkId root, session->put(ChunkType::kList, encode_list(refs), ids));
    Description description;
    description.name = std::move(name);
    return session->commit({root, 1}, {}, description);
  }

  /// What back_up() stored.
  static Result<Contents> restore(const Repository& repository, const Snapshot& snapshot) {
    ChunkReader reader{repository, 2};
    REPRIEVE_TRY(const Bytes list, reader.read(ChunkType::kList, snapshot.root.id, kTreeBytesMax));
    REPRIEVE_TRY(const auto refs, parse_list(list));
    std::vector<ChunkReader::Request> requests;
    for (const ChunkRef& ref : refs)
      requests.push_back({ref, requests.size(), 0});
    std::mutex mutex;
    Contents all(refs.size());
    REPRIEVE_RETURN_IF_ERROR(reader.fetch(
        requests,
        [&](const ChunkReader::Request& request, ByteView bytes) -> Result<> {
          const std::lock_guard lock{mutex};
          all[request.tag] = copy_of(bytes);
          return kOk;
        },
        [](const ChunkReader::Request&, const Error& error) -> Result<> { return error; }, {}));
    return all;
  }

  /// Names of all objects below a prefix.
  std::vector<ObjectKey> objects(std::string_view prefix) {
    std::vector<ObjectKey> keys;
    auto listed = disk.list(prefix, [&](const ObjectInfo& info) -> Result<> {
      keys.push_back(info.key);
      return kOk;
    });
    REPRIEVE_ASSERT(listed);
    return keys;
  }

  static UnlockKey unlock_key() {
    UnlockKey key;
    key.key_file_secret = Secret::copy_of(Bytes(32, std::byte{7}));
    return key;
  }

  MemoryStore disk;
  SeededRandom random;
  ManualClock clock{Instant{1'700'000'000'000'000'000}};
};

}  // namespace reprieve::repository
