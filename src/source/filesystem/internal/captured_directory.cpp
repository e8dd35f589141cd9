#include "source/filesystem/internal/captured_directory.hpp"

namespace reprieve::filesystem {

std::string CapturedDirectory::relative_path() const {
  std::vector<const DirectoryNode*> chain;
  for (const DirectoryNode* at = this; !at->is_root; at = at->parent.get())
    chain.push_back(at);
  std::string out;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    if (!out.empty()) out += '/';
    out += (*at)->name;
  }
  return out;
}

}  // namespace reprieve::filesystem
