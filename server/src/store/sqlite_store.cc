#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "sotto/hosting/sqlite_database.h"
#include "sotto/proto/task_json.h"
#include "sotto/server/store.h"
#include "store/coordinator_schema.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

std::vector<std::uint8_t> to_vector(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(hosting::SqliteDatabase database) : database_(std::move(database)) {}

  Result<TaskId> create_task(const proto::TaskSpec& spec, const StoredModel& initial) override;
  Status set_task_state(TaskId task, proto::TaskState state) override;
  Status reserve_rounds(TaskId task, RoundId through) override;
  Status reissue_model(TaskId task, ModelVersion version) override;
  Result<StoredModel> roll_back_model(TaskId task, const RolledBack& back) override;
  Status edit_task(TaskId task, const proto::TaskSpec& spec, proto::TaskState state) override;
  Status delete_task(TaskId task, std::int64_t now_ms) override;
  Result<std::uint32_t> epoch() override;
  Status raise_epoch() override;
  Result<std::vector<StoredTask>> load_tasks() override;
  Status record_round(const proto::RoundRecord& round, const StoredModel* model,
                      proto::TaskState state) override;
  Result<std::vector<proto::RoundRecord>> rounds(TaskId task, std::uint32_t count_max) override;
  Result<std::vector<proto::ModelRecord>> models(TaskId task) override;
  Result<StoredModel> model(TaskId task, ModelVersion version) override;

 private:
  Status insert_model(TaskId task, const StoredModel& model);
  // Deletes what stands in this table of the task.
  Status delete_rows(const char* table, const char* key, TaskId task);
  // kFailedPrecondition unless the version is above the task's last; that one.
  Result<std::uint64_t> require_newer(TaskId task, ModelVersion version);
  Result<std::uint64_t> next_task();
  Status insert_round(const proto::RoundRecord& round);
  Status update_state(TaskId task, proto::TaskState state);
  // kNotFound when there is no such task.
  Status require_task(TaskId task);
  Status complete_task(StoredTask& task);
  Result<StoredModel> read_model(hosting::SqliteStatement& row, TaskId task, ModelVersion version) const;
  Status damaged(TaskId task, const std::string& what) const;

  hosting::SqliteDatabase database_;
};

Status SqliteStore::damaged(TaskId task, const std::string& what) const {
  return data_loss(fmt::format("database {}, task {}: {}: restore the file from a backup", database_.path(),
                               task.value, what));
}

Status SqliteStore::require_task(TaskId task) {
  hosting::SqliteStatement statement(database_, "SELECT 1 FROM task WHERE id = ?");
  const Result<bool> row = statement.bind(task.value).step();
  if (!row) return row.error();
  if (*row) return {};
  return not_found(fmt::format("database {} has no task with id {}: list the tasks with 'sotto task list'",
                               database_.path(), task.value));
}

Result<TaskId> SqliteStore::create_task(const proto::TaskSpec& spec, const StoredModel& initial) {
  hosting::SqliteTransaction transaction(database_);
  SOTTO_RETURN_IF_ERROR(transaction.begin());
  hosting::SqliteStatement existing(database_, "SELECT 1 FROM task WHERE name = ?");
  const Result<bool> exists = existing.bind(std::string_view(spec.name)).step();
  if (!exists) return exists.error();
  if (*exists) {
    return Status(StatusCode::kAlreadyExists,
                  fmt::format("a task named '{}' exists: choose another name", spec.name));
  }
  const Result<std::uint32_t> current_epoch = epoch();
  if (!current_epoch) return current_epoch.error();
  hosting::SqliteStatement insert(
      database_, "INSERT INTO task (id, name, state, spec, rounds_reserved) VALUES (?, ?, 'active', ?, ?)");
  const Result<std::uint64_t> number = next_task();
  if (!number) return number.error();
  SOTTO_RETURN_IF_ERROR(insert.bind(*number)
                            .bind(std::string_view(spec.name))
                            .bind(std::string_view(proto::encode_task_spec(spec)))
                            .bind(first_rounds(*current_epoch).reserved.value)
                            .run());
  const TaskId id{*number};
  SOTTO_RETURN_IF_ERROR(insert_model(id, initial));
  SOTTO_RETURN_IF_ERROR(transaction.commit());
  return id;
}

