#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "sotto/hosting/sealed_database.h"
#include "sotto/proto/task_json.h"
#include "sotto/server/store.h"
#include "store/backup.h"
#include "store/coordinator_schema.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

std::vector<std::uint8_t> to_vector(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

hosting::SealedOptions sealed_options(const SqliteOptions& options) {
  return {.path = options.path,
          .busy_timeout_ms = options.busy_timeout_ms,
          .when_damaged = "restore it from a backup",
          .accept_older = options.accept_older,
          .accept_option = "--accept-older-store"};
}

// To be run once before a row changes and once after.
constexpr char kAddModelDigest[] =
    "UPDATE task SET models_xor = sotto_xor(models_xor, (SELECT digest FROM model WHERE task = ?1 AND "
    "version = ?2)) WHERE id = ?1";
constexpr char kAddRoundDigest[] =
    "UPDATE task SET rounds_xor = sotto_xor(rounds_xor, (SELECT digest FROM round WHERE task = ?1 AND "
    "round = ?2)) WHERE id = ?1";

#define SOTTO_FORGOTTEN                                                         \
  "FROM model WHERE task = ?1 AND version NOT IN "                              \
  "(SELECT version FROM model WHERE task = ?1 ORDER BY version DESC LIMIT ?2) " \
  "AND (?3 = 0 OR version % ?3 != 0)"
constexpr char kForget[] = "DELETE " SOTTO_FORGOTTEN;
constexpr char kSubtractForgotten[] =
    "UPDATE task SET models_xor = sotto_xor(models_xor, (SELECT sotto_xor(digest) " SOTTO_FORGOTTEN
    ")) WHERE id = ?1";

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(hosting::SealedDatabase sealed) : sealed_(std::move(sealed)) {}

  Result<TaskId> create_task(const proto::TaskSpec& spec, const StoredModel& initial) override;
  Status set_task_state(TaskId task, proto::TaskState state) override;
  Status reserve_rounds(TaskId task, RoundId through) override;
  Status reissue_model(TaskId task, ModelVersion version) override;
  Result<StoredModel> roll_back_model(TaskId task, const RolledBack& back) override;
  Status edit_task(TaskId task, const proto::TaskSpec& spec, proto::TaskState state) override;
  Status delete_task(TaskId task, std::int64_t now_ms) override;
  Status set_ban(const Ban& ban) override;
  Status lift_ban(const std::string& device) override;
  Result<std::vector<Ban>> bans() override;
  Result<std::uint32_t> epoch() override;
  Status raise_epoch() override;
  Status raise_epoch_above(std::uint32_t below);
  Result<std::map<std::string, crypto::Digest>> neighbours() override;
  Status set_neighbours(const std::map<std::string, crypto::Digest>& neighbours) override;
  void mark_act(const std::optional<crypto::Digest>& line) override;
  Status note_act() override;
  Result<std::vector<StoredTask>> load_tasks() override;
  Status record_round(const proto::RoundRecord& round, const StoredModel* model,
                      proto::TaskState state) override;
  Result<std::vector<proto::RoundRecord>> rounds(TaskId task, std::uint32_t count_max) override;
  Result<std::vector<proto::ModelRecord>> models(TaskId task) override;
  Result<StoredModel> model(TaskId task, ModelVersion version) override;
  Status in_place() const override { return sealed_.in_place(); }
  Status copy_out(const std::filesystem::path& file) override { return sealed_.copy_out(file); }
  Status backup(const std::filesystem::path& file) override { return write_backup(sealed_, file); }

 private:
  Status insert_model(TaskId task, const StoredModel& model);
  Status insert_note(TaskId task, ModelVersion version, const std::string& note);
  // Runs a statement with the task's number for its one parameter.
  Status run_for(const char* sql, TaskId task);
  // The task's last version, and kFailedPrecondition unless `version` is above it.
  Result<std::uint64_t> require_newer(TaskId task, ModelVersion version);
  Result<std::uint64_t> next_task();
  Status insert_round(const proto::RoundRecord& round);
  Status forget_versions(TaskId task);
  Status update_state(TaskId task, proto::TaskState state);
  // kNotFound when there is no such task.
  Status require_task(TaskId task);
  Status complete_task(StoredTask& task);
  Result<StoredModel> read_model(hosting::SqliteStatement& row, TaskId task, ModelVersion version) const;
  Status damaged(TaskId task, const std::string& what) const;

  // Brings the digests up to what this change has made of the task and, where named, of a row of its own.
  Status seal_task(TaskId task);
  Status seal_row(const char* seal, const char* owner, TaskId task, std::uint64_t row);
  hosting::SqliteDatabase& database() { return sealed_.database(); }
  [[nodiscard]] const std::string& path() const { return sealed_.database().path(); }

  hosting::SealedDatabase sealed_;
};

