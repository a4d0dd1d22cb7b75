// A task and its rounds in flight, as the coordinator holds them in memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/report_times.h"
#include "coordinator/round.h"
#include "coordinator/spent_devices.h"
#include "sotto/base/clock.h"
#include "sotto/proto/messages.h"
#include "sotto/server/coordinator.h"
#include "sotto/server/store.h"
#include "sotto/server/store_messages.h"

namespace sotto::server {

// A round that has ended and waits for its record to be written.
struct EndedRound {
  RoundId round;
  bool committed = false;
  std::string reason{};                         // why it is abandoned
  bool helper_restarted = false;                // that is why: another round follows at once
  bool nobodys_fault = false;                   // no reason to slow down
  std::uint32_t attempts = 0;                   // to write it as it now stands
  Time retry_at = kNever;                       // after an attempt that failed
  std::optional<RecordRoundRequest> request{};  // made at the first attempt
};

// Pausing and resuming.
struct SetState {
  proto::TaskState state = proto::TaskState::kPaused;
};
// What an operator does to a task, and waits for.
struct TaskChange {
  CallId call;
  std::variant<SetState, proto::RollBackModel, proto::AbortRounds, proto::DeleteTask, proto::EditTask> act;
  std::string reason{};  // for the record, and so is who asks for it
  std::string by{};
};

struct Task {
  StoredTask stored;
  ModelBytes model_bytes;  // of stored.model
  HelperDigests helper_digests{};
  std::map<RoundId, Round> rounds;  // open: selecting devices, at work, or not yet recorded
  RoundId last_begun;               // numbers are never reused, and none above stored.rounds_reserved is used
  Time next_round_at = kNever;      // no round begins before; kNever: at once
  std::uint32_t abandoned_in_a_row = 0;
  std::uint32_t replaced_in_a_row = 0;  // lost because the mask helper restarted; not counted as abandoned
  std::int64_t round_ms = 0;            // how long rounds take, averaged; 0: not known yet
  std::uint64_t turned_away = 0;        // check-ins since the newest round began that found no place
  std::string cannot_train{};  // what the last device since then was told that cannot train the model

  ReportTimes report_times{};
  std::uint64_t turn = 0;  // when it is served next, among the tasks of its population

  // Numbers for the rounds to come, reserved well before they are used.
  std::optional<StoreCallId> reserving{};
  Time reserve_at = kNever;  // after an attempt that failed
  std::uint32_t reserve_attempts = 0;

  // Devices whose ledgers let nothing leave for this task.
  SpentDevices spent{};
  // Their vectors for this version have left in rounds that came to nothing: it is issued again as a newer
  // one when no round is open.
  bool reissue_wanted = false;
  // For which version devices have been asked for vectors: after a start perhaps for the one that is there.
  std::optional<ModelVersion> vectors_for{};
  bool reissue_uncounted = false;  // for a round that was replaced: no reason to slow down
  std::optional<StoreCallId> reissuing{};
  HelperEvent helpers_are{};      // the mask helpers that this task needs
  bool helper_missing = false;    // ... and there are none
  bool set_back_noticed = false;  // a device knows of rounds that this store does not

  // What is to be written, one thing at a time.
  std::optional<StoreCallId> writing{};
  std::deque<TaskChange> changes{};
  std::deque<EndedRound> ended{};  // in the order in which they ended

  // Takes over what the store loaded and caches the model's bytes. `helpers` is what plans of one-shot
  // sessions name.
  Task(StoredTask loaded, const HelperDigests& helpers);

  // A mask helper that it needs cannot be asked: no round begins.
  [[nodiscard]] bool helper_away() const {
    return helpers_are.stopping || !helpers_are.unusable.empty() || helper_missing;
  }
  // Whether the round gives plans, or would if it had any left.
  [[nodiscard]] bool takes_devices(const Round& round) const {
    return active() && (round.issued() || !(helper_away() || reissue_wanted));
  }
  // For a round that can be committed.
  [[nodiscard]] std::uint32_t devices_needed() const {
    return std::max<std::uint32_t>(stored.spec.participants_min, stored.spec.aggregation.cohort_min);
  }
  [[nodiscard]] bool active() const { return stored.state == proto::TaskState::kActive; }
  [[nodiscard]] Round* find_round(RoundId id);
  // nullptr when none is open.
  [[nodiscard]] Round* newest_round();
  [[nodiscard]] const Round* newest_round() const;
  // The round that gives plans now; nullptr when none does. Only the newest can.
  [[nodiscard]] Round* selecting();
  [[nodiscard]] bool may_begin_round(std::uint32_t rounds_open_max) const;
  // Numbers are to be reserved before long.
  [[nodiscard]] bool runs_out_of_numbers() const;
  [[nodiscard]] bool may_reissue_model() const;
  // Until the next round opens: from how long rounds took so far; `horizon_ms` when none is coming up.
  [[nodiscard]] std::int64_t next_round_in_ms(Time now, std::int64_t horizon_ms) const;
  // The next round, open for check-in.
  void begin_round();
  // Replaces the model by a newer one.
  void publish(StoredModel model);
};

// What the task waits for now, in one sentence, and until when (0: no deadline).
struct Waiting {
  std::string what;
  std::int64_t until_ms = 0;
};
[[nodiscard]] Waiting describe_waiting(const Task& task);
// The same for one device of the cohort, in constant time.
[[nodiscard]] std::string describe_waiting(const Round& round, const Cohort& cohort);

}  // namespace sotto::server