Status SqliteStore::update_state(TaskId task, proto::TaskState state) {
  hosting::SqliteStatement update(database_, "UPDATE task SET state = ? WHERE id = ?");
  return update.bind(std::string_view(word_of(state))).bind(task.value).run();
}

Status SqliteStore::set_task_state(TaskId task, proto::TaskState state) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  return update_state(task, state);
}

Status SqliteStore::reserve_rounds(TaskId task, RoundId through) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SqliteTransaction transaction(database_);
  SOTTO_RETURN_IF_ERROR(transaction.begin());
  hosting::SqliteStatement select(database_, "SELECT rounds_reserved FROM task WHERE id = ?");
  const Result<bool> row = select.bind(task.value).step();
  if (!row) return row.error();
  if (!*row) return damaged(task, "it has vanished");
  if (const std::uint64_t reserved = select.u64(); through.value <= reserved) {
    return failed_precondition(
        fmt::format("database {}, task {}: rounds up to {} are reserved already, by another coordinator or "
                    "an earlier one",
                    database_.path(), task.value, reserved));
  }
  hosting::SqliteStatement update(database_, "UPDATE task SET rounds_reserved = ? WHERE id = ?");
  SOTTO_RETURN_IF_ERROR(update.bind(through.value).bind(task.value).run());
  return transaction.commit();
}

Status SqliteStore::reissue_model(TaskId task, ModelVersion version) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SqliteTransaction transaction(database_);
  SOTTO_RETURN_IF_ERROR(transaction.begin());
  const Result<std::uint64_t> newest = require_newer(task, version);
  if (!newest) return newest.error();
  for (const char* sql : {"UPDATE model SET version = ? WHERE task = ? AND version = ?",
                          "UPDATE model_note SET version = ? WHERE task = ? AND version = ?"}) {
    hosting::SqliteStatement update(database_, sql);
    SOTTO_RETURN_IF_ERROR(update.bind(version.value).bind(task.value).bind(*newest).run());
  }
  return transaction.commit();
}

Result<std::uint64_t> SqliteStore::require_newer(TaskId task, ModelVersion version) {
  hosting::SqliteStatement last(database_,
                                "SELECT max(version) FROM model WHERE task = ? HAVING count(*) > 0");
  const Result<bool> row = last.bind(task.value).step();
  if (!row) return row.error();
  if (!*row) return damaged(task, "it has no model");
  const std::uint64_t newest = last.u64();
  if (version.value > newest) return newest;
  return failed_precondition(fmt::format("database {}, task {}: the model is of version {} already",
                                         database_.path(), task.value, newest));
}

Result<StoredModel> SqliteStore::roll_back_model(TaskId task, const RolledBack& back) {
  hosting::SqliteTransaction transaction(database_);
  SOTTO_RETURN_IF_ERROR(transaction.begin());
  Result<StoredModel> next = model(task, back.to);
  if (!next) return next.error();
  const Result<std::uint64_t> newest = require_newer(task, back.version);
  if (!newest) return newest.error();
  next->version = back.version;
  next->optimizer_state = {};
  next->committed_ms = back.committed_ms;
  next->note = back.note;
  SOTTO_RETURN_IF_ERROR(insert_model(task, *next));
  SOTTO_RETURN_IF_ERROR(transaction.commit());
  return next;
}

Status SqliteStore::edit_task(TaskId task, const proto::TaskSpec& spec, proto::TaskState state) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SqliteStatement update(database_, "UPDATE task SET spec = ?, state = ? WHERE id = ?");
  return update.bind(std::string_view(proto::encode_task_spec(spec)))
      .bind(std::string_view(word_of(state)))
      .bind(task.value)
      .run();
}

Status SqliteStore::delete_rows(const char* table, const char* key, TaskId task) {
  const std::string sql = fmt::format("DELETE FROM {} WHERE {} = ?", table, key);
  return hosting::SqliteStatement(database_, sql.c_str()).bind(task.value).run();
}

Status SqliteStore::delete_task(TaskId task, std::int64_t now_ms) {
  hosting::SqliteTransaction transaction(database_);
  SOTTO_RETURN_IF_ERROR(transaction.begin());
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SqliteStatement remember(
      database_, "INSERT INTO deleted_task (id, name, deleted_ms) SELECT id, name, ? FROM task WHERE id = ?");
  SOTTO_RETURN_IF_ERROR(remember.bind(now_ms).bind(task.value).run());
  for (const char* table : {"round", "model_note", "model"}) {
    SOTTO_RETURN_IF_ERROR(delete_rows(table, "task", task));
  }
  SOTTO_RETURN_IF_ERROR(delete_rows("task", "id", task));
  return transaction.commit();
}

