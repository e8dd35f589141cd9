#include "app/json_lines.hpp"

#include <fcntl.h>

#include <algorithm>

#include "io/durable_file.hpp"
#include "io/file.hpp"

namespace reprieve::app {
namespace {

constexpr ByteCount kFileMax{64 * 1024 * 1024};

}  // namespace

std::string repository_folder(const std::string& state_dir, std::string_view repository_hex) {
  return state_dir + "/repositories/" + std::string{repository_hex};
}

std::string repository_file(const std::string& state_dir, std::string_view repository_hex,
                            std::string_view name) {
  return repository_folder(state_dir, repository_hex) + "/" + std::string{name};
}

void visit_lines(const std::string& path, const std::function<void(const Json& line)>& visit) {
  const auto text = io::read_text_file(path, kFileMax);
  if (!text) return;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const auto json = parse_json(rest.substr(0, end));
    if (json && json->is_object()) visit(*json);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

Result<> append_line(const std::string& path, const Json& line) {
  REPRIEVE_RETURN_IF_ERROR(io::create_directories_durably(io::parent_of(path)));
  REPRIEVE_TRY(const io::FileHandle file, io::open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0600));
  REPRIEVE_RETURN_IF_ERROR(io::write_all(file, as_bytes(to_text(line) + "\n")));
  return io::sync_data(file);
}

std::string text_of(const Json& line, const char* member) {
  const auto found = line.find(member);
  return found != line.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace reprieve::app
