#pragma once

#include <list>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "io/process.hpp"
#include "recovery/host.hpp"

namespace reprieve::recovery {

/// The machine that this process runs on. Children are kept below the state folder.
class LocalHost : public Host {
 public:
  /// `shim` is how the shim is started: {"/usr/bin/reprieve", "shim"}. `clock` must outlive this.
  LocalHost(std::string state_dir, std::vector<std::string> shim, Clock& clock);

  Result<> start(const ChildKey& key, const HostCommand& command) override;
  Result<ChildView> look(const ChildKey& key) override;
  Result<> abandon(const ChildKey& key) override;
  Result<> signal_child(const ChildKey& key, int signal) override;
  Result<std::string> output_head(const ChildKey& key, OutputStream stream,
                                  std::size_t limit) override;
  Result<std::string> output_tail(const ChildKey& key, OutputStream stream,
                                  std::size_t limit) override;
  Result<ShortResult> run_short(const HostCommand& command, Duration timeout) override;

  Result<std::optional<ProcessName>> find_process(const ProcessQuery& query) override;
  Result<bool> is_alive(const ProcessName& process) override;
  Result<> signal_process(const ProcessName& process, int signal) override;

  Result<PathView> look_at_path(const std::string& path) override;
  Result<std::vector<std::string>> users_of(const std::string& path) override;
  Result<> exchange(const std::string& a, const std::string& b) override;
  Result<> move_to_free_name(const std::string& from, const std::string& to) override;

  Result<Instant> now() override { return clock_.now(); }
  [[nodiscard]] std::string name() const override;

 private:
  Result<std::string> folder_of(const ChildKey& key) const;
  void reap();

  const std::string state_dir_;
  const std::vector<std::string> shim_;
  Clock& clock_;
  std::list<io::Process> shims_;  ///< Those of this process, so that none stays a zombie.
};

}  // namespace reprieve::recovery
