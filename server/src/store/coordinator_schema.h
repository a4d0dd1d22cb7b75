// The coordinator's tables. What a new column of one is to count for goes into the list of columns that its
// digest is over, in the same commit as the migration that adds it.
#pragma once

#include "sotto/hosting/sealed_database.h"

namespace sotto::server {

extern const hosting::SealedSchema kCoordinatorSchema;

// In the order in which a round is written and read.
extern const char* const kRoundColumns;
// Bring one row's digest up to its values: task and round, task and version (of a model, of a note), task,
// deleted task, device.
extern const char* const kSealRound;
extern const char* const kSealModel;
extern const char* const kSealNote;
extern const char* const kSealTask;
extern const char* const kSealDeleted;
extern const char* const kSealBan;
extern const char* const kSealTasks;  // all of them

}  // namespace sotto::server
