// Drives many device sessions at once from one thread: the event loop a device has for itself, for a whole
// fleet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fleet/backend.h"
#include "fleet/transcript.h"
#include "sotto/base/executor.h"
#include "sotto/client/session.h"
#include "sotto/client/trainer.h"
#include "sotto/crypto/primitives.h"

namespace sotto::simulation {

// One device in one round.
struct Member {
  std::size_t device = 0;  // index for Backend::transport()
  client::Session session;
  client::Trainer* trainer = nullptr;  // borrowed
  std::unique_ptr<crypto::SeededRandom> training_random;
  std::optional<proto::Step> drop_before;  // leaves instead of sending this step
};

struct MemberOutcome {
  bool dropped = false;
  client::Session::Done done;
  VisitTranscript::Total transcript;
};

struct FleetDriverOptions {
  bool silent_dropout = false;
};

// Runs every member's session to its end and returns their outcomes in order. Trainings run on `executor`,
// everything else on the calling thread. All arguments must outlive the call.
[[nodiscard]] std::vector<MemberOutcome> drive_fleet(std::vector<Member>& members, Backend& backend,
                                                     Executor& executor, const FleetDriverOptions& options);

}  // namespace sotto::simulation
