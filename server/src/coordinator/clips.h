// The quantiser's clips of a task: where they start, what a round's plan has, how they follow the updates.
#pragma once

#include "sotto/aggregator/cohort_sum.h"
#include "sotto/proto/task.h"
#include "sotto/server/store.h"

namespace sotto::server {

void set_first_clips(const proto::TaskSpec& spec, StoredModel& model);
// None above its ceiling (`clip_max` of the task), however the model came by it.
void put_clips(const proto::TaskSpec& spec, const StoredModel& model, proto::Plan& plan);
// Does nothing when the task's clips are fixed. `plan` is the round's and `sum` what came of it.
void adapt_clips(const proto::TaskSpec& spec, const proto::Plan& plan, const aggregator::CohortSum& sum,
                 StoredModel& model);

}  // namespace sotto::server
