#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/format.hpp"
#include "base/random.hpp"
#include "io/directory.hpp"
#include "io/file.hpp"
#include "repository/internal/index.hpp"
#include "repository/internal/index_store.hpp"
#include "repository/internal/label.hpp"
#include "repository/repository.hpp"
#include "storage/local/local_store.hpp"

/// What the index of a very large repository costs. In a repository that `reprieve init` made,
///
///   index_scale make REPO KEY-FILE CHUNKS INDEXES CHUNKS-PER-PACK
///   index_scale look REPO KEY-FILE CACHE-FOLDER CHUNKS LOOK-UPS
///
/// "make" stores INDEXES index objects, sealed and signed as a writer's are, of made-up chunks,
/// and their packs as files of the right length without contents, so that the store's listing fits.
/// "look" opens the repository as any command does and asks for chunks that are there and chunks
/// that are not; it prints times and the process's memory after each step. Chunk number i has an id
/// that follows from i alone.
namespace reprieve::repository {
namespace {

constexpr std::uint32_t kFrameBytes = 1024 * 1024;
constexpr std::uint32_t kFramesPerPack = 16;

std::uint64_t mixed(std::uint64_t value) {  // SplitMix64's finisher: a bijection.
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

ChunkId id_of(std::uint64_t number) {
  ChunkId id;
  for (std::size_t word = 0; word < 4; ++word) {
    const std::uint64_t value = mixed(number * 4 + word);
    std::memcpy(id.bytes.data() + word * sizeof value, &value, sizeof value);
  }
  return id;
}

Result<std::unique_ptr<Repository>> open_repository(ObjectStore& store, const std::string& key_file,
                                                    const std::string& cache_folder) {
  REPRIEVE_TRY(const Bytes text, io::read_file(key_file, ByteCount{4096}));
  UnlockKey key;
  REPRIEVE_TRY(key.key_file_secret, parse_key_file(text));
  return Repository::open(store, key, system_random(), system_clock(), {.cache_dir = cache_folder});
}

/// One session's packs: labels, rows and lengths as a writer makes them, but nothing behind them.
class PackMaker {
 public:
  PackMaker(const KeyRing& keys, std::string folder)
      : keys_{keys}, folder_{std::move(folder)}, random_{1} {}

  Result<PackContents> make(const KeyRing::Session& session, const SessionId& id,
                            std::uint64_t first_chunk, std::uint32_t chunks) {
    PackContents pack;
    pack.keys.push_back(session.entry);
    const std::uint32_t per_frame = (chunks + kFramesPerPack - 1) / kFramesPerPack;
    const std::uint32_t length = kFrameBytes / per_frame;
    for (std::uint32_t i = 0; i < chunks; ++i) {
      if (i % per_frame == 0) add_frame(pack, length * per_frame);
      pack.chunks.push_back({.id = id_of(first_chunk + i),
                             .type = ChunkType::kData,
                             .frame = i / per_frame,
                             .offset = i % per_frame * length,
                             .length = length,
                             .children = {}});
    }
    add_label(pack, session, id);
    REPRIEVE_RETURN_IF_ERROR(make_file(pack));
    return pack;
  }

 private:
  void add_frame(PackContents& pack, std::uint32_t raw_length) {
    const auto number = static_cast<std::uint32_t>(pack.frames.size());
    const auto sealed = static_cast<std::uint32_t>(raw_length + crypto::kTagBytes);
    pack.frames.push_back({.offset = number * sealed,
                           .sealed_length = sealed,
                           .raw_length = raw_length,
                           .codec = Codec::kStored,
                           .key = 0,
                           .salt = crypto::random_array<16>(random_)});
  }

  void add_label(PackContents& pack, const KeyRing::Session& session, const SessionId& id) {
    PackLabel label;
    label.repository = keys_.repository_id();
    label.writer = keys_.writer_id();
    label.session = id;
    label.trailer_offset = pack.frames.back().offset + pack.frames.back().sealed_length;
    label.trailer_length = static_cast<std::uint32_t>(60 * pack.chunks.size());
    label.geometry = shard_geometry(label.trailer_offset + label.trailer_length);
    label.keys.push_back(session.entry);
    label.shard_hashes.resize(label.geometry.shards());
    for (crypto::Digest& hash : label.shard_hashes)
      hash = crypto::random_array<32>(random_);
    pack.label = encode_label(label, keys_.signing_key());
    label.label_bytes = pack.label.size();
    pack.id = pack_id_of(pack.label);
    pack.object_bytes = label.object_bytes();
    pack.trailer_length = label.trailer_length;
  }

  Result<> make_file(const PackContents& pack) {
    const std::string hex = pack.id.hex();
    const std::string folder = folder_ + "/pack/" + hex.substr(0, 2);
    std::filesystem::create_directories(folder);
    REPRIEVE_TRY(const io::FileHandle file, io::open_file(folder + "/" + hex, O_WRONLY | O_CREAT));
    if (::ftruncate(file.fd(), static_cast<off_t>(pack.object_bytes)) != 0)
      return error_from_errno(errno, "lengthen a pack");
    return kOk;
  }

  const KeyRing& keys_;
  const std::string folder_;
  SeededRandom random_;
};

Result<> make_indexes(const std::string& folder, const std::string& key_file, std::uint64_t chunks,
                      std::uint64_t indexes, std::uint32_t per_pack) {
  REPRIEVE_TRY(const auto store, LocalStore::open(folder));
  REPRIEVE_TRY(const auto repository, open_repository(*store, key_file, {}));
  const KeyRing& keys = repository->keys();
  PackMaker maker{keys, folder};
  for (std::uint64_t i = 0; i < indexes; ++i) {
    const std::uint64_t last = chunks * (i + 1) / indexes;
    REPRIEVE_TRY(const KeyRing::Session session, keys.new_session(system_random()));
    const auto id = crypto::random_array<32>(system_random());
    std::vector<PackContents> packs;
    for (std::uint64_t first = chunks * i / indexes; first < last; first += per_pack) {
      const auto count =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(per_pack, last - first));
      REPRIEVE_TRY(packs.emplace_back(), maker.make(session, id, first, count));
    }
    REPRIEVE_TRY(const Bytes record, encode_index_record(id, encode_index(packs), keys,
                                                         keys.signing_key(), system_random()));
    REPRIEVE_RETURN_IF_ERROR(store->put(id_key(kIndexPrefix, crypto::sha256(record)), record));
  }
  return store->sync();
}

/// Memory as the kernel counts it, in MiB: RssAnon is the process's own, RssFile are pages of
/// mapped files, which the kernel takes back when it needs them.
void print_memory(std::string_view step, Duration since) {
  const auto text = io::read_text_file("/proc/self/status", ByteCount{1 << 16});
  if (!text) return;
  const auto mebibytes = [&](std::string_view field) {
    const std::size_t at = text->find(field);
    return at == std::string::npos ? 0.0
                                   : static_cast<double>(std::strtoull(
                                         text->c_str() + at + field.size(), nullptr, 10)) /
                                         1024;
  };
  const double seconds = std::chrono::duration<double>(system_clock().uptime() - since).count();
  rusage usage{};
  static_cast<void>(::getrusage(RUSAGE_SELF, &usage));
  const double processor =
      static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
      static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  fmt::print(
      "{:<28} {:8.2f} s   processor until then {:7.2f} s   RssAnon {:6.0f}   RssFile {:6.0f}   "
      "peak RSS {:6.0f} MiB\n",
      step, seconds, processor, mebibytes("RssAnon:"), mebibytes("RssFile:"), mebibytes("VmHWM:"));
  static_cast<void>(std::fflush(stdout));
}

Result<> look(const std::string& folder, const std::string& key_file, const std::string& cache,
              std::uint64_t chunks, std::uint64_t look_ups) {
  Duration began = system_clock().uptime();
  REPRIEVE_TRY(const auto store, LocalStore::open(folder));
  REPRIEVE_TRY(const auto repository, open_repository(*store, key_file, cache));
  const Index& index = repository->index();
  print_memory("open", began);
  fmt::print("{} index objects, {} chunks\n", index.objects().size(), index.chunk_count());
  const auto ask = [&](std::string_view step, std::uint64_t first, bool is_there) -> Result<> {
    began = system_clock().uptime();
    for (std::uint64_t i = 0; i < look_ups; ++i) {
      const auto place = index.find_settled(id_of(first + mixed(i) % chunks));
      if (place.has_value() != is_there)
        return Error{ErrorKind::kCorrupt, "the index does not know what it holds"};
    }
    print_memory(step, began);
    return kOk;
  };
  REPRIEVE_RETURN_IF_ERROR(ask("look up chunks not there", chunks, false));
  REPRIEVE_RETURN_IF_ERROR(ask("look up chunks that are", 0, true));
  began = system_clock().uptime();
  const std::size_t packs = index.packs().size();
  print_memory("list packs", began);
  fmt::print("{} packs, {} look-ups each\n", packs, look_ups);
  return kOk;
}

Result<> run(std::span<char*> arguments) {
  const auto number = [&](std::size_t at) { return std::strtoull(arguments[at], nullptr, 10); };
  const std::string_view verb = arguments.size() == 7 ? arguments[1] : "";
  if (verb == "make")
    return make_indexes(arguments[2], arguments[3], number(4), number(5),
                        static_cast<std::uint32_t>(number(6)));
  if (verb == "look") return look(arguments[2], arguments[3], arguments[4], number(5), number(6));
  return Error{ErrorKind::kInvalid,
               "usage: index_scale make REPO KEY-FILE CHUNKS INDEXES CHUNKS-PER-PACK | "
               "look REPO KEY-FILE CACHE-FOLDER CHUNKS LOOK-UPS"};
}

}  // namespace
}  // namespace reprieve::repository

int main(int count, char** arguments) {
  const auto done = reprieve::repository::run({arguments, static_cast<std::size_t>(count)});
  if (done) return 0;
  fmt::print(stderr, "index_scale: {}\n", done.error().what);
  return 1;
}
