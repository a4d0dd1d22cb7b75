#include "store/coordinator_schema.h"

#include <array>

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
    // Where versions come from that no round made, and numbers of tasks that are not given again.
    R"sql(
CREATE TABLE model_note (
  task INTEGER NOT NULL REFERENCES task (id),
  version INTEGER NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (task, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE deleted_task (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  deleted_ms INTEGER NOT NULL
) STRICT;
)sql",
};

}  // namespace

// The application id is "SOTO".
const hosting::SqliteSchema kCoordinatorSchema{.application_id = 0x534f544f, .migrations = kMigrations};

}  // namespace sotto::server
