// SQLite's C API under RAII, with its errors as Status. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sotto::hosting {

class SqliteDatabase {
 public:
  // What SQLite calls a database without a file, which ends when it is closed.
  static constexpr const char* kInMemory = ":memory:";

  // Opens or creates the file, its owner's alone; reads nothing of it yet. `when_damaged` is what errors
  // advise then: not every database may be set back to an older copy.
  [[nodiscard]] static Result<SqliteDatabase> open(
      const std::filesystem::path& path, int busy_timeout_ms,
      std::string when_damaged = "restore it from a backup, or move it away to start anew");

  // Runs statements that return no rows that matter.
  [[nodiscard]] Status execute(const char* sql);
  // The Status of `code`, a result code that the last call on this database returned while `doing` something.
  [[nodiscard]] Status error(int code, const std::string& doing) const;

  // Makes `to` a copy of this database as it is between two transactions, whoever holds it; what `to` held is
  // gone. SQLite's backup interface.
  [[nodiscard]] Status copy_to(SqliteDatabase& to) const;

  [[nodiscard]] std::int64_t last_insert_rowid() const;
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& when_damaged() const { return when_damaged_; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  SqliteDatabase(std::string path, std::string when_damaged)
      : path_(std::move(path)), when_damaged_(std::move(when_damaged)) {}

  std::string path_;
  std::string when_damaged_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// One prepared statement, used once. Values are bound and columns read from left to right. An error in
// preparing or binding surfaces at step().
class SqliteStatement {
 public:
  // `database` must outlive the statement.
  SqliteStatement(SqliteDatabase& database, const char* sql);

  SqliteStatement& bind(std::int64_t value);
  SqliteStatement& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
  SqliteStatement& bind(std::uint32_t value) { return bind(static_cast<std::int64_t>(value)); }
  SqliteStatement& bind(double value);
  SqliteStatement& bind(std::string_view text);
  // `blob` must stay in place until the statement has been stepped.
  SqliteStatement& bind(Bytes blob);

  // True when there is a row; false at the end.
  [[nodiscard]] Result<bool> step();
  // For statements without rows.
  [[nodiscard]] Status run();

  [[nodiscard]] std::int64_t integer();
  [[nodiscard]] std::uint64_t u64() { return static_cast<std::uint64_t>(integer()); }
  [[nodiscard]] std::uint32_t u32() { return static_cast<std::uint32_t>(integer()); }
  [[nodiscard]] double real();
  [[nodiscard]] std::string text();
  // Borrowed until the next step.
  [[nodiscard]] Bytes blob();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const;
  };

  SqliteDatabase& database_;
  std::string sql_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int status_ = 0;  // SQLITE_OK
  int parameter_ = 1;
  int column_ = 0;
};

// Rolled back when it goes out of scope without commit().
class SqliteTransaction {
 public:
  explicit SqliteTransaction(SqliteDatabase& database) : database_(database) {}
  ~SqliteTransaction();
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;

  [[nodiscard]] Status begin() { return database_.execute("BEGIN IMMEDIATE"); }
  [[nodiscard]] Status commit() { return database_.execute("COMMIT"); }

 private:
  SqliteDatabase& database_;
};

}  // namespace sotto::hosting