// Devices remember what they have sent for a task of this number: it is given once.
Result<std::uint64_t> SqliteStore::next_task() {
  hosting::SqliteStatement last(database_,
                                "SELECT 1 + max((SELECT coalesce(max(id), 0) FROM task), "
                                "(SELECT coalesce(max(id), 0) FROM deleted_task))");
  const Result<bool> row = last.step();
  if (!row) return row.error();
  return last.u64();
}

Result<std::uint32_t> SqliteStore::epoch() {
  hosting::SqliteStatement select(database_, "SELECT epoch FROM coordinator WHERE id = 1");
  const Result<bool> row = select.step();
  if (!row) return row.error();
  const std::uint64_t epoch = *row ? select.u64() : kRoundEpochMax + std::uint64_t{1};
  if (epoch <= kRoundEpochMax) return static_cast<std::uint32_t>(epoch);
  return data_loss(fmt::format("database {} has no epoch: restore the file from a backup", database_.path()));
}

Status SqliteStore::raise_epoch() {
  const Result<std::uint32_t> current = epoch();
  if (!current) return current.error();
  // SQLite's integers have a sign.
  if (*current >= kRoundEpochMax / 2) return failed_precondition("the epoch cannot be raised any more");
  hosting::SqliteTransaction transaction(database_);
  SOTTO_RETURN_IF_ERROR(transaction.begin());
  hosting::SqliteStatement raise(database_, "UPDATE coordinator SET epoch = ? WHERE id = 1");
  SOTTO_RETURN_IF_ERROR(raise.bind(*current + 1).run());
  hosting::SqliteStatement reserve(database_, "UPDATE task SET rounds_reserved = ?");
  SOTTO_RETURN_IF_ERROR(reserve.bind(first_rounds(*current + 1).last.value).run());
  return transaction.commit();
}

