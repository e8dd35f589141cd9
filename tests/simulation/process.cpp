#include "simulation/process.hpp"

namespace reprieve::simulation {

repository::UnlockKey key_of(std::byte key) {
  repository::UnlockKey unlock;
  unlock.key_file_secret = Secret::copy_of(Bytes(32, key));
  return unlock;
}

Process::Process(ChaoticHost& host, VirtualTime& time, const BeforeCall& before, const Start& start)
    : start_{start},
      random_{start.seed},
      clock_{time, start.clock_off},
      store_{std::make_unique<ChaoticStore>(
                 host,
                 [this, &before](StoreCall call, std::string_view key) {
                   return before(*this, call, key);
                 },
                 start.number),
             clock_,
             random_,
             nullptr,
             {.tries = 3}} {}

Result<> Process::open() {
  REPRIEVE_TRY(repository_, repository::Repository::open(store_, key_of(start_.key), random_,
                                                         clock_, {.threads = 1}));
  return kOk;
}

}  // namespace reprieve::simulation
