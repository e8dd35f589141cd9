#include "source/postgresql/base_backup.hpp"

#include <charconv>

#include "source/postgresql/internal/libpq_wait.hpp"

namespace reprieve {
namespace {

constexpr std::size_t kNoticesMax = 1000;
constexpr int kTablespacesMax = 100'000;
/// The checkpoint that a backup begins with may be a spread one, in which the server says nothing.
constexpr Duration kCheckpointMax = std::chrono::hours{2};

/// While data flow, only a stalled disk of the server makes it pause.
Duration pause_limit(const Connection& connection) {
  return 2 * connection.silence_limit();
}

Error corrupt(std::string what) {
  return Error{ErrorKind::kCorrupt, "base backup: " + std::move(what)};
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

std::optional<std::string> cell(const PgResult& result, int row, int column) {
  if (row >= PQntuples(result.get()) || column >= PQnfields(result.get()) ||
      PQgetisnull(result.get(), row, column) != 0)
    return std::nullopt;
  return std::string{PQgetvalue(result.get(), row, column),
                     static_cast<std::size_t>(PQgetlength(result.get(), row, column))};
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The one row of a position and its timeline with which a backup begins and ends.
Result<std::pair<Lsn, std::uint32_t>> parse_position(const PgResult& result) {
  const auto lsn = parse_lsn(cell(result, 0, 0).value_or(""));
  const auto timeline = parse_number(cell(result, 0, 1).value_or(""));
  if (!lsn || !timeline || *timeline == 0 || *timeline > UINT32_MAX)
    return corrupt("the server named no position");
  return std::pair{*lsn, static_cast<std::uint32_t>(*timeline)};
}

/// Everything of one COPY until its end, given to `take`.
template <class Take>
Result<> drain(Connection& connection, const CancelToken& cancel, const Take& take) {
  while (true) {
    REPRIEVE_TRY(const auto message, next_message(connection, cancel, pause_limit(connection)));
    if (!message) return kOk;
    REPRIEVE_RETURN_IF_ERROR(take(message->bytes()));
  }
}

Result<> expect_copy(Connection& connection, const CancelToken& cancel) {
  REPRIEVE_TRY(const PgResult result, next_result(connection, cancel, pause_limit(connection)));
  if (PQresultStatus(result.get()) != PGRES_COPY_OUT)
    return error_of(result, connection, "BASE_BACKUP");
  return kOk;
}

}  // namespace

std::string base_backup_command(int version, const BaseBackupRequest& request) {
  const bool is_limited = request.max_rate_kib != 0;
  const std::string rate = std::to_string(request.max_rate_kib);
  if (version < 150000)
    return "BASE_BACKUP LABEL " + quoted(request.label) + " PROGRESS" +
           (request.is_fast ? " FAST" : "") + " NOWAIT" + (is_limited ? " MAX_RATE " + rate : "") +
           " TABLESPACE_MAP" + (request.is_verifying_checksums ? "" : " NOVERIFY_CHECKSUMS") +
           " MANIFEST 'yes' MANIFEST_CHECKSUMS 'SHA256'";
  return "BASE_BACKUP (LABEL " + quoted(request.label) + ", PROGRESS, CHECKPOINT '" +
         (request.is_fast ? "fast" : "spread") + "', WAIT false, TABLESPACE_MAP" +
         (is_limited ? ", MAX_RATE " + rate : "") + ", VERIFY_CHECKSUMS " +
         (request.is_verifying_checksums ? "true" : "false") +
         ", MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')";
}

Result<BackupMessage> parse_backup_message(ByteView message) {
  if (message.empty()) return corrupt("an empty message");
  BackupMessage parsed;
  const ByteView rest = message.subspan(1);
  switch (static_cast<char>(message[0])) {
    case 'd':
      parsed.data = rest;
      return parsed;
    case 'm':
      parsed.kind = BackupMessage::Kind::kManifest;
      return parsed;
    case 'p':
      parsed.kind = BackupMessage::Kind::kProgress;
      return parsed;
    case 'n': {
      parsed.kind = BackupMessage::Kind::kArchive;
      const std::string_view text = as_text(rest);
      const std::size_t end = text.find('\0');
      if (end == std::string_view::npos || !text.ends_with('\0'))
        return corrupt("an archive without a name");
      std::string_view name = text.substr(0, end);
      if (!name.ends_with(".tar")) return corrupt("an archive that is no tar file");
      name.remove_suffix(4);
      if (name == "base") return parsed;
      parsed.tablespace = parse_oid(name);
      if (!parsed.tablespace) return corrupt("an archive with an unknown name");
      return parsed;
    }
    default:
      return corrupt("a message of unknown type");
  }
}

BaseBackup::BaseBackup(Connection& connection)
    : connection_{&connection}, notices_{std::make_unique<Notices>()} {
  const auto keep = [](void* notices, const PGresult* notice) {
    auto& texts = static_cast<Notices*>(notices)->texts;
    const char* const text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    if (text != nullptr && texts.size() < kNoticesMax) texts.emplace_back(text);
  };
  PQsetNoticeReceiver(connection.handle(), keep, notices_.get());
}

BaseBackup::BaseBackup(BaseBackup&&) noexcept = default;

BaseBackup::~BaseBackup() {
  if (!notices_) return;  // Moved from.
  PQsetNoticeReceiver(
      connection_->handle(), [](void*, const PGresult*) {}, nullptr);
}

Result<BaseBackup> BaseBackup::begin(Connection& connection, const BaseBackupRequest& request,
                                     const CancelToken& cancel) {
  BaseBackup backup{connection};
  const std::string command = base_backup_command(connection.version(), request);
  if (PQsendQuery(connection.handle(), command.c_str()) == 0)
    return connection.failure("BASE_BACKUP");
  REPRIEVE_RETURN_IF_ERROR(backup.read_start(cancel));
  return backup;
}

Result<> BaseBackup::read_start(const CancelToken& cancel) {
  REPRIEVE_TRY(const PgResult position, next_result(*connection_, cancel, kCheckpointMax));
  if (PQresultStatus(position.get()) != PGRES_TUPLES_OK)
    return error_of(position, *connection_, "BASE_BACKUP");
  REPRIEVE_TRY(const auto begun, parse_position(position));
  start_.start = begun.first;
  start_.timeline = begun.second;
  REPRIEVE_TRY(const PgResult rows, next_result(*connection_, cancel, pause_limit(*connection_)));
  if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK)
    return error_of(rows, *connection_, "BASE_BACKUP");
  const int row_count = PQntuples(rows.get());
  if (row_count > kTablespacesMax) return corrupt("too many tablespaces");
  for (int row = 0; row < row_count; ++row) {
    const std::uint64_t kib = parse_number(cell(rows, row, 2).value_or("0")).value_or(0);
    start_.size_bytes += kib * 1024;
    const auto oid_text = cell(rows, row, 0);
    if (!oid_text) {
      archives_.emplace_back();
      continue;
    }
    const auto oid = parse_oid(*oid_text);
    if (!oid) return corrupt("a tablespace without a number");
    archives_.emplace_back(*oid);
    start_.tablespaces.push_back({*oid, cell(rows, row, 1).value_or("")});
  }
  return kOk;
}

Result<BaseBackupEnd> BaseBackup::receive(BaseBackupVisitor& visitor, const CancelToken& cancel) {
  REPRIEVE_RETURN_IF_ERROR(connection_->version() < 150000 ? receive_separate(visitor, cancel)
                                                           : receive_joined(visitor, cancel));
  return read_end(cancel);
}

Result<> BaseBackup::receive_separate(BaseBackupVisitor& visitor, const CancelToken& cancel) {
  for (const auto& tablespace : archives_) {
    REPRIEVE_RETURN_IF_ERROR(expect_copy(*connection_, cancel));
    REPRIEVE_RETURN_IF_ERROR(visitor.begin_archive(tablespace));
    TarParser parser{visitor};
    REPRIEVE_RETURN_IF_ERROR(
        drain(*connection_, cancel, [&](ByteView bytes) { return parser.feed(bytes); }));
    if (auto whole = parser.finish(); !whole) return cut_off(std::move(whole).error(), cancel);
  }
  REPRIEVE_RETURN_IF_ERROR(expect_copy(*connection_, cancel));
  return drain(*connection_, cancel, [&](ByteView bytes) { return visitor.manifest(bytes); });
}

Result<> BaseBackup::receive_joined(BaseBackupVisitor& visitor, const CancelToken& cancel) {
  REPRIEVE_RETURN_IF_ERROR(expect_copy(*connection_, cancel));
  std::optional<TarParser> archive;
  bool is_manifest = false;
  std::size_t archive_count = 0;
  const auto take = [&](ByteView bytes) -> Result<> {
    REPRIEVE_TRY(const BackupMessage message, parse_backup_message(bytes));
    switch (message.kind) {
      case BackupMessage::Kind::kProgress:
        return kOk;
      case BackupMessage::Kind::kData:
        if (is_manifest) return visitor.manifest(message.data);
        if (!archive) return corrupt("data before the first archive");
        return archive->feed(message.data);
      case BackupMessage::Kind::kManifest:
      case BackupMessage::Kind::kArchive:
        if (is_manifest) return corrupt("something follows the manifest");
        if (archive) REPRIEVE_RETURN_IF_ERROR(archive->finish());
        archive.reset();
        if (message.kind == BackupMessage::Kind::kManifest) {
          is_manifest = true;
          return kOk;
        }
        if (++archive_count > archives_.size()) return corrupt("more archives than announced");
        archive.emplace(visitor);
        return visitor.begin_archive(message.tablespace);
    }
    return corrupt("a message of unknown type");
  };
  REPRIEVE_RETURN_IF_ERROR(drain(*connection_, cancel, take));
  if (!is_manifest || archive_count != archives_.size())
    return cut_off(corrupt("it ended early"), cancel);
  return kOk;
}

Error BaseBackup::cut_off(Error seen, const CancelToken& cancel) {
  const auto result = next_result(*connection_, cancel, pause_limit(*connection_));
  if (!result) return result.error();
  if (*result && PQresultStatus(result->get()) == PGRES_FATAL_ERROR)
    return error_of(*result, *connection_, "BASE_BACKUP");
  return seen;
}

Result<BaseBackupEnd> BaseBackup::read_end(const CancelToken& cancel) {
  BaseBackupEnd end;
  bool has_position = false;
  while (true) {
    REPRIEVE_TRY(const PgResult result,
                 next_result(*connection_, cancel, pause_limit(*connection_)));
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK) {
      REPRIEVE_TRY(const auto position, parse_position(result));
      if (position.second != start_.timeline)
        return Error{ErrorKind::kTransient, "the server changed its timeline during the backup"};
      end.end = position.first;
      has_position = true;
    } else if (status != PGRES_COMMAND_OK) {
      Error error = error_of(result, *connection_, "BASE_BACKUP");
      // A checksum failure is reported as an error, but only after everything was sent.
      if (error.kind != ErrorKind::kCorrupt || !has_position) return error;
      end.is_suspect = true;
    }
  }
  if (!has_position) return corrupt("it has no end");
  end.warnings = notices_->texts;
  return end;
}

}  // namespace reprieve
