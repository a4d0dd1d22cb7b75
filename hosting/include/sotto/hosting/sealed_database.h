// A database that notices when it was changed behind its program's back, or set back: every row that matters
// has a digest over its values, one row (the root) has one over all of them and counts the changes, and a
// step beside the file (identity/step.h) says how far that count has come. What it cannot notice is a folder
// that was set back as a whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sotto/crypto/primitives.h"
#include "sotto/host/placed_file.h"
#include "sotto/hosting/sqlite_schema.h"
#include "sotto/identity/step.h"

namespace sotto::hosting {

// A table with a column `digest`: sotto_row_digest('name', columns).
struct SealedTable {
  const char* name;
  const char* key;      // the columns that name a row in a message
  const char* columns;  // all that matter, of this version
};

// Tables of this version. One is `root`, with one row of id 1 and the columns `store_id` (16 random bytes),
// `changes` and `epoch`. Whoever remembers neighbours has `neighbour` (name TEXT, value BLOB of 32 bytes,
// digest).
struct SealedSchema {
  SqliteSchema schema;
  std::span<const SealedTable> tables;
  const char* root;
  std::int64_t sealed_from;  // version: older ones have no digests
  // Returns a row, with a word on what is wrong, when a sum of digests is not what its owner says.
  const char* check_sums;
  // Brings the root's sums, count and digest up to what the other tables hold.
  const char* seal_root;
};

struct SealedOptions {
  std::filesystem::path path{};
  int busy_timeout_ms = 2000;
  std::string when_damaged{};  // as SqliteDatabase::open()
  // Takes a database that is older than its step, another, or missing; its operator has asked for it,
  // by the option that messages name. Null: there is none.
  bool accept_older = false;
  const char* accept_option = nullptr;
};

// Used by one thread at a time, but for in_place().
class SealedDatabase {
 public:
  // Nothing is written before the checks have passed. kDataLoss for whatever is damaged, missing or set back,
  // naming the file and what to do; as prepare_schema() otherwise. A file that does not exist is made only
  // where no step says that there was one.
  [[nodiscard]] static Result<SealedDatabase> open(const SealedOptions& options, const SealedSchema& schema);
  // The checks alone, of an existing file (kNotFound otherwise): nothing is written, its tables stay those of
  // its version, and closing it leaves its log.
  [[nodiscard]] static Result<SealedDatabase> inspect(const SealedOptions& options,
                                                      const SealedSchema& schema);

  [[nodiscard]] SqliteDatabase& database() { return database_; }
  [[nodiscard]] const SqliteDatabase& database() const { return database_; }
  // The highest epoch that is known of when something older was accepted, which is to be exceeded.
  [[nodiscard]] std::optional<std::uint32_t> accepted_below() const { return accepted_below_; }

  // kDataLoss once somebody has moved, replaced or removed the file or its log: what would be written goes to
  // a file that no start finds. Any thread.
  [[nodiscard]] Status in_place() const;
  // What it holds, wherever its file has gone, as a new database of mode 0600. kAlreadyExists, kIo.
  [[nodiscard]] Status copy_out(const std::filesystem::path& to) const;

  // What other files beside the database were when it was last written: name -> SHA-256 of what they say.
  [[nodiscard]] Result<std::map<std::string, crypto::Digest>> neighbours();
  // Inside a change.
  [[nodiscard]] Status set_neighbour(const std::string& name, const crypto::Digest& value);
  // With the next change that is committed, and with no other: set_neighbour(). Nothing: no longer.
  struct Mark {
    std::string name;
    crypto::Digest value;
  };
  void mark_next_change(std::optional<Mark> mark) { mark_ = std::move(mark); }

 private:
  friend class SealedChange;
  SealedDatabase(SqliteDatabase database, const SealedSchema& schema)
      : database_(std::move(database)), schema_(&schema) {}
  [[nodiscard]] Status settle(const std::optional<identity::Step>& step, bool accept_older);
  [[nodiscard]] Status keep_step();
  [[nodiscard]] Status note_files();

  SqliteDatabase database_;
  const SealedSchema* schema_;
  std::vector<host::PlacedFile> files_;  // the database and its log, as they were opened
  std::optional<std::uint32_t> accepted_below_;
  std::optional<Mark> mark_;
  bool step_is_behind_ = false;
};

// One transaction, rolled back when it goes out of scope without commit().
class SealedChange {
 public:
  explicit SealedChange(SealedDatabase& sealed) : sealed_(sealed), transaction_(sealed.database()) {}
  // kDataLoss when the file is not where it was.
  [[nodiscard]] Status begin();
  // Seals the root. What was committed is durable, and known to its step: if the step could not be written,
  // the next change fails before it begins.
  [[nodiscard]] Status commit();

 private:
  SealedDatabase& sealed_;
  SqliteTransaction transaction_;
};

}  // namespace sotto::hosting
