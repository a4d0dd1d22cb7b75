#include "store/backup.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sotto/host/file.h"
#include "sotto/host/input_file.h"
#include "sotto/identity/authority_folder.h"
#include "sotto/server/backup.h"
#include "sotto/server/store.h"
#include "store/coordinator_schema.h"

namespace sotto::server {
namespace {

using hosting::SealedDatabase;
using hosting::SqliteDatabase;
using hosting::SqliteStatement;
using std::filesystem::path;

constexpr const char* kDamagedBackup = "take another backup";
constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;
constexpr const char* kStore = "sotto.db";
constexpr const char* kBackups = "backups";                // in a data directory: not carried along
constexpr std::int64_t kFirstEpochMs = 1'767'225'600'000;  // 2026-01-01
constexpr std::int64_t kEpochMs = 128'000;                 // 23 bits of them are 34 years

// Of a backup that is being checked: it has no step, and is held by nobody.
hosting::SealedOptions backup_options(const path& file) {
  return {.path = file, .busy_timeout_ms = 2000, .when_damaged = kDamagedBackup, .accept_older = true};
}

path beside(const path& file, const char* ending) {
  path name = file;
  name += ending;
  return name;
}

void remove_database(const path& file) {
  std::error_code ignored;
  for (const char* ending : {"", "-wal", "-shm", "-journal"}) {
    std::filesystem::remove(beside(file, ending), ignored);
  }
}

// The store and what belongs to its process are not files to be carried along.
bool is_carried(const std::filesystem::directory_entry& entry, const path& name) {
  std::error_code ignored;
  return entry.is_regular_file(ignored) && !name.string().starts_with(kStore) && name.extension() != ".new" &&
         *name.begin() != kBackups;
}

Status add_files(SqliteDatabase& backup, const path& folder) {
  SOTTO_RETURN_IF_ERROR(
      backup.execute("CREATE TABLE backup_file (name TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL, "
                     "digest BLOB NOT NULL) "
                     "STRICT"));
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    const path name = entry.path().lexically_relative(folder);
    if (!is_carried(entry, name)) continue;
    const auto content = host::read_file(entry.path(), kFileBytesMax);
    if (!content) return content.error();
    if (!content->has_value()) continue;  // it was removed just now
    SqliteStatement insert(
        backup, "INSERT INTO backup_file VALUES (?1, ?2, sotto_row_digest('backup_file', ?1, ?2))");
    SOTTO_RETURN_IF_ERROR(insert.bind(std::string_view(name.string())).bind(Bytes(**content)).run());
  }
  return error ? io_error("cannot list " + folder.string() + ": " + error.message()) : Status();
}

Status no_backup(const path& file) {
  return invalid_argument(file.string() + " is no backup of a coordinator: `sotto backup` writes them");
}

Status check_files(SqliteDatabase& backup) {
  SqliteStatement damaged(
      backup,
      "SELECT name FROM backup_file WHERE digest IS NOT sotto_row_digest('backup_file', name, content)");
  const Result<bool> row = damaged.step();
  if (!row) return no_backup(backup.path());
  if (!*row) return {};
  return data_loss(fmt::format("backup {}: its copy of {} does not match its digest: {}", backup.path(),
                               damaged.text(), kDamagedBackup));
}

Status check_pages(SqliteDatabase& database) {
  SqliteStatement check(database, "PRAGMA integrity_check(1)");
  const Result<bool> row = check.step();
  if (!row) return row.error();
  const std::string answer = check.text();
  if (answer == "ok") return {};
  return data_loss(fmt::format("{} is damaged ({}): {}", database.path(), answer, kDamagedBackup));
}

// What is no database at all was never one of ours, and is not damaged.
Status check_kind(const path& file) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  auto opened = host::InputFile::open(file);
  if (!opened) return opened.error();
  if (!opened->has_value()) return not_found("there is no file " + file.string());
  std::array<std::uint8_t, kMagic.size()> begins{};
  const Result<std::size_t> bytes = (*opened)->read(begins);
  if (!bytes) return bytes.error();
  if (*bytes == 0) return data_loss(file.string() + " is empty: " + kDamagedBackup);
  return bytes_text(begins) == kMagic ? Status() : no_backup(file);
}

Result<SealedDatabase> open_backup(const path& file) {
  SOTTO_RETURN_IF_ERROR(check_kind(file));
  auto backup = SealedDatabase::inspect(backup_options(file), kCoordinatorSchema);
  if (!backup) return backup.error();
  SOTTO_RETURN_IF_ERROR(check_pages(backup->database()));
  SOTTO_RETURN_IF_ERROR(check_files(backup->database()));
  SOTTO_RETURN_IF_ERROR(check_models(backup->database()));
  return backup;
}

// Durable, and never in the place of another file.
Status publish(const path& from, const path& to) {
  const int descriptor = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  const bool named =
      synced && ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0;
  const int error = errno;
  if (!named) {
    return {error == EEXIST ? StatusCode::kAlreadyExists : StatusCode::kIo,
            "cannot write " + to.string() + ": " + std::error_code(error, std::generic_category()).message()};
  }
  const path folder = to.has_parent_path() ? to.parent_path() : ".";
  const int parent = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool durable = parent >= 0 && ::fsync(parent) == 0;
  if (parent >= 0) ::close(parent);
  return durable ? Status() : io_error("cannot sync " + folder.string());
}

Status write_copy(const SealedDatabase& from, const path& to) {
  auto backup = SqliteDatabase::open(to, 2000, kDamagedBackup);
  if (!backup) return backup.error();
  SOTTO_RETURN_IF_ERROR(from.database().copy_to(*backup));
  SOTTO_RETURN_IF_ERROR(backup->execute("PRAGMA journal_mode = DELETE"));
  const auto version = hosting::check_schema(*backup, kCoordinatorSchema.schema);
  if (!version) return version.error();
  const path source = from.database().path();
  return add_files(*backup, source.has_parent_path() ? source.parent_path() : ".");
}