Status SqliteStore::damaged(TaskId task, const std::string& what) const {
  return data_loss(
      fmt::format("database {}, task {}: {}: restore the file from a backup", path(), task.value, what));
}

Status SqliteStore::require_task(TaskId task) {
  hosting::SqliteStatement statement(database(), "SELECT 1 FROM task WHERE id = ?");
  const Result<bool> row = statement.bind(task.value).step();
  if (!row) return row.error();
  if (*row) return {};
  return not_found(fmt::format("database {} has no task with id {}: list the tasks with 'sotto task list'",
                               path(), task.value));
}

Result<TaskId> SqliteStore::create_task(const proto::TaskSpec& spec, const StoredModel& initial) {
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  hosting::SqliteStatement existing(database(), "SELECT 1 FROM task WHERE name = ?");
  const Result<bool> exists = existing.bind(std::string_view(spec.name)).step();
  if (!exists) return exists.error();
  if (*exists) {
    return Status(StatusCode::kAlreadyExists,
                  fmt::format("a task named '{}' exists: choose another name", spec.name));
  }
  const Result<std::uint32_t> current_epoch = epoch();
  if (!current_epoch) return current_epoch.error();
  hosting::SqliteStatement insert(
      database(),
      "INSERT INTO task (id, name, state, spec, rounds_reserved, rounds_xor, models_xor) "
      "VALUES (?, ?, 'active', ?, ?, zeroblob(32), zeroblob(32))");
  const Result<std::uint64_t> number = next_task();
  if (!number) return number.error();
  SOTTO_RETURN_IF_ERROR(insert.bind(*number)
                            .bind(std::string_view(spec.name))
                            .bind(std::string_view(proto::encode_task_spec(spec)))
                            .bind(first_rounds(*current_epoch).reserved.value)
                            .run());
  const TaskId id{*number};
  SOTTO_RETURN_IF_ERROR(insert_model(id, initial));
  SOTTO_RETURN_IF_ERROR(seal_task(id));
  SOTTO_RETURN_IF_ERROR(change.commit());
  return id;
}

Status SqliteStore::update_state(TaskId task, proto::TaskState state) {
  hosting::SqliteStatement update(database(), "UPDATE task SET state = ? WHERE id = ?");
  return update.bind(std::string_view(word_of(state))).bind(task.value).run();
}

// The sum of digests holds another row's, or does no longer: adding it twice takes it away.
Status SqliteStore::seal_row(const char* seal, const char* owner, TaskId task, std::uint64_t row) {
  SOTTO_RETURN_IF_ERROR(hosting::SqliteStatement(database(), seal).bind(task.value).bind(row).run());
  return hosting::SqliteStatement(database(), owner).bind(task.value).bind(row).run();
}

Status SqliteStore::seal_task(TaskId task) {
  return hosting::SqliteStatement(database(), kSealTask).bind(task.value).run();
}

Status SqliteStore::set_task_state(TaskId task, proto::TaskState state) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  SOTTO_RETURN_IF_ERROR(update_state(task, state));
  SOTTO_RETURN_IF_ERROR(seal_task(task));
  return change.commit();
}

Status SqliteStore::reserve_rounds(TaskId task, RoundId through) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  hosting::SqliteStatement select(database(), "SELECT rounds_reserved FROM task WHERE id = ?");
  const Result<bool> row = select.bind(task.value).step();
  if (!row) return row.error();
  if (!*row) return damaged(task, "it has vanished");
  if (const std::uint64_t reserved = select.u64(); through.value <= reserved) {
    return failed_precondition(
        fmt::format("database {}, task {}: rounds up to {} are reserved already, by another coordinator or "
                    "an earlier one",
                    path(), task.value, reserved));
  }
  hosting::SqliteStatement update(database(), "UPDATE task SET rounds_reserved = ? WHERE id = ?");
  SOTTO_RETURN_IF_ERROR(update.bind(through.value).bind(task.value).run());
  SOTTO_RETURN_IF_ERROR(seal_task(task));
  return change.commit();
}

