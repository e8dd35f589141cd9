#pragma once

#include "backup/pour.hpp"

namespace reprieve::backup {

/// Writes what is poured into it as a tar archive (tar_header.hpp). The root is "./", names in it
/// carry no "./". A socket is reported to `reader` and left out.
class TarArchive : public EntrySink {
 public:
  /// Both must outlive it. `take` gets pieces of about 1 MiB.
  TarArchive(RestoreReader& reader, const TakeBytes& take) : reader_{reader}, take_{take} {}

  Result<> begin(const std::string& path, const Entry& entry,
                 const std::string& linked_to) override;
  Result<> bytes(ByteView stored) override;
  /// The archive's end. Without it, tar says that the archive was cut off.
  Result<> finish();

  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  /// Of the archive, so far.
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  Result<> put(ByteView bytes);
  Result<> pad();
  Result<> flush();

  RestoreReader& reader_;
  const TakeBytes& take_;
  Bytes buffer_;
  std::uint64_t entries_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace reprieve::backup
