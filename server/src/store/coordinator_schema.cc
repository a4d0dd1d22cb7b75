#include "store/coordinator_schema.h"

#include <array>
#include <cstdint>

namespace sotto::server {
namespace {

constexpr std::array kMigrations = {
    R"sql(
CREATE TABLE task (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'complete')),
  spec TEXT NOT NULL  -- JSON
) STRICT;
CREATE TABLE model (
  task INTEGER NOT NULL REFERENCES task (id),
  version INTEGER NOT NULL,
  committed_ms INTEGER NOT NULL,
  clip REAL NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),  -- of parameters
  velocity_sha256 BLOB NOT NULL CHECK (length(velocity_sha256) = 32),
  parameters BLOB NOT NULL,  -- little-endian float32
  velocity BLOB NOT NULL,
  PRIMARY KEY (task, version)
) STRICT;
CREATE TABLE round (
  task INTEGER NOT NULL REFERENCES task (id),
  round INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('committed', 'abandoned')),
  reason TEXT NOT NULL,
  base_version INTEGER NOT NULL,
  committed_version INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  finished_ms INTEGER NOT NULL,
  cohorts INTEGER NOT NULL,
  plans_given INTEGER NOT NULL,
  joined INTEGER NOT NULL,
  shared INTEGER NOT NULL,
  collected INTEGER NOT NULL,
  unmasked INTEGER NOT NULL,
  uplink_bytes INTEGER NOT NULL,
  sum_count INTEGER NOT NULL,
  sum_weight INTEGER NOT NULL,
  sum_examples INTEGER NOT NULL,
  sum_correct INTEGER NOT NULL,
  sum_loss_1024 INTEGER NOT NULL,
  sum_clipped INTEGER NOT NULL,
  clip REAL NOT NULL,
  PRIMARY KEY (task, round)
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE round ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
)sql",
    // The momentum's velocity becomes the state of an optimiser: version 1, kind 1. A row that does not match
    // its digest must not match the new one either.
    R"sql(
ALTER TABLE model ADD COLUMN optimizer_state BLOB NOT NULL DEFAULT x'';
ALTER TABLE model ADD COLUMN optimizer_sha256 BLOB NOT NULL DEFAULT x'';
UPDATE model SET optimizer_state = CAST(x'0101' || velocity AS BLOB) WHERE length(velocity) > 0;
UPDATE model SET optimizer_sha256 = sotto_sha256(optimizer_state)
  WHERE velocity_sha256 = sotto_sha256(velocity);
ALTER TABLE model DROP COLUMN velocity;
ALTER TABLE model DROP COLUMN velocity_sha256;
)sql",
    // Sums as the task declares them, and clips of segments.
    R"sql(
ALTER TABLE model ADD COLUMN segment_clips BLOB NOT NULL DEFAULT x'';  -- little-endian float32
ALTER TABLE round ADD COLUMN sum_2 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE round ADD COLUMN sum_3 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE round ADD COLUMN sum_4 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE round ADD COLUMN sum_5 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE round ADD COLUMN sum_6 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE round ADD COLUMN sum_7 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE round RENAME COLUMN sum_correct TO sum_0;
ALTER TABLE round RENAME COLUMN sum_loss_1024 TO sum_1;
)sql",
    // Round numbers are reserved in blocks before they are used. An older coordinator had at most 16 rounds
    // open above the last one on record.
    R"sql(
ALTER TABLE task ADD COLUMN rounds_reserved INTEGER NOT NULL DEFAULT 0;
UPDATE task SET rounds_reserved = 16 + coalesce((SELECT max(round) FROM round WHERE round.task = task.id), 0);
CREATE TABLE coordinator (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL  -- of the round numbers of new tasks
) STRICT;
INSERT INTO coordinator (id, epoch) VALUES (1, 0);
)sql",
    // Digests over rows, of which the sums stand in their task's row and in the coordinator's; and what other
    // files beside the database are. What is large comes last in a row, so that the rest is read without it.
    R"sql(
CREATE TABLE model_with_digest (
  task INTEGER NOT NULL REFERENCES task (id),
  version INTEGER NOT NULL,
  committed_ms INTEGER NOT NULL,
  clip REAL NOT NULL,
  segment_clips BLOB NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  optimizer_sha256 BLOB NOT NULL,
  digest BLOB NOT NULL,
  parameters BLOB NOT NULL,
  optimizer_state BLOB NOT NULL,
  PRIMARY KEY (task, version)
) STRICT;
INSERT INTO model_with_digest SELECT task, version, committed_ms, clip, segment_clips, sha256,
  optimizer_sha256, x'', parameters, optimizer_state FROM model;