Status extract_files(SqliteDatabase& backup, const path& data_dir) {
  SqliteStatement select(backup, "SELECT name, content FROM backup_file");
  for (;;) {
    const Result<bool> row = select.step();
    if (!row) return row.error();
    if (!*row) return {};
    const path name = select.text();
    const bool inside = name.is_relative() && std::ranges::find(name, path("..")) == name.end();
    if (!inside) return data_loss("the backup names a file outside of its folder: " + name.string());
    const path file = data_dir / name;
    SOTTO_RETURN_IF_ERROR(host::make_private_folder(file.parent_path()));
    SOTTO_RETURN_IF_ERROR(host::write_file(file, select.blob(), host::kSecretFile));
  }
}

// Without the keys, of which no page may keep a rest.
Status make_store(const SealedDatabase& backup, const path& file) {
  remove_database(file);
  auto store = SqliteDatabase::open(file, 2000, kDamagedBackup);
  if (!store) return store.error();
  SOTTO_RETURN_IF_ERROR(backup.database().copy_to(*store));
  return store->execute("PRAGMA secure_delete = ON; DROP TABLE backup_file; PRAGMA journal_mode = DELETE");
}

Status extract_store(const SealedDatabase& backup, const path& file) {
  const path made = beside(file, ".new");
  SOTTO_RETURN_IF_ERROR(make_store(backup, made));
  return publish(made, file);
}

bool is_inside(const path& file, const path& folder) {
  std::error_code ignored;
  const path outer = std::filesystem::weakly_canonical(folder, ignored);
  const path inner = std::filesystem::weakly_canonical(file, ignored);
  return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

// A service may write below its data directory only, so that there is one folder there for these.
Status check_place(const path& store, const path& to) {
  const path folder = store.has_parent_path() ? store.parent_path() : ".";
  if (is_inside(to, folder / kBackups)) return host::make_private_folder(folder / kBackups);
  if (!is_inside(to, folder)) return {};
  return invalid_argument("a backup does not belong among the files of " + folder.string() +
                          ": name one elsewhere, or in " + (folder / kBackups).string());
}

std::uint32_t epoch_of(Time now) {
  const std::int64_t epochs = (now.ms - kFirstEpochMs) / kEpochMs;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(epochs, 0, kRoundEpochMax / 2 - 1));
}

}  // namespace

Status check_models(SqliteDatabase& database) {
  SqliteStatement damaged(
      database,
      "SELECT task || ', version ' || version FROM model WHERE sha256 IS NOT "
      "sotto_sha256(parameters) OR optimizer_sha256 IS NOT sotto_sha256(optimizer_state)");
  const Result<bool> row = damaged.step();
  if (!row) return row.error();
  if (!*row) return {};
  return data_loss(fmt::format("database {}: the model of task {} does not match its SHA-256: {}",
                               database.path(), damaged.text(), database.when_damaged()));
}

Status write_backup(const SealedDatabase& from, const path& to) {
  if (host::is_there(to)) {
    return {StatusCode::kAlreadyExists, "there is a file " + to.string() + " already: choose another name"};
  }
  SOTTO_RETURN_IF_ERROR(check_place(from.database().path(), to));
  const path made = beside(to, ".new");
  remove_database(made);
  Status status = write_copy(from, made);
  if (status.ok()) status = check_backup(made);
  if (status.ok()) status = publish(made, to);
  if (!status.ok()) remove_database(made);
  return status;
}

Status check_backup(const path& file) { return open_backup(file).status(); }

namespace {

path unfinished_restore(const path& data_dir) {
  path whole = std::filesystem::absolute(data_dir).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole.concat(".restoring");
}

Status extract(SealedDatabase& backup, const path& folder, Time now) {
  SOTTO_RETURN_IF_ERROR(host::make_private_folder(folder));
  SOTTO_RETURN_IF_ERROR(extract_files(backup.database(), folder));
  SOTTO_RETURN_IF_ERROR(extract_store(backup, folder / kStore));
  SOTTO_RETURN_IF_ERROR(
      open_sqlite_store({.path = folder / kStore, .accept_older = true, .epoch_above = epoch_of(now)})
          .status());
  const path authority = folder / "authority";
  if (!host::is_there(identity::authority_secret_file(authority))) return {};
  auto opened = identity::AuthorityFolder::open(authority);
  return opened ? opened->restored() : opened.error();
}

}  // namespace

Status restore_backup(const path& file, const path& data_dir, Time now) {
  std::error_code error;
  if (host::is_there(data_dir) && !std::filesystem::is_empty(data_dir, error)) {
    return {StatusCode::kAlreadyExists,
            "the folder " + data_dir.string() + " is not empty: restore into a new one, or move this away"};
  }
  auto backup = open_backup(file);
  if (!backup) return backup.error();
  // Nobody serves half of a coordinator: it gets its name when it is whole.
  const path unfinished = unfinished_restore(data_dir);
  if (host::is_there(unfinished)) {
    return {StatusCode::kAlreadyExists, unfinished.string() +
                                            " is what a restore that was cut short, or one " +
                                            "under way, has left: remove it, and restore again"};
  }
  if (Status status = extract(*backup, unfinished, now); !status.ok()) {
    std::filesystem::remove_all(unfinished, error);
    return status;
  }
  std::filesystem::rename(unfinished, data_dir, error);  // in place of an empty folder, too
  if (!error) return {};
  return io_error(unfinished.string() + " is restored, and cannot be renamed to " + data_dir.string() + ": " +
                  error.message());
}

}  // namespace sotto::server