Status SqliteStore::reissue_model(TaskId task, ModelVersion version) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  const Result<std::uint64_t> newest = require_newer(task, version);
  if (!newest) return newest.error();
  SOTTO_RETURN_IF_ERROR(
      hosting::SqliteStatement(database(), kAddModelDigest).bind(task.value).bind(*newest).run());
  for (const char* sql : {"UPDATE model SET version = ? WHERE task = ? AND version = ?",
                          "UPDATE model_note SET version = ? WHERE task = ? AND version = ?"}) {
    hosting::SqliteStatement update(database(), sql);
    SOTTO_RETURN_IF_ERROR(update.bind(version.value).bind(task.value).bind(*newest).run());
  }
  SOTTO_RETURN_IF_ERROR(
      hosting::SqliteStatement(database(), kSealNote).bind(task.value).bind(version.value).run());
  SOTTO_RETURN_IF_ERROR(seal_row(kSealModel, kAddModelDigest, task, version.value));
  SOTTO_RETURN_IF_ERROR(seal_task(task));
  return change.commit();
}

Result<std::uint64_t> SqliteStore::require_newer(TaskId task, ModelVersion version) {
  hosting::SqliteStatement last(database(),
                                "SELECT max(version) FROM model WHERE task = ? HAVING count(*) > 0");
  const Result<bool> row = last.bind(task.value).step();
  if (!row) return row.error();
  if (!*row) return damaged(task, "it has no model");
  const std::uint64_t newest = last.u64();
  if (version.value > newest) return newest;
  return failed_precondition(
      fmt::format("database {}, task {}: the model is of version {} already", path(), task.value, newest));
}

Result<StoredModel> SqliteStore::roll_back_model(TaskId task, const RolledBack& back) {
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  Result<StoredModel> next = model(task, back.to);
  if (!next) return next.error();
  const Result<std::uint64_t> newest = require_newer(task, back.version);
  if (!newest) return newest.error();
  next->version = back.version;
  next->optimizer_state = {};
  next->committed_ms = back.committed_ms;
  next->note = back.note;
  SOTTO_RETURN_IF_ERROR(insert_model(task, *next));
  SOTTO_RETURN_IF_ERROR(seal_task(task));
  SOTTO_RETURN_IF_ERROR(change.commit());
  return next;
}

Status SqliteStore::edit_task(TaskId task, const proto::TaskSpec& spec, proto::TaskState state) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  hosting::SqliteStatement update(database(), "UPDATE task SET spec = ?, state = ? WHERE id = ?");
  SOTTO_RETURN_IF_ERROR(update.bind(std::string_view(proto::encode_task_spec(spec)))
                            .bind(std::string_view(word_of(state)))
                            .bind(task.value)
                            .run());
  SOTTO_RETURN_IF_ERROR(seal_task(task));
  return change.commit();
}

Status SqliteStore::run_for(const char* sql, TaskId task) {
  return hosting::SqliteStatement(database(), sql).bind(task.value).run();
}

Status SqliteStore::delete_task(TaskId task, std::int64_t now_ms) {
  SOTTO_RETURN_IF_ERROR(require_task(task));
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  hosting::SqliteStatement remember(
      database(),
      "INSERT INTO deleted_task (id, name, deleted_ms) SELECT id, name, ? FROM task WHERE id = ?");
  SOTTO_RETURN_IF_ERROR(remember.bind(now_ms).bind(task.value).run());
  SOTTO_RETURN_IF_ERROR(run_for(kSealDeleted, task));
  for (const char* sql : {"DELETE FROM round WHERE task = ?", "DELETE FROM model_note WHERE task = ?",
                          "DELETE FROM model WHERE task = ?", "DELETE FROM task WHERE id = ?"}) {
    SOTTO_RETURN_IF_ERROR(run_for(sql, task));
  }
  return change.commit();
}

// Devices remember what they have sent for a task of this number: it is given once.
Result<std::uint64_t> SqliteStore::next_task() {
  hosting::SqliteStatement last(database(),
                                "SELECT 1 + max((SELECT coalesce(max(id), 0) FROM task), "
                                "(SELECT coalesce(max(id), 0) FROM deleted_task))");
  const Result<bool> row = last.step();
  if (!row) return row.error();
  return last.u64();
}

Status SqliteStore::set_ban(const Ban& ban) {
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  hosting::SqliteStatement insert(database(),
                                  "INSERT OR REPLACE INTO ban (device, reason, since_ms) VALUES (?, ?, ?)");
  SOTTO_RETURN_IF_ERROR(
      insert.bind(std::string_view(ban.device)).bind(std::string_view(ban.reason)).bind(ban.since_ms).run());
  SOTTO_RETURN_IF_ERROR(
      hosting::SqliteStatement(database(), kSealBan).bind(std::string_view(ban.device)).run());
  return change.commit();
}

