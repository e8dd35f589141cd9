#include "storage/s3/s3_store.hpp"

#include <algorithm>
#include <charconv>

#include "crypto/crypto.hpp"
#include "storage/key.hpp"
#include "storage/s3/answer.hpp"

namespace reprieve {
namespace {

using s3::Call;

constexpr std::uint64_t kObjectBytesMax = 5ULL << 30U;  // Of one PUT.
constexpr std::size_t kPageBytesMax = 8 * 1024 * 1024;  // A page of 1000 names has less than 2 MiB.
/// Not a valid key, so list() passes it over.
constexpr std::string_view kProbeName = "_probe/conditional-create";

bool is_success(const io::HttpResponse& answer) {
  return answer.status >= 200 && answer.status < 300;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error not_understood(const Call& call, std::string_view why) {
  return {ErrorKind::kTransient,
          call.method + " " + call.key + ": the answer is not S3's: " + std::string{why},
          "Check the endpoint, and whether a proxy answers in its place."};
}

std::string name_of_mode(s3::LockMode mode) {
  return mode == s3::LockMode::kCompliance ? "COMPLIANCE" : "GOVERNANCE";
}

/// Whole seconds: some stores refuse fractions.
std::string format_lock_date(Instant until) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return format_rfc3339(Instant{(until.nanoseconds + kSecond - 1) / kSecond * kSecond});
}

/// A store takes no lock with bytes that may have been changed on the way.
void add_digest(Call& call) {
  call.headers.emplace_back("x-amz-checksum-sha256", crypto::base64(crypto::sha256(call.body)));
}

}  // namespace

S3Store::S3Store(s3::ClientOptions options, IsLocked is_locked)
    : clock_{*options.clock}, client_{std::move(options)}, is_locked_{std::move(is_locked)} {}

std::string S3Store::name_of(std::string_view key) const {
  const std::string& prefix = client_.location().prefix;
  return prefix.empty() ? std::string{key} : prefix + "/" + std::string{key};
}

Call S3Store::write_call(std::string_view key, ByteView body) const {
  Call call{.method = "PUT", .key = name_of(key), .body = body};
  const std::string& storage_class = client_.location().storage_class;
  if (!storage_class.empty()) call.headers.emplace_back("x-amz-storage-class", storage_class);
  const auto& lock = client_.location().lock;
  if (!lock || !is_locked_(key)) return call;
  call.headers.emplace_back("x-amz-object-lock-mode", name_of_mode(lock->mode));
  call.headers.emplace_back("x-amz-object-lock-retain-until-date",
                            format_lock_date(clock_.now() + lock->period));
  add_digest(call);
  return call;
}

Result<bool> S3Store::creates_conditionally() {
  const std::lock_guard lock{mutex_};
  if (creates_conditionally_) return *creates_conditionally_;
  Call call{.method = "PUT", .key = name_of(kProbeName), .body = as_bytes("reprieve\n")};
  call.headers.emplace_back("if-none-match", "*");
  // The first time ever the object is made; the second answer is the proof.
  for (int i = 0; i < 2 && !creates_conditionally_; ++i) {
    REPRIEVE_TRY(const auto answer, client_.send(call));
    if (answer.status == 412)
      creates_conditionally_ = true;
    else if (answer.status == 501)
      creates_conditionally_ = false;
    else if (!is_success(answer))
      return client_.refused(call, answer);
  }
  if (!creates_conditionally_) creates_conditionally_ = false;
  return *creates_conditionally_;
}

Result<> S3Store::check_writers_are_apart() {
  if (client_.location().has_one_writer) return kOk;
  REPRIEVE_TRY(const bool is_conditional, creates_conditionally());
  if (is_conditional) return kOk;
  return Error{ErrorKind::kInvalid,
               describe() + ": this store overwrites where it was told only to create",
               "Use a store that honours If-None-Match, or add writers=one to the URL and never "
               "let two programs write at the same time."};
}

Result<> S3Store::put(const ObjectKey& key, ByteView body) {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  if (body.size() > kObjectBytesMax)
    return object_too_large(key, ByteCount{body.size()}, ByteCount{kObjectBytesMax});
  Call call = write_call(key, body);
  if (client_.location().has_one_writer) {
    auto there = stat(key);
    if (there) return keep_if_same(key, body);
    if (there.error().kind != ErrorKind::kNotFound) return std::move(there).error();
  } else {
    REPRIEVE_RETURN_IF_ERROR(check_writers_are_apart());
    call.headers.emplace_back("if-none-match", "*");
  }
  REPRIEVE_TRY(const auto answer, client_.send(call));
  if (answer.status == 412) return keep_if_same(key, body);
  if (!is_success(answer)) return client_.refused(call, answer);
  return kOk;
}

/// The object is there: an earlier try of ours whose answer was lost, or somebody else's.
Result<> S3Store::keep_if_same(const ObjectKey& key, ByteView body) {
  auto there = get(key, ByteCount{body.size()});
  if (!there && there.error().kind == ErrorKind::kExhausted) return other_bytes_stored(key);
  if (!there && there.error().kind == ErrorKind::kNotFound)
    return Error{ErrorKind::kTransient, key + ": was removed while it was written"};
  if (!there) return std::move(there).error();
  return std::ranges::equal(*there, body) ? Result<>{kOk} : other_bytes_stored(key);
}

Result<Bytes> S3Store::get(const ObjectKey& key, ByteRange range) {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  return read_range({.method = "GET", .key = name_of(key)}, key, range);
}

Result<Bytes> S3Store::get(const ObjectKey& key, ByteCount size_max) {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  return read_whole({.method = "GET", .key = name_of(key)}, key, size_max);
}

Result<Bytes> S3Store::get_version(const Version& version, ByteRange range) {
  REPRIEVE_RETURN_IF_ERROR(check_range(version.key, range, version.size));
  if (range.length.value == 0) return Bytes{};
  return read_range(
      {.method = "GET", .key = name_of(version.key), .query = {{"versionId", version.id}}},
      version.key, range);
}

Result<Bytes> S3Store::get_version(const Version& version, ByteCount size_max) {
  return read_whole(
      {.method = "GET", .key = name_of(version.key), .query = {{"versionId", version.id}}},
      version.key, size_max);
}

Result<Bytes> S3Store::read_range(Call call, const ObjectKey& key, ByteRange range) {
  const std::uint64_t offset = range.offset.value;
  const std::uint64_t length = range.length.value;
  // An empty range cannot be asked for, and a huge one need not be.
  if (length == 0 || offset > kObjectBytesMax || length > kObjectBytesMax) {
    REPRIEVE_TRY(const ObjectInfo object, stat(key));
    REPRIEVE_RETURN_IF_ERROR(check_range(key, range, object.size));
    if (length == 0) return Bytes{};
  }
  call.headers.emplace_back(
      "range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1));
  call.answer_bytes_max = length;
  REPRIEVE_TRY(auto answer, client_.send(call));
  if (answer.status == 404 && s3::parse_refusal(answer.body).code != "NoSuchBucket")
    return no_such_object(key);
  if (answer.status == 416) {
    REPRIEVE_TRY(const ObjectInfo object, stat(key));
    REPRIEVE_RETURN_IF_ERROR(check_range(key, range, object.size));
    return not_understood(call, "it refuses a range that is there");
  }
  if (!is_success(answer)) return client_.refused(call, answer);
  // "bytes 3-6/10": the store cuts a range at the object's end.
  const std::string content = answer.header("content-range");
  const auto size = number(std::string_view{content}.substr(content.find('/') + 1));
  if (answer.status == 206 && size) REPRIEVE_RETURN_IF_ERROR(check_range(key, range, {*size}));
  if (answer.status != 206 || !size ||
      !content.starts_with("bytes " + std::to_string(offset) + "-"))
    return not_understood(call, "a range was asked for and not given");
  if (answer.body.size() != length || answer.is_truncated)
    return not_understood(call, "its length is wrong");
  return std::move(answer.body);
}

Result<Bytes> S3Store::read_whole(Call call, const ObjectKey& key, ByteCount size_max) {
  call.answer_bytes_max = size_max.value;
  REPRIEVE_TRY(auto answer, client_.send(call));
  if (answer.status == 404 && s3::parse_refusal(answer.body).code != "NoSuchBucket")
    return no_such_object(key);
  if (!is_success(answer)) return client_.refused(call, answer);
  if (answer.status != 200) return not_understood(call, "a part was given for the whole");
  if (answer.is_truncated || answer.body.size() > size_max.value) {
    const auto announced = number(answer.header("content-length"));
    return object_too_large(key, ByteCount{announced.value_or(answer.body.size())}, size_max);
  }
  return std::move(answer.body);
}

Result<ObjectInfo> S3Store::stat(const ObjectKey& key) {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  const Call call{.method = "HEAD", .key = name_of(key)};
  REPRIEVE_TRY(const auto answer, client_.send(call));
  if (answer.status == 404) return no_such_object(key);
  if (!is_success(answer)) return client_.refused(call, answer);
  const auto size = number(answer.header("content-length"));
  if (!size) return not_understood(call, "it does not tell the object's size");
  return ObjectInfo{key, ByteCount{*size}};
}

Result<> S3Store::list_page(const Call& call, const Visit& visit, ObjectKey& last,
                            std::string& next) {
  REPRIEVE_TRY(const auto answer, client_.send(call));
  if (!is_success(answer)) return client_.refused(call, answer);
  if (answer.is_truncated) return not_understood(call, "it is too long");
  auto page = s3::parse_list_page(answer.body);
  if (!page) return not_understood(call, page.error().what);
  const std::string prefix = name_of("");
  for (const s3::ListedObject& object : page->objects) {
    if (!object.key.starts_with(prefix))
      return not_understood(call, "an object that was not meant");
    const ObjectKey key = object.key.substr(prefix.size());
    if (!is_valid_key(key)) continue;
    if (!last.empty() && key <= last)
      return Error{ErrorKind::kInvalid, describe() + ": this store does not list in key order",
                   "Use a general purpose bucket; directory buckets cannot hold a repository."};
    last = key;
    REPRIEVE_RETURN_IF_ERROR(visit({key, ByteCount{object.size}}));
  }
  next = std::move(page->next);
  return kOk;
}

Result<> S3Store::list(std::string_view prefix, const Visit& visit) {
  REPRIEVE_RETURN_IF_ERROR(check_list_prefix(prefix));
  ObjectKey last;
  std::string next;
  do {
    Call call{.method = "GET"};
    call.query = {{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", name_of(prefix)}};
    if (!next.empty()) call.query.emplace_back("continuation-token", next);
    call.answer_bytes_max = kPageBytesMax;
    REPRIEVE_RETURN_IF_ERROR(list_page(call, visit, last, next));
  } while (!next.empty());
  return kOk;
}

Result<> S3Store::replace_damaged(const ObjectKey& key, ByteView body) {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  const Call call = write_call(key, body);
  REPRIEVE_TRY(const auto answer, client_.send(call));
  if (!is_success(answer)) return client_.refused(call, answer);
  return kOk;
}

Result<> S3Store::remove(const ObjectKey& key) {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  if (client_.location().lock) return remove_versions(key);
  const Call call{.method = "DELETE", .key = name_of(key)};
  REPRIEVE_TRY(const auto answer, client_.send(call));
  const bool is_absent =
      answer.status == 404 && s3::parse_refusal(answer.body).code != "NoSuchBucket";
  if (is_success(answer) || is_absent) return kOk;
  return client_.refused(call, answer);
}

/// The oldest first: as long as one stays, the object is there as it was.
Result<> S3Store::remove_versions(const ObjectKey& key) {
  std::vector<Version> versions;
  const auto keep = [&](Version version) -> Result<> {
    if (version.key == key) versions.push_back(std::move(version));
    return kOk;
  };
  REPRIEVE_RETURN_IF_ERROR(list_versions(key, keep));
  for (auto version = versions.rbegin(); version != versions.rend(); ++version)
    REPRIEVE_RETURN_IF_ERROR(remove_version(*version));
  return kOk;
}

Result<> S3Store::remove_version(const Version& version) {
  const Call call{
      .method = "DELETE", .key = name_of(version.key), .query = {{"versionId", version.id}}};
  REPRIEVE_TRY(const auto answer, client_.send(call));
  if (is_success(answer) || answer.status == 404) return kOk;
  Error error = client_.refused(call, answer);
  if (error.kind != ErrorKind::kDenied) return error;
  const auto lock = lock_of_call(
      {.method = "HEAD", .key = call.key, .query = {{"versionId", version.id}}}, version.key);
  if (!lock || !*lock || (*lock)->until < clock_.now()) return error;
  return Error{ErrorKind::kDenied,
               version.key + ": locked until " + format_lock_date((*lock)->until),
               "Nobody needs it; remove it when the lock has ended."};
}

Result<std::optional<ObjectLock>> S3Store::lock_of(const ObjectKey& key) {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  return lock_of_call({.method = "HEAD", .key = name_of(key)}, key);
}

Result<std::optional<ObjectLock>> S3Store::lock_of_call(const Call& call, const ObjectKey& key) {
  REPRIEVE_TRY(const auto answer, client_.send(call));
  if (answer.status == 404) return no_such_object(key);
  if (!is_success(answer)) return client_.refused(call, answer);
  const std::string mode = answer.header("x-amz-object-lock-mode");
  const auto until = parse_rfc3339(answer.header("x-amz-object-lock-retain-until-date"));
  if (!until || (mode != "COMPLIANCE" && mode != "GOVERNANCE")) return std::optional<ObjectLock>{};
  return std::optional{ObjectLock{
      mode == "COMPLIANCE" ? s3::LockMode::kCompliance : s3::LockMode::kGovernance, *until}};
}

Result<> S3Store::set_lock(const ObjectKey& key, const ObjectLock& lock) {
  REPRIEVE_RETURN_IF_ERROR(check_key(key));
  const std::string body = "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>" +
                           name_of_mode(lock.mode) + "</Mode><RetainUntilDate>" +
                           format_lock_date(lock.until) + "</RetainUntilDate></Retention>";
  Call call{
      .method = "PUT", .key = name_of(key), .query = {{"retention", ""}}, .body = as_bytes(body)};
  add_digest(call);
  REPRIEVE_TRY(const auto answer, client_.send(call));
  if (answer.status == 404) return no_such_object(key);
  if (!is_success(answer)) return client_.refused(call, answer);
  return kOk;
}

Result<> S3Store::list_versions(std::string_view prefix,
                                const std::function<Result<>(Version)>& visit) {
  const std::string all = name_of("");
  s3::VersionPage page;
  do {
    Call call{.method = "GET"};
    call.query = {{"versions", ""}, {"encoding-type", "url"}, {"prefix", name_of(prefix)}};
    if (!page.next_key.empty()) call.query.emplace_back("key-marker", page.next_key);
    if (!page.next_version.empty()) call.query.emplace_back("version-id-marker", page.next_version);
    call.answer_bytes_max = kPageBytesMax;
    REPRIEVE_TRY(const auto answer, client_.send(call));
    if (!is_success(answer)) return client_.refused(call, answer);
    if (answer.is_truncated) return not_understood(call, "it is too long");
    auto parsed = s3::parse_version_page(answer.body);
    if (!parsed) return not_understood(call, parsed.error().what);
    if (!parsed->next_key.empty() && parsed->next_key == page.next_key &&
        parsed->next_version == page.next_version)
      return not_understood(call, "it goes on where it began");
    page = *std::move(parsed);
    for (s3::ListedVersion& version : page.versions) {
      if (!version.key.starts_with(all))
        return not_understood(call, "an object that was not meant");
      ObjectKey key = version.key.substr(all.size());
      if (!is_valid_key(key)) continue;
      REPRIEVE_RETURN_IF_ERROR(visit({std::move(key), std::move(version.id),
                                      ByteCount{version.size}, version.is_delete_marker}));
    }
  } while (!page.next_key.empty());
  return kOk;
}

Result<BucketFacts> S3Store::facts() {
  BucketFacts facts;
  const Call versioning{.method = "GET", .query = {{"versioning", ""}}};
  REPRIEVE_TRY(const auto versions, client_.send(versioning));
  if (versions.status == 404) return client_.refused(versioning, versions);
  facts.clock_skew = s3::clock_skew(versions, system_clock().now());
  if (is_success(versions))
    facts.is_versioned = s3::text_in_answer(versions.body, "Status") == "Enabled";
  const Call locking{.method = "GET", .query = {{"object-lock", ""}}};
  REPRIEVE_TRY(const auto lock, client_.send(locking));
  if (is_success(lock))
    facts.has_object_lock = s3::text_in_answer(lock.body, "ObjectLockEnabled") == "Enabled";
  else if (lock.status == 404)
    facts.has_object_lock = false;
  return facts;
}

}  // namespace reprieve
