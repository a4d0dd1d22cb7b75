#include "sotto/hosting/sqlite_database.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "sotto/host/input_file.h"

namespace sotto::hosting {
namespace {

constexpr std::array<const char*, 4> kBeside = {"", "-wal", "-shm", "-journal"};

// SQLite would wait for a pipe in the place of one.
Status check_files(const std::string& path) {
  for (const char* beside : kBeside) SOTTO_RETURN_IF_ERROR(host::check_regular(path + beside));
  return {};
}

// SQLite gives the files beside a database the database's own mode. Those that exist are changed by name: a
// descriptor of a database that is closed would take this process's locks on it along.
void make_private(const std::string& path) {
  const int created = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (created >= 0) ::close(created);
  for (const char* beside : kBeside) {
    struct stat found {};
    const std::string file = path + beside;
    if (::stat(file.c_str(), &found) != 0 || (found.st_mode & 077) == 0) continue;
    // Whose file it is not says so when it cannot be opened, too.
    [[maybe_unused]] const int changed = ::chmod(file.c_str(), found.st_mode & 0700);
  }
}

}  // namespace

void SqliteDatabase::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

void SqliteStatement::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Result<SqliteDatabase> SqliteDatabase::open(const std::filesystem::path& path, int busy_timeout_ms,
                                            std::string when_damaged) {
  SqliteDatabase database(path.string(), std::move(when_damaged));
  if (database.path_ != kInMemory) {
    SOTTO_RETURN_IF_ERROR(check_files(database.path_));
    make_private(database.path_);
  }
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(database.path_.c_str(), &handle, flags, nullptr);
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return database.error(code, "opening it");
  // SQLite falls back to reading only when the file is write-protected.
  if (sqlite3_db_readonly(handle, "main") == 1) return database.error(SQLITE_READONLY, "opening it");
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  return database;
}

Status SqliteDatabase::execute(const char* sql) {
  const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : error(code, std::string("running '") + sql + "'");
}

Status SqliteDatabase::error(int code, const std::string& doing) const {
  const std::string detail = handle() == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle());
  const std::string what = fmt::format("database {}: {}: {}", path_, doing, detail);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable(what +
                         ". Another process holds this database: stop the other 'sotto serve' (or database " +
                         "shell), or use another data directory");
    case SQLITE_CORRUPT:
      return data_loss(what + ". The file is damaged: " + when_damaged_);
    case SQLITE_NOTADB:
      return data_loss(what + ". The file is not a Sotto database: use another data directory, or " +
                       when_damaged_);
    case SQLITE_CONSTRAINT:
      return {StatusCode::kAlreadyExists, what};
    case SQLITE_FULL:
      return io_error(what + ". Free some space on that disk");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return io_error(
          what + ". The directory must exist and this user must be able to write the file and its directory");
    default:
      return io_error(what);
  }
}

Status SqliteDatabase::copy_to(SqliteDatabase& to) const {
  sqlite3_backup* copy = sqlite3_backup_init(to.handle(), "main", handle(), "main");
  if (copy == nullptr) return to.error(sqlite3_extended_errcode(to.handle()), "copying into it");
  sqlite3_backup_step(copy, -1);  // finish() says how it went
  const int code = sqlite3_backup_finish(copy);
  return code == SQLITE_OK ? Status() : to.error(code, "copying " + path_ + " into it");
}

std::int64_t SqliteDatabase::last_insert_rowid() const { return sqlite3_last_insert_rowid(handle()); }

SqliteStatement::SqliteStatement(SqliteDatabase& database, const char* sql) : database_(database), sql_(sql) {
  sqlite3_stmt* handle = nullptr;
  status_ = sqlite3_prepare_v2(database.handle(), sql, -1, &handle, nullptr);
  handle_.reset(handle);
}

SqliteStatement& SqliteStatement::bind(std::int64_t value) {
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_int64(handle_.get(), parameter_++, value);
  return *this;
}

SqliteStatement& SqliteStatement::bind(double value) {
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_double(handle_.get(), parameter_++, value);
  return *this;
}

SqliteStatement& SqliteStatement::bind(std::string_view text) {
  if (status_ == SQLITE_OK) {
    const char* data = text.data() == nullptr ? "" : text.data();  // a null pointer would bind NULL
    status_ =
        sqlite3_bind_text64(handle_.get(), parameter_++, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  return *this;
}

SqliteStatement& SqliteStatement::bind(Bytes blob) {
  if (status_ != SQLITE_OK) return *this;
  status_ = blob.empty()
                ? sqlite3_bind_zeroblob(handle_.get(), parameter_++, 0)
                : sqlite3_bind_blob64(handle_.get(), parameter_++, blob.data(), blob.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> SqliteStatement::step() {
  if (status_ == SQLITE_OK) status_ = sqlite3_step(handle_.get());
  column_ = 0;
  switch (status_) {
    case SQLITE_ROW:
      status_ = SQLITE_OK;
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return database_.error(status_, "running '" + sql_ + "'");
  }
}

Status SqliteStatement::run() { return step().status(); }

std::int64_t SqliteStatement::integer() { return sqlite3_column_int64(handle_.get(), column_++); }

double SqliteStatement::real() { return sqlite3_column_double(handle_.get(), column_++); }

std::string SqliteStatement::text() {
  const unsigned char* data = sqlite3_column_text(handle_.get(), column_);
  const int bytes = sqlite3_column_bytes(handle_.get(), column_);
  ++column_;
  return data == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(data), bytes);
}

Bytes SqliteStatement::blob() {
  const void* data = sqlite3_column_blob(handle_.get(), column_);
  const int bytes = sqlite3_column_bytes(handle_.get(), column_);
  ++column_;
  if (data == nullptr) return {};
  return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(bytes)};
}

SqliteTransaction::~SqliteTransaction() {
  // A failed ROLLBACK needs no answer: SQLite then has rolled back by itself or will when the file is next
  // opened.
  if (sqlite3_get_autocommit(database_.handle()) == 0) {
    sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

}  // namespace sotto::hosting