Status SqliteStore::lift_ban(const std::string& device) {
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  hosting::SqliteStatement find(database(), "SELECT 1 FROM ban WHERE device = ?");
  const Result<bool> row = find.bind(std::string_view(device)).step();
  if (!row) return row.error();
  if (!*row) return not_found(fmt::format("device '{}' is not banned", device));
  hosting::SqliteStatement lift(database(), "DELETE FROM ban WHERE device = ?");
  SOTTO_RETURN_IF_ERROR(lift.bind(std::string_view(device)).run());
  return change.commit();
}

Result<std::vector<Ban>> SqliteStore::bans() {
  hosting::SqliteStatement select(database(), "SELECT device, reason, since_ms FROM ban ORDER BY device");
  std::vector<Ban> bans;
  for (;;) {
    const Result<bool> row = select.step();
    if (!row) return row.error();
    if (!*row) return bans;
    Ban& ban = bans.emplace_back();
    ban.device = select.text();
    ban.reason = select.text();
    ban.since_ms = select.integer();
  }
}

Result<std::uint32_t> SqliteStore::epoch() {
  hosting::SqliteStatement select(database(), "SELECT epoch FROM coordinator WHERE id = 1");
  const Result<bool> row = select.step();
  if (!row) return row.error();
  const std::uint64_t epoch = *row ? select.u64() : kRoundEpochMax + std::uint64_t{1};
  if (epoch <= kRoundEpochMax) return static_cast<std::uint32_t>(epoch);
  return data_loss(fmt::format("database {} has no epoch: restore the file from a backup", path()));
}

Status SqliteStore::raise_epoch() {
  const Result<std::uint32_t> current = epoch();
  return current ? raise_epoch_above(*current) : current.error();
}

Status SqliteStore::raise_epoch_above(std::uint32_t below) {
  // SQLite's integers have a sign.
  if (below >= kRoundEpochMax / 2) return failed_precondition("the epoch cannot be raised any more");
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  hosting::SqliteStatement raise(database(), "UPDATE coordinator SET epoch = ? WHERE id = 1");
  SOTTO_RETURN_IF_ERROR(raise.bind(below + 1).run());
  hosting::SqliteStatement reserve(database(), "UPDATE task SET rounds_reserved = ?");
  SOTTO_RETURN_IF_ERROR(reserve.bind(first_rounds(below + 1).last.value).run());
  SOTTO_RETURN_IF_ERROR(database().execute(kSealTasks));
  return change.commit();
}

Result<std::map<std::string, crypto::Digest>> SqliteStore::neighbours() { return sealed_.neighbours(); }

void SqliteStore::mark_act(const std::optional<crypto::Digest>& line) {
  if (!line) return sealed_.mark_next_change({});
  sealed_.mark_next_change(hosting::SealedDatabase::Mark{kAuditNeighbour, *line});
}

Status SqliteStore::note_act() {
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  return change.commit();
}

Status SqliteStore::set_neighbours(const std::map<std::string, crypto::Digest>& neighbours) {
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  for (const auto& [name, value] : neighbours) SOTTO_RETURN_IF_ERROR(sealed_.set_neighbour(name, value));
  return change.commit();
}

Status SqliteStore::insert_model(TaskId task, const StoredModel& model) {
  const std::vector<std::uint8_t> parameters = encode_floats(model.parameters);
  const crypto::Digest state_digest = crypto::sha256({model.optimizer_state});
  hosting::SqliteStatement insert(
      database(),
      "INSERT INTO model (task, version, committed_ms, clip, segment_clips, sha256, optimizer_sha256, "
      "digest, parameters, optimizer_state) VALUES (?, ?, ?, ?, ?, ?, ?, x'', ?, ?)");
  insert.bind(task.value)
      .bind(model.version.value)
      .bind(model.committed_ms)
      .bind(static_cast<double>(model.clip));
  const std::vector<std::uint8_t> segment_clips = encode_floats(model.segment_clips);
  insert.bind(Bytes(segment_clips));
  insert.bind(Bytes(model.digest)).bind(Bytes(state_digest)).bind(Bytes(parameters));
  insert.bind(Bytes(model.optimizer_state));
  SOTTO_RETURN_IF_ERROR(insert.run());
  if (!model.note.empty()) SOTTO_RETURN_IF_ERROR(insert_note(task, model.version, model.note));
  return seal_row(kSealModel, kAddModelDigest, task, model.version.value);
}