DROP TABLE model;
ALTER TABLE model_with_digest RENAME TO model;
ALTER TABLE round ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
ALTER TABLE task ADD COLUMN rounds_xor BLOB NOT NULL DEFAULT x'';
ALTER TABLE task ADD COLUMN models_xor BLOB NOT NULL DEFAULT x'';
ALTER TABLE task ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
CREATE TABLE neighbour (
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL CHECK (length(value) = 32),
  digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE coordinator ADD COLUMN store_id BLOB NOT NULL DEFAULT x'';
ALTER TABLE coordinator ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE coordinator ADD COLUMN tasks_xor BLOB NOT NULL DEFAULT x'';
ALTER TABLE coordinator ADD COLUMN neighbours_xor BLOB NOT NULL DEFAULT x'';
ALTER TABLE coordinator ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
UPDATE coordinator SET store_id = randomblob(16);
-- Tasks of before there was a choice keep every version, as they were told.
UPDATE task SET spec = json_set(spec, '$.keep_versions', 0) WHERE json_valid(spec);
)sql",
    // Where versions come from that no round made, numbers of tasks that are not given again, devices that
    // get no plan.
    R"sql(
CREATE TABLE model_note (
  task INTEGER NOT NULL REFERENCES task (id),
  version INTEGER NOT NULL,
  note TEXT NOT NULL,
  digest BLOB NOT NULL DEFAULT x'',
  PRIMARY KEY (task, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE deleted_task (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  deleted_ms INTEGER NOT NULL,
  digest BLOB NOT NULL DEFAULT x''
) STRICT;
CREATE TABLE ban (
  device TEXT NOT NULL PRIMARY KEY,
  reason TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  digest BLOB NOT NULL DEFAULT x''
) STRICT, WITHOUT ROWID;
ALTER TABLE coordinator ADD COLUMN notes_xor BLOB NOT NULL DEFAULT x'';
ALTER TABLE coordinator ADD COLUMN deleted_xor BLOB NOT NULL DEFAULT x'';
ALTER TABLE coordinator ADD COLUMN bans_xor BLOB NOT NULL DEFAULT x'';
)sql",
};

constexpr std::int64_t kSealedFrom = 6;

#define SOTTO_ROUND_COLUMNS                                                                            \
  "task, round, outcome, reason, base_version, committed_version, started_ms, finished_ms, cohorts, "  \
  "plans_given, joined, shared, collected, confirmed, unmasked, uplink_bytes, sum_count, sum_weight, " \
  "sum_examples, sum_clipped, clip, sum_0, sum_1, sum_2, sum_3, sum_4, sum_5, sum_6, sum_7"
#define SOTTO_MODEL_COLUMNS "task, version, committed_ms, clip, segment_clips, sha256, optimizer_sha256"
#define SOTTO_TASK_COLUMNS "id, name, state, spec, rounds_reserved, rounds_xor, models_xor"
#define SOTTO_NOTE_COLUMNS "task, version, note"
#define SOTTO_DELETED_COLUMNS "id, name, deleted_ms"
#define SOTTO_BAN_COLUMNS "device, reason, since_ms"
#define SOTTO_COORDINATOR_COLUMNS \
  "id, epoch, store_id, changes, tasks_xor, neighbours_xor, notes_xor, deleted_xor, bans_xor"

#define SOTTO_SEAL_COORDINATOR                                               \
  "UPDATE coordinator SET tasks_xor = (SELECT sotto_xor(digest) FROM task)," \
  " neighbours_xor = (SELECT sotto_xor(digest) FROM neighbour),"             \
  " notes_xor = (SELECT sotto_xor(digest) FROM model_note),"                 \
  " deleted_xor = (SELECT sotto_xor(digest) FROM deleted_task),"             \
  " bans_xor = (SELECT sotto_xor(digest) FROM ban);"                         \
  "UPDATE coordinator SET digest = sotto_row_digest('coordinator', " SOTTO_COORDINATOR_COLUMNS ");"

