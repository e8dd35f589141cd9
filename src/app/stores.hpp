#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/cancel.hpp"
#include "crypto/secret.hpp"
#include "storage/object_store.hpp"
#include "storage/s3/s3_store.hpp"

namespace reprieve::app {

/// An account that the plan names.
struct StoreAccount {
  Secret access_key;
  Secret secret_key;
};

/// Where a repository lies and how to get there.
struct StorePlace {
  std::string location;  ///< An absolute path or an s3: URL.
  std::optional<StoreAccount> account;
  const CancelToken* cancel = nullptr;  ///< Must outlive the store. May be null.
};

/// The store that is there; passing failures are tried again. A folder must exist; a bucket is
/// asked by the first call. Errors: kNotFound, kDenied, kInvalid.
Result<std::unique_ptr<ObjectStore>> open_store(const StorePlace& place);

/// The same for a new repository: a new or empty folder or prefix becomes a store, one with an
/// unfinished `init` is taken up again. Errors: kConflict if something else is there; kInvalid if
/// the store cannot keep two writers apart.
Result<std::unique_ptr<ObjectStore>> make_store(const StorePlace& place);

/// The S3 store at a place whose location is an s3: URL, without retries: for a look at the store.
Result<std::unique_ptr<S3Store>> open_s3(const StorePlace& place);

}  // namespace reprieve::app
