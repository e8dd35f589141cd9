// Serves staged WAL to a server under test, as the command line does: `staged_wal wal fetch --from
// DIR FILE DESTINATION` and `staged_wal wal finish --from DIR`.

#include <cstdio>
#include <string>
#include <vector>

#include "source/postgresql/staged_wal.hpp"

int main(int argc, char** argv) {
  using namespace reprieve;
  const std::vector<std::string> words(argv + 1, argv + argc);
  WalCommandOutcome outcome{kWalDoubt, "wrong usage"};
  if (words.size() == 6 && words[1] == "fetch")
    outcome = fetch_staged(words[3], words[4], words[5]);
  if (words.size() == 4 && words[1] == "finish") outcome = finish_staged(words[3]);
  std::fprintf(stderr, "%s\n", outcome.message.c_str());
  return outcome.exit_status;
}
