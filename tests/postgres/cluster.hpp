#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "io/process.hpp"
#include "io/temporary_folder.hpp"
#include "source/postgresql/connection.hpp"

namespace reprieve::test {

/// The programs of one PostgreSQL version, provided on first use; nothing if this system cannot.
std::optional<std::string> programs_of(int version);

/// A folder that the server's user can enter, removed at the end.
Result<io::TemporaryFolder> shared_folder();

/// The user that servers run as: `postgres` if we are root, else ourselves (empty).
std::string server_user();

/// Runs a program as the server's user; its output. Errors: kInvalid, with the output, if it fails.
Result<std::string> run_as_server(std::vector<std::string> argv);

/// A server of ours: its data directory, its port. Stopped at the end, and only if the process is
/// what we started.
class Cluster {
 public:
  struct Options {
    std::vector<std::string> initdb = {"-k"};
    std::string configuration = "";  ///< Added to postgresql.conf.
  };

  /// A new cluster in `folder`/`name`, not started.
  static Result<Cluster> create(std::string programs, const std::string& folder,
                                const std::string& name, const Options& options);
  /// One that a restore made: started where it is, with this server's own port and sockets.
  static Cluster adopt(std::string programs, const std::string& folder, std::string data_directory);

  Cluster(Cluster&&) = default;
  Cluster& operator=(Cluster&&) = default;
  ~Cluster();

  /// `options` are added to the server's command line.
  Result<> start(const std::string& options = "");
  Result<> stop();
  /// Waits until a query answers with `wanted`.
  Result<> await(const std::string& query, std::string_view wanted) const;
  /// Waits until recovery is over.
  Result<> await_writable() const;

  [[nodiscard]] const std::string& data_directory() const { return data_directory_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// As the superuser over the socket, or as `user` over TCP.
  [[nodiscard]] std::string uri() const;
  [[nodiscard]] std::string tcp_uri(const std::string& user) const;
  /// Runs statements and returns the first column of the first row of the last one, or "".
  Result<std::string> sql(const std::string& statements) const;
  [[nodiscard]] std::string log() const;

 private:
  Cluster(std::string programs, std::string folder, std::string data_directory);
  std::string programs_;
  std::string folder_;  ///< Sockets and logs.
  std::string data_directory_;
  std::uint16_t port_ = 0;
  bool is_started_ = false;
};

/// A loopback port that nobody listens on now.
Result<std::uint16_t> free_port();

}  // namespace reprieve::test
