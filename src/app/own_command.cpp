#include "app/own_command.hpp"

#include <csignal>

#include "app/json_lines.hpp"
#include "app/workspace.hpp"
#include "io/line_reader.hpp"

namespace reprieve::app {
namespace {

constexpr Duration kSlice = std::chrono::milliseconds{200};

}  // namespace

Result<io::ExitStatus> run_own_command(std::vector<std::string> arguments,
                                       const std::function<void(const Json& object)>& told,
                                       const CancelToken& cancel) {
  io::Command command;
  REPRIEVE_TRY(std::string program, program_path());
  command.argv = {std::move(program), "--json", "--no-progress"};
  command.argv.insert(command.argv.end(), std::make_move_iterator(arguments.begin()),
                      std::make_move_iterator(arguments.end()));
  command.signal_at_our_end = SIGTERM;
  REPRIEVE_TRY(io::Process child,
               io::Process::start(command, {io::ToNull{}, io::ToPipe{}, io::ToParent{}}));
  io::LineReader lines{child.out()};
  bool is_asked = false;
  while (!lines.is_at_end()) {
    auto line = lines.next(kSlice);
    if (!line) break;  // Its end is waited for all the same.
    if (*line)
      if (const auto object = parse_json(**line); object && object->is_object()) told(*object);
    if (!is_asked && cancel.is_requested()) {
      is_asked = true;
      ignore_error(child.signal(SIGTERM), "it may have ended by itself");
    }
  }
  return child.wait();
}

Failure failure_of(const Json& last, const Result<io::ExitStatus>& status) {
  if (!status) return {status.error().what, status.error().hint};
  if (last.is_object() && text_of(last, "schema") == "reprieve.error/1")
    return {text_of(last, "error"), text_of(last, "hint")};
  return {"the command ended with " + status->text(), ""};
}

}  // namespace reprieve::app