Status SqliteStore::insert_note(TaskId task, ModelVersion version, const std::string& note) {
  hosting::SqliteStatement insert(database(),
                                  "INSERT INTO model_note (task, version, note) VALUES (?, ?, ?)");
  SOTTO_RETURN_IF_ERROR(insert.bind(task.value).bind(version.value).bind(std::string_view(note)).run());
  return hosting::SqliteStatement(database(), kSealNote).bind(task.value).bind(version.value).run();
}

Status SqliteStore::insert_round(const proto::RoundRecord& round) {
  const std::string sql = fmt::format(
      "INSERT INTO round ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?, ?)",
      kRoundColumns);
  hosting::SqliteStatement insert(database(), sql.c_str());
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
  SOTTO_RETURN_IF_ERROR(insert.run());
  return seal_row(kSealRound, kAddRoundDigest, round.task, round.round.value);
}

// What a task does not keep leaves room in the file for what comes.
Status SqliteStore::forget_versions(TaskId task) {
  hosting::SqliteStatement select(database(), "SELECT spec FROM task WHERE id = ?");
  const Result<bool> row = select.bind(task.value).step();
  if (!row) return row.error();
  const Result<proto::TaskSpec> spec = proto::decode_task_spec(*row ? select.text() : "");
  if (!spec) return damaged(task, "its specification: " + spec.error().message());
  const std::uint32_t kept = versions_kept(*spec);
  if (kept == 0) return {};
  for (const char* sql : {kSubtractForgotten, kForget}) {
    hosting::SqliteStatement statement(database(), sql);
    SOTTO_RETURN_IF_ERROR(statement.bind(task.value).bind(kept).bind(spec->keep_every).run());
  }
  return {};
}

Status SqliteStore::record_round(const proto::RoundRecord& round, const StoredModel* model,
                                 proto::TaskState state) {
  hosting::SealedChange change(sealed_);
  SOTTO_RETURN_IF_ERROR(change.begin());
  SOTTO_RETURN_IF_ERROR(require_task(round.task));
  SOTTO_RETURN_IF_ERROR(insert_round(round));
  if (model != nullptr) {
    SOTTO_RETURN_IF_ERROR(insert_model(round.task, *model));
    SOTTO_RETURN_IF_ERROR(forget_versions(round.task));
  }
  SOTTO_RETURN_IF_ERROR(update_state(round.task, state));
  SOTTO_RETURN_IF_ERROR(seal_task(round.task));
  return change.commit();
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
      database(),
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

  hosting::SqliteStatement last(database(),
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
  hosting::SqliteStatement select(database(),
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
  const std::string sql =
      fmt::format("SELECT {} FROM round WHERE task = ? ORDER BY round DESC LIMIT ?", kRoundColumns);
  hosting::SqliteStatement select(database(), sql.c_str());
  select.bind(task.value).bind(count_max);
  std::vector<proto::RoundRecord> records;
  for (;;) {
    const Result<bool> row = select.step();
    if (!row) return row.error();
    if (!*row) return records;
    proto::RoundRecord record;
    record.task = TaskId{select.u64()};
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
      database(),
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
      database(), (std::string(kModelColumns) + "FROM model WHERE task = ? AND version = ?").c_str());
  const Result<bool> row = select.bind(task.value).bind(version.value).step();
  if (!row) return row.error();
  if (!*row) {
    hosting::SqliteStatement name(database(), "SELECT name FROM task WHERE id = ?");
    const Result<bool> named = name.bind(task.value).step();
    if (!named) return named.error();
    return not_found(
        fmt::format("task '{0}' has no model version {1}: list its versions with 'sotto model list {0}'",
                    name.text(), version.value));
  }
  return read_model(select, task, version);
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options) {
  Result<hosting::SealedDatabase> sealed =
      hosting::SealedDatabase::open(sealed_options(options), kCoordinatorSchema);
  if (!sealed) return sealed.error();
  const std::optional<std::uint32_t> below = sealed->accepted_below();
  auto store = std::make_unique<SqliteStore>(std::move(*sealed));
  if (below) SOTTO_RETURN_IF_ERROR(store->raise_epoch_above(std::max(*below, options.epoch_above)));
  return std::unique_ptr<Store>(std::move(store));
}

Status check_sqlite_store(const SqliteOptions& options) {
  return hosting::SealedDatabase::inspect(sealed_options(options), kCoordinatorSchema).status();
}

Status examine_sqlite_store(const SqliteOptions& options) {
  auto sealed = hosting::SealedDatabase::inspect(sealed_options(options), kCoordinatorSchema);
  if (!sealed) return sealed.error();
  return check_models(sealed->database());
}

}  // namespace sotto::server
