#include "mount/view.hpp"

#include <algorithm>
#include <set>

#include "tree/path.hpp"
#include "tree/tree_codec.hpp"

namespace reprieve::mount {

std::string point_folder(Instant time, const std::string& short_id) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = time.nanoseconds / kSecond;
  if (time.nanoseconds % kSecond < 0) --seconds;
  return format_rfc3339(Instant{seconds * kSecond}) + "-" + short_id;
}

std::vector<std::string> source_folders(const std::vector<std::string>& sources) {
  constexpr std::size_t kNameBytesMax = 200;
  std::set<std::string> taken;
  std::vector<std::string> folders;
  folders.reserve(sources.size());
  for (const std::string& source : sources) {
    std::string name{trimmed_path(source)};
    std::ranges::replace(name, '/', '_');
    if (name.size() > kNameBytesMax) name.resize(kNameBytesMax);
    if (!is_safe_name(name)) name.assign(1, '_');
    std::string unique = name;
    for (unsigned number = 2; !taken.insert(unique).second; ++number) {
      unique = name;
      unique += '~';
      unique += std::to_string(number);
    }
    folders.push_back(std::move(unique));
  }
  return folders;
}

}  // namespace reprieve::mount