Status SqliteStore::insert_model(TaskId task, const StoredModel& model) {
  const std::vector<std::uint8_t> parameters = encode_floats(model.parameters);
  const crypto::Digest state_digest = crypto::sha256({model.optimizer_state});
  hosting::SqliteStatement insert(
      database_,
      "INSERT INTO model (task, version, committed_ms, clip, segment_clips, sha256, optimizer_sha256, "
      "parameters, optimizer_state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(task.value)
      .bind(model.version.value)
      .bind(model.committed_ms)
      .bind(static_cast<double>(model.clip));
  const std::vector<std::uint8_t> segment_clips = encode_floats(model.segment_clips);
  insert.bind(Bytes(segment_clips));
  insert.bind(Bytes(model.digest)).bind(Bytes(state_digest)).bind(Bytes(parameters));
  insert.bind(Bytes(model.optimizer_state));
  SOTTO_RETURN_IF_ERROR(insert.run());
  if (model.note.empty()) return {};
  hosting::SqliteStatement note(database_, "INSERT INTO model_note (task, version, note) VALUES (?, ?, ?)");
  return note.bind(task.value).bind(model.version.value).bind(std::string_view(model.note)).run();
}

Status SqliteStore::insert_round(const proto::RoundRecord& round) {
  hosting::SqliteStatement insert(
      database_,
      "INSERT INTO round (task, round, outcome, reason, base_version, committed_version, "
      "started_ms, finished_ms, "
      "cohorts, plans_given, joined, shared, collected, confirmed, unmasked, uplink_bytes, "
      "sum_count, sum_weight, sum_examples, sum_clipped, clip, "
      "sum_0, sum_1, sum_2, sum_3, sum_4, sum_5, sum_6, sum_7) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(round.task.value).bind(round.round.value).bind(std::string_view(word_of(round.outcome)));
  insert.bind(std::string_view(round.reason))
      .bind(round.base_version.value)
      .bind(round.committed_version.value);
  insert.bind(round.started_ms).bind(round.finished_ms).bind(round.cohorts).bind(round.plans_given);
  insert.bind(round.joined)
      .bind(round.shared)
      .bind(round.collected)
      .bind(round.confirmed)
      .bind(round.unmasked)
      .bind(round.uplink_bytes);
  const secagg::MetricSums& metrics = round.metrics;
  insert.bind(metrics.count).bind(metrics.weight).bind(metrics.examples).bind(metrics.clipped);
  insert.bind(static_cast<double>(round.clip));
  for (const std::uint64_t sum : metrics.sums) insert.bind(sum);
  return insert.run();
}

Status SqliteStore::record_round(const proto::RoundRecord& round, const StoredModel* model,
                                 proto::TaskState state) {
  hosting::SqliteTransaction transaction(database_);
  SOTTO_RETURN_IF_ERROR(transaction.begin());
  SOTTO_RETURN_IF_ERROR(require_task(round.task));
  SOTTO_RETURN_IF_ERROR(insert_round(round));
  if (model != nullptr) SOTTO_RETURN_IF_ERROR(insert_model(round.task, *model));
  SOTTO_RETURN_IF_ERROR(update_state(round.task, state));
  return transaction.commit();
}

constexpr const char* kModelColumns =
    "SELECT committed_ms, clip, segment_clips, sha256, optimizer_sha256, parameters, optimizer_state ";

Result<StoredModel> SqliteStore::read_model(hosting::SqliteStatement& row, TaskId task,
                                            ModelVersion version) const {
  StoredModel model;
  model.version = version;
  model.committed_ms = row.integer();
  model.clip = static_cast<float>(row.real());
  const std::optional<std::vector<float>> segment_clips = decode_floats(row.blob());
  if (!segment_clips) return damaged(task, "a model's clips have a wrong length");
  model.segment_clips = *segment_clips;
  const std::vector<std::uint8_t> stored_digest = to_vector(row.blob());
  const std::vector<std::uint8_t> stored_state_digest = to_vector(row.blob());
  const Bytes parameters = row.blob();
  model.digest = crypto::sha256({parameters});
  std::optional<std::vector<float>> values = decode_floats(parameters);
  model.optimizer_state = to_vector(row.blob());
  if (!values || !std::ranges::equal(stored_digest, model.digest) ||
      !std::ranges::equal(stored_state_digest, crypto::sha256({model.optimizer_state}))) {
    return damaged(task, fmt::format("model version {} does not match its SHA-256", version.value));
  }
  model.parameters = std::move(*values);
  return model;
}

// Fills in what other tables know: the round counts and the last model.
Status SqliteStore::complete_task(StoredTask& task) {
  hosting::SqliteStatement counts(
      database_,
      "SELECT count(*) FILTER (WHERE outcome = 'committed'), count(*) FILTER (WHERE outcome = "
      "'abandoned'), coalesce(max(round), 0) FROM round WHERE task = ?");
  const Result<bool> counted = counts.bind(task.id.value).step();
  if (!counted) return counted.error();
  task.rounds_committed = counts.u32();
  task.rounds_abandoned = counts.u32();
  task.last_round = RoundId{counts.u64()};
  if (task.last_round > task.rounds_reserved) {
    return damaged(task.id, "it has recorded rounds that were never reserved");
  }

  hosting::SqliteStatement last(database_,
                                "SELECT max(version) FROM model WHERE task = ? HAVING count(*) > 0");
  const Result<bool> found = last.bind(task.id.value).step();
  if (!found) return found.error();
  if (!*found) return damaged(task.id, "it has no model");
  Result<StoredModel> newest = model(task.id, ModelVersion{last.u64()});
  if (!newest) return newest.error();
  if (newest->parameters.size() != task.spec.model.parameter_count()) {
    return damaged(task.id, fmt::format("its model has {} parameters, its spec {}", newest->parameters.size(),
                                        task.spec.model.parameter_count()));
  }
  task.model = std::move(*newest);
  return {};
}

Result<std::vector<StoredTask>> SqliteStore::load_tasks() {
  std::vector<StoredTask> tasks;
  hosting::SqliteStatement select(database_,
                                  "SELECT id, name, state, spec, rounds_reserved FROM task ORDER BY id");
  for (;;) {
    const Result<bool> row = select.step();
    if (!row) return row.error();
    if (!*row) break;
    StoredTask task;
    task.id = TaskId{select.u64()};
    const std::string name = select.text();
    const std::optional<proto::TaskState> state = from_word<proto::TaskState>(select.text());
    Result<proto::TaskSpec> spec = proto::decode_task_spec(select.text());
    if (!spec) return damaged(task.id, "its specification: " + spec.error().message());
    if (!state || spec->name != name) return damaged(task.id, "its name and state do not match its spec");
    if (const Status valid = proto::validate_task_spec(*spec); !valid.ok())
      return damaged(task.id, valid.message());
    task.spec = std::move(*spec);
    task.state = *state;
    task.rounds_reserved = RoundId{select.u64()};
    tasks.push_back(std::move(task));
  }
  for (StoredTask& task : tasks) SOTTO_RETURN_IF_ERROR(complete_task(task));
  return tasks;
}

Result<std::vector<proto::RoundRecord>> SqliteStore::rounds(TaskId task, std::uint32_t count_max) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SqliteStatement select(
      database_,
      "SELECT round, outcome, reason, base_version, committed_version, started_ms, finished_ms, cohorts, "
      "plans_given, "
      "joined, shared, collected, confirmed, unmasked, uplink_bytes, sum_count, sum_weight, sum_examples, "
      "sum_clipped, clip, sum_0, sum_1, sum_2, sum_3, sum_4, sum_5, sum_6, sum_7 FROM round WHERE task = ? "
      "ORDER BY round DESC LIMIT ?");
  select.bind(task.value).bind(count_max);
  std::vector<proto::RoundRecord> records;
  for (;;) {
    const Result<bool> row = select.step();
    if (!row) return row.error();
    if (!*row) return records;
    proto::RoundRecord record;
    record.task = task;
    record.round = RoundId{select.u64()};
    record.outcome =
        select.text() == "committed" ? proto::RoundOutcome::kCommitted : proto::RoundOutcome::kAbandoned;
    record.reason = select.text();
    record.base_version = ModelVersion{select.u64()};
    record.committed_version = ModelVersion{select.u64()};
    record.started_ms = select.integer();
    record.finished_ms = select.integer();
    for (std::uint32_t* count : {&record.cohorts, &record.plans_given, &record.joined, &record.shared,
                                 &record.collected, &record.confirmed, &record.unmasked}) {
      *count = select.u32();
    }
    record.uplink_bytes = select.u64();
    secagg::MetricSums& metrics = record.metrics;
    for (std::uint64_t* sum : {&metrics.count, &metrics.weight, &metrics.examples, &metrics.clipped}) {
      *sum = select.u64();
    }
    record.clip = static_cast<float>(select.real());
    for (std::uint64_t& sum : metrics.sums) sum = select.u64();
    records.push_back(std::move(record));
  }
}

Result<std::vector<proto::ModelRecord>> SqliteStore::models(TaskId task) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SqliteStatement select(
      database_,
      "SELECT version, committed_ms, length(parameters), sha256, coalesce(note, '') FROM model "
      "LEFT JOIN model_note USING (task, version) WHERE task = ? ORDER BY version DESC");
  select.bind(task.value);
  std::vector<proto::ModelRecord> records;
  for (;;) {
    const Result<bool> row = select.step();
    if (!row) return row.error();
    if (!*row) return records;
    proto::ModelRecord record;
    record.task = task;
    record.version = ModelVersion{select.u64()};
    record.committed_ms = select.integer();
    record.bytes = select.u64();
    const Bytes digest = select.blob();
    if (digest.size() != record.digest.size()) return damaged(task, "a model's SHA-256 has a wrong length");
    std::ranges::copy(digest, record.digest.begin());
    record.note = select.text();
    records.push_back(record);
  }
}

Result<StoredModel> SqliteStore::model(TaskId task, ModelVersion version) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SqliteStatement select(
      database_, (std::string(kModelColumns) + "FROM model WHERE task = ? AND version = ?").c_str());
  const Result<bool> row = select.bind(task.value).bind(version.value).step();
  if (!row) return row.error();
  if (!*row) {
    return not_found(fmt::format("task {} has no model version {}: list its versions with 'sotto model list'",
                                 task.value, version.value));
  }
  return read_model(select, task, version);
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options) {
  Result<hosting::SqliteDatabase> database =
      hosting::SqliteDatabase::open(options.path, options.busy_timeout_ms);
  if (!database) return database.error();
  SOTTO_RETURN_IF_ERROR(hosting::prepare_schema(*database, kCoordinatorSchema));
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(*database)));
}

}  // namespace sotto::server
