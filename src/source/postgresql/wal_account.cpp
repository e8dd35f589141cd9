#include "source/postgresql/wal_account.hpp"

#include <algorithm>
#include <utility>

namespace reprieve {
namespace {

std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  return a && b ? std::min(a, b) : a ? a : b;
}

}  // namespace

void WalAccount::add(const WalEvent& event) {
  if (event.kind == WalEvent::Kind::kRestorePoint) {
    restore_points.push_back({event.name, event.end, event.time});
  } else if (event.kind == WalEvent::Kind::kCommit) {
    ++commits;
    first_commit = earlier(first_commit, event.time);
    last_commit = std::max(last_commit, std::optional{event.time});
  }
}

void WalAccount::add(const WalAccount& next) {
  commits += next.commits;
  first_commit = earlier(first_commit, next.first_commit);
  last_commit = std::max(last_commit, next.last_commit);
  restore_points.insert(restore_points.end(), next.restore_points.begin(),
                        next.restore_points.end());
  is_proved = is_proved && next.is_proved;
  if (!next.doubt.empty()) doubt = next.doubt;
}

WalAccount WalAccountant::read(Lsn from, ByteView bytes) {
  if (from != position_) scanner_.reset();
  position_ = from;
  while (!bytes.empty()) {
    const std::uint64_t left = segment_size_ - position_.value % segment_size_;
    const auto part =
        bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left)));
    read_in_segment(part);
    bytes = bytes.subspan(part.size());
  }
  return std::exchange(account_, {});
}

void WalAccountant::read_in_segment(ByteView bytes) {
  if (!scanner_ && position_.value % segment_size_ == 0)
    scanner_.emplace(position_, segment_size_, page_size_,
                     [this](const WalEvent& event) { account_.add(event); });
  if (scanner_) {
    if (auto fed = scanner_->feed(bytes); !fed) {
      account_.doubt = fed.error().what;
      scanner_.reset();
    }
  }
  if (!scanner_) account_.is_proved = false;
  position_ = Lsn{position_.value + bytes.size()};
}

}  // namespace reprieve
