#pragma once

#include <memory>
#include <string>

#include "io/temporary_folder.hpp"
#include "storage/s3/s3_store.hpp"

namespace reprieve::test {

/// A store of Ceph's for this program, started on first use and ended with it; see rgw.sh.
class Gateway {
 public:
  /// Null if this system has no Ceph; the reason was printed.
  static Gateway* instance();
  explicit Gateway(io::TemporaryFolder folder);  ///< Not started; instance() is.
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  /// Options for `bucket` and `prefix` with the store's own account.
  [[nodiscard]] s3::ClientOptions options(const std::string& bucket,
                                          const std::string& prefix = "") const;
  /// A new, empty bucket; its name.
  std::string new_bucket();

 private:
  [[nodiscard]] bool start();

  io::TemporaryFolder folder_;
  std::string endpoint_;
  std::string access_key_;
  std::string secret_key_;
  int bucket_count_ = 0;
};

}  // namespace reprieve::test