constexpr char kSeal[] =
    "UPDATE round SET digest = sotto_row_digest('round', " SOTTO_ROUND_COLUMNS
    ");"
    "UPDATE model SET digest = sotto_row_digest('model', " SOTTO_MODEL_COLUMNS
    ");"
    "UPDATE task SET rounds_xor = (SELECT sotto_xor(r.digest) FROM round r WHERE r.task = task.id),"
    " models_xor = (SELECT sotto_xor(m.digest) FROM model m WHERE m.task = task.id);"
    "UPDATE task SET digest = sotto_row_digest('task', " SOTTO_TASK_COLUMNS
    ");"
    "UPDATE neighbour SET digest = sotto_row_digest('neighbour', name, value);"
    "UPDATE model_note SET digest = sotto_row_digest('model_note', " SOTTO_NOTE_COLUMNS
    ");"
    "UPDATE deleted_task SET digest = sotto_row_digest('deleted_task', " SOTTO_DELETED_COLUMNS
    ");"
    "UPDATE ban SET digest = sotto_row_digest('ban', " SOTTO_BAN_COLUMNS ");" SOTTO_SEAL_COORDINATOR;

constexpr char kSealRoot[] = "UPDATE coordinator SET changes = changes + 1;" SOTTO_SEAL_COORDINATOR;

constexpr char kCheckSums[] =
    "SELECT 'task ' || id FROM task t"
    " WHERE rounds_xor IS NOT (SELECT sotto_xor(r.digest) FROM round r WHERE r.task = t.id)"
    " OR models_xor IS NOT (SELECT sotto_xor(m.digest) FROM model m WHERE m.task = t.id) "
    "UNION ALL SELECT 'the list of tasks or neighbours' FROM coordinator"
    " WHERE tasks_xor IS NOT (SELECT sotto_xor(digest) FROM task)"
    " OR neighbours_xor IS NOT (SELECT sotto_xor(digest) FROM neighbour) "
    "UNION ALL SELECT 'the list of notes, deleted tasks or bans' FROM coordinator"
    " WHERE notes_xor IS NOT (SELECT sotto_xor(digest) FROM model_note)"
    " OR deleted_xor IS NOT (SELECT sotto_xor(digest) FROM deleted_task)"
    " OR bans_xor IS NOT (SELECT sotto_xor(digest) FROM ban) "
    "UNION ALL SELECT 'a round of a task that is not there' FROM round"
    " WHERE task NOT IN (SELECT id FROM task) "
    "UNION ALL SELECT 'a model of a task that is not there' FROM model"
    " WHERE task NOT IN (SELECT id FROM task) LIMIT 1";

constexpr std::array<hosting::SealedTable, 8> kSealedTables = {{
    {"task", "id", SOTTO_TASK_COLUMNS},
    {"round", "task || ', ' || round", SOTTO_ROUND_COLUMNS},
    {"model", "task || ', ' || version", SOTTO_MODEL_COLUMNS},
    {"neighbour", "name", "name, value"},
    {"model_note", "task || ', ' || version", SOTTO_NOTE_COLUMNS},
    {"deleted_task", "id", SOTTO_DELETED_COLUMNS},
    {"ban", "device", SOTTO_BAN_COLUMNS},
    {"coordinator", "id", SOTTO_COORDINATOR_COLUMNS},
}};

}  // namespace

const char* const kRoundColumns = SOTTO_ROUND_COLUMNS;
const char* const kSealRound = "UPDATE round SET digest = sotto_row_digest('round', " SOTTO_ROUND_COLUMNS
                               ") WHERE task = ?1 AND round = ?2";
const char* const kSealModel = "UPDATE model SET digest = sotto_row_digest('model', " SOTTO_MODEL_COLUMNS
                               ") WHERE task = ?1 AND version = ?2";
const char* const kSealNote =
    "UPDATE model_note SET digest = sotto_row_digest('model_note', " SOTTO_NOTE_COLUMNS
    ") WHERE task = ?1 AND version = ?2";
const char* const kSealDeleted =
    "UPDATE deleted_task SET digest = sotto_row_digest('deleted_task', " SOTTO_DELETED_COLUMNS
    ") WHERE id = ?1";
const char* const kSealBan =
    "UPDATE ban SET digest = sotto_row_digest('ban', " SOTTO_BAN_COLUMNS ") WHERE device = ?1";
const char* const kSealTask =
    "UPDATE task SET digest = sotto_row_digest('task', " SOTTO_TASK_COLUMNS ") WHERE id = ?1";
const char* const kSealTasks = "UPDATE task SET digest = sotto_row_digest('task', " SOTTO_TASK_COLUMNS ")";

// The application id is "SOTO".
const hosting::SealedSchema kCoordinatorSchema{
    .schema = {.application_id = 0x534f544f, .migrations = kMigrations, .seal = kSeal},
    .tables = kSealedTables,
    .root = "coordinator",
    .sealed_from = kSealedFrom,
    .check_sums = kCheckSums,
    .seal_root = kSealRoot};

}  // namespace sotto::server
