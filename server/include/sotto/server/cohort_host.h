// Where cohorts live: their sessions, their keys, and the way to the mask helper. The coordinator knows
// them by address and speaks to them in messages (cohort_messages.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/aggregator/one_shot_session.h"
#include "sotto/base/executor.h"
#include "sotto/base/random.h"
#include "sotto/server/cohort_messages.h"

namespace sotto::server {

struct CohortHostOptions {
  // Who enrols devices: the key that is pinned; without it signed sessions are refused. Each cohort is told
  // what that authority has revoked.
  std::optional<secagg::Trust> authority{};
  // Without both one-shot sessions are refused. They must outlive the host. The signer has the key that signs
  // plans; it is used in finish(), while that one may be at work on another thread. Helpers are in the order
  // in which plans name them.
  secagg::Signer* coordinator = nullptr;
  aggregator::HelperLinks helpers{};
};

// The session that a cohort asks for, which begins `now`.
using MakeCohortSession = std::function<Result<std::unique_ptr<aggregator::CohortSession>>(
    const proto::Plan& plan, const OpenCohort&, Time now)>;

// Why this plan's sessions cannot be served for want of a helper or an authority.
[[nodiscard]] Status check_one_shot(bool has_helper, bool has_authority);

class CohortHost {
 public:
  // `random` must outlive the host.
  CohortHost(Random& random, const CohortHostOptions& options);
  explicit CohortHost(MakeCohortSession make_session);
  ~CohortHost();
  CohortHost(const CohortHost&) = delete;
  CohortHost& operator=(const CohortHost&) = delete;

  // What comes of the command. From one thread. An address that is not open is none of ours: no event.
  [[nodiscard]] std::vector<CohortEvent> step(const CohortAddress& cohort, const CohortCommand& command,
                                              Time now);

  // After CohortReady: removes the masks, which is heavy, and may wait for the helper. From any thread, also
  // while step() is at work on others or on this one; a cohort discarded meanwhile finishes for nobody.
  [[nodiscard]] CohortEvent finish(const CohortAddress& cohort, Executor& executor);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::server
