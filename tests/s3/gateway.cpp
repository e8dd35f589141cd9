#include "s3/gateway.hpp"

#include <cstdio>
#include <sstream>

#include "base/assert.hpp"
#include "io/process.hpp"

namespace reprieve::test {
namespace {

constexpr const char* kScript = REPRIEVE_TESTS_DIR "/rgw.sh";

}  // namespace

Gateway::Gateway(io::TemporaryFolder folder) : folder_{std::move(folder)} {}

Gateway::~Gateway() {
  io::RunOptions options;
  options.timeout = std::chrono::seconds{60};
  ignore_error(io::run({.argv = {kScript, "stop", folder_.path()}}, options, system_clock()),
               "the folder goes all the same");
}

bool Gateway::start() {
  io::RunOptions options;
  options.timeout = std::chrono::seconds{240};
  const auto started =
      io::run({.argv = {kScript, "start", folder_.path()}}, options, system_clock());
  if (!started || !started->status.is_success()) {
    std::fputs(started ? started->err.c_str() : started.error().what.c_str(), stderr);
    return false;
  }
  std::istringstream{started->out} >> endpoint_ >> access_key_ >> secret_key_;
  return true;
}

Gateway* Gateway::instance() {
  static const std::unique_ptr<Gateway> gateway = []() -> std::unique_ptr<Gateway> {
    auto folder = io::TemporaryFolder::create();
    if (!folder) return nullptr;
    auto made = std::make_unique<Gateway>(*std::move(folder));
    if (!made->start()) return nullptr;
    return made;
  }();
  return gateway.get();
}

s3::ClientOptions Gateway::options(const std::string& bucket, const std::string& prefix) const {
  s3::ClientOptions options;
  options.location.bucket = bucket;
  options.location.prefix = prefix;
  options.location.endpoint = endpoint_;
  options.credentials = {access_key_, Secret::copy_of(as_bytes(secret_key_)), {}};
  options.region = "default";
  return options;
}

std::string Gateway::new_bucket() {
  const std::string name = "bucket-" + std::to_string(++bucket_count_);
  const auto made = s3::Client{options(name)}.send({.method = "PUT"});
  REPRIEVE_ASSERT(made && made->status == 200);
  return name;
}

}  // namespace reprieve::test
