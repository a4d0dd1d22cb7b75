#include "sotto/hosting/sealed_database.h"

#include <fmt/core.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "sotto/host/file.h"

namespace sotto::hosting {
namespace {

using identity::Step;

// What an operator can do who knows that what there is is all that there is.
std::string accept_advice(const SealedOptions& options) {
  if (options.accept_option == nullptr) return {};
  return fmt::format("; or, if this is the newest that there is, start once with {}", options.accept_option);
}

Status set_back(const SealedOptions& options, const std::string& how) {
  return data_loss(fmt::format("database {} {}: {}{}", options.path.string(), how, options.when_damaged,
                               accept_advice(options)));
}

bool is_missing_or_empty(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  return error ? !std::filesystem::exists(path, error) : size == 0;
}

Result<Step> read_root(SqliteDatabase& database, const SealedSchema& schema) {
  const std::string sql = fmt::format("SELECT store_id, changes, epoch FROM {} WHERE id = 1", schema.root);
  SqliteStatement select(database, sql.c_str());
  const Result<bool> row = select.step();
  if (!row) return row.error();
  Step root;
  const Bytes id = *row ? select.blob() : Bytes();
  if (id.size() != root.of.size()) {
    return data_loss(fmt::format("database {} has no valid {} row: {}", database.path(), schema.root,
                                 database.when_damaged()));
  }
  std::ranges::copy(id, root.of.begin());
  root.count = select.u64();
  root.epoch = select.u32();
  return root;
}

Status check_rows(SqliteDatabase& database, const SealedTable& table) {
  const std::string sql =
      fmt::format("SELECT {0} FROM {1} WHERE digest IS NOT sotto_row_digest('{1}', {2}) LIMIT 1", table.key,
                  table.name, table.columns);
  SqliteStatement damaged(database, sql.c_str());
  const Result<bool> row = damaged.step();
  if (!row) return row.error();
  if (!*row) return {};
  return data_loss(fmt::format("database {}: the row {} = {} of table {} does not match its digest: {}",
                               database.path(), table.key, damaged.text(), table.name,
                               database.when_damaged()));
}

Status check_seals(SqliteDatabase& database, const SealedSchema& schema) {
  for (const SealedTable& table : schema.tables) SOTTO_RETURN_IF_ERROR(check_rows(database, table));
  SqliteStatement sums(database, schema.check_sums);
  const Result<bool> row = sums.step();
  if (!row) return row.error();
  if (!*row) return {};
  return data_loss(fmt::format("database {}: {} does not match its rows' digests: {}", database.path(),
                               sums.text(), database.when_damaged()));
}

// That what is in the file is what its step knows of, or newer.
Status check_step(SqliteDatabase& database, const SealedSchema& schema, std::int64_t version,
                  const std::optional<Step>& step, const SealedOptions& options) {
  if (version < schema.sealed_from) {
    if (!step) return {};
    return set_back(options, version == 0
                                 ? "is empty, and its step beside it knows of changes"
                                 : "is of an older version of sotto than its step beside it: an older copy");
  }
  const Result<Step> root = read_root(database, schema);
  if (!root) return root.error();
  if (!step) {
    // A crash may have come between the file and its first step.
    if (root->count == 0) return {};
    return set_back(options,
                    fmt::format("has no step beside it ({}), so that nobody knows whether it is the newest",
                                identity::step_path(options.path).filename().string()));
  }
  if (step->of != root->of) {
    return set_back(options, "is another one than the step beside it belongs to");
  }
  if (root->count >= step->count) return {};
  return set_back(options,
                  fmt::format("was set back: it holds {} changes, and the step beside it knows of {}; "
                              "it is an older copy, or the end of its log is lost",
                              root->count, step->count));
}

Status check_all(SqliteDatabase& database, const SealedSchema& schema, std::int64_t version,
                 const std::optional<Step>& step, const SealedOptions& options) {
  // Those of an earlier version are of other columns.
  const bool has_seals = version == static_cast<std::int64_t>(schema.schema.migrations.size());
  if (has_seals) SOTTO_RETURN_IF_ERROR(check_seals(database, schema));
  return options.accept_older ? Status() : check_step(database, schema, version, step, options);
}

// Nothing also when it is damaged and whoever asks takes what there is.
Result<std::optional<Step>> known_step(const SealedOptions& options) {
  Result<std::optional<Step>> step = identity::read_step(options.path);
  if (!step && options.accept_older && step.error().code() == StatusCode::kDataLoss) {
    return std::optional<Step>();
  }
  if (!step) return Status(step.error().code(), step.error().message() + accept_advice(options));
  if (!*step || options.accept_older || !is_missing_or_empty(options.path)) return step;
  return set_back(options,
                  fmt::format("is missing or empty, and {} knows that it holds {} changes",
                              identity::step_path(options.path).filename().string(), (*step)->count));
}

}  // namespace

Result<SealedDatabase> SealedDatabase::open(const SealedOptions& options, const SealedSchema& schema) {
  const Result<std::optional<Step>> step = known_step(options);
  if (!step) return step.error();
  Result<SqliteDatabase> opened =
      SqliteDatabase::open(options.path, options.busy_timeout_ms, options.when_damaged);
  if (!opened) return opened.error();
  SealedDatabase sealed(std::move(*opened), schema);
  SOTTO_RETURN_IF_ERROR(
      prepare_schema(sealed.database_, schema.schema, [&](SqliteDatabase& database, std::int64_t version) {
        return check_all(database, schema, version, *step, options);
      }));
  SOTTO_RETURN_IF_ERROR(sealed.settle(*step, options.accept_older));
  SOTTO_RETURN_IF_ERROR(sealed.note_files());
  return sealed;
}

Result<SealedDatabase> SealedDatabase::inspect(const SealedOptions& options, const SealedSchema& schema) {
  const Result<std::optional<Step>> step = known_step(options);
  if (!step) return step.error();
  if (is_missing_or_empty(options.path)) {
    return not_found(fmt::format("there is no database {}", options.path.string()));
  }
  Result<SqliteDatabase> database =
      SqliteDatabase::open(options.path, options.busy_timeout_ms, options.when_damaged);
  if (!database) return database.error();
  const Result<std::int64_t> version = check_schema(*database, schema.schema);
  if (!version) return version.error();
  SOTTO_RETURN_IF_ERROR(check_all(*database, schema, *version, *step, options));
  return SealedDatabase(std::move(*database), schema);
}

// From here on the step is this file's.
Status SealedDatabase::settle(const std::optional<Step>& step, bool accept_older) {
  const Result<Step> root = read_root(database_, *schema_);
  if (!root) return root.error();
  const bool older = step && (step->of != root->of || step->count > root->count);
  if (older || (!step && root->count > 0 && accept_older)) {
    accepted_below_ = std::max(root->epoch, step ? step->epoch : 0);
  }
  return step == *root ? Status() : identity::write_step(database_.path(), *root);
}

// Both are there: whoever is prepared has written.
Status SealedDatabase::note_files() {
  for (const char* ending : {"", "-wal"}) {
    auto placed = host::PlacedFile::at(database_.path() + ending);
    if (!placed) return placed.error();
    files_.push_back(std::move(*placed));
  }
  return {};
}

Status SealedDatabase::in_place() const {
  for (const host::PlacedFile& file : files_) {
    if (file.is_in_place()) continue;
    return data_loss(
        fmt::format("{} was moved, replaced or removed while it is in use: nothing more is written",
                    file.path().string()));
  }
  return {};
}

Status SealedDatabase::copy_out(const std::filesystem::path& to) const {
  if (host::is_there(to)) return {StatusCode::kAlreadyExists, "there is a file " + to.string() + " already"};
  auto copy = SqliteDatabase::open(to, /*busy_timeout_ms=*/0, database_.when_damaged());
  if (!copy) return copy.error();
  Status status = database_.copy_to(*copy);
  if (status.ok()) status = copy->execute("PRAGMA journal_mode = DELETE");
  return status;
}

Status SealedDatabase::keep_step() {
  const Result<Step> root = read_root(database_, *schema_);
  const Status kept = root ? identity::write_step(database_.path(), *root) : root.error();
  step_is_behind_ = !kept.ok();
  return kept;
}

Result<std::map<std::string, crypto::Digest>> SealedDatabase::neighbours() {
  SqliteStatement select(database_, "SELECT name, value FROM neighbour");
  std::map<std::string, crypto::Digest> neighbours;
  for (;;) {
    const Result<bool> row = select.step();
    if (!row) return row.error();
    if (!*row) return neighbours;
    crypto::Digest& value = neighbours[select.text()];
    const Bytes bytes = select.blob();
    if (bytes.size() != value.size()) {
      return data_loss(fmt::format("database {}: a neighbour's digest has a wrong length: {}",
                                   database_.path(), database_.when_damaged()));
    }
    std::ranges::copy(bytes, value.begin());
  }
}

Status SealedDatabase::set_neighbour(const std::string& name, const crypto::Digest& value) {
  return SqliteStatement(database_,
                         "INSERT OR REPLACE INTO neighbour (name, value, digest) "
                         "VALUES (?1, ?2, sotto_row_digest('neighbour', ?1, ?2))")
      .bind(std::string_view(name))
      .bind(Bytes(value))
      .run();
}

Status SealedChange::begin() {
  SOTTO_RETURN_IF_ERROR(sealed_.in_place());
  if (sealed_.step_is_behind_) SOTTO_RETURN_IF_ERROR(sealed_.keep_step());
  return transaction_.begin();
}

Status SealedChange::commit() {
  const std::optional<SealedDatabase::Mark>& mark = sealed_.mark_;
  if (mark) SOTTO_RETURN_IF_ERROR(sealed_.set_neighbour(mark->name, mark->value));
  SOTTO_RETURN_IF_ERROR(sealed_.database_.execute(sealed_.schema_->seal_root));
  SOTTO_RETURN_IF_ERROR(sealed_.in_place());
  SOTTO_RETURN_IF_ERROR(transaction_.commit());
  sealed_.mark_.reset();
  // It has happened, whatever becomes of the step: begin() says what is wrong with it.
  (void)sealed_.keep_step();
  return {};
}

}  // namespace sotto::hosting
