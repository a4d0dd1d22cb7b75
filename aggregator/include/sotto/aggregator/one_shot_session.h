// A cohort of devices that each send one message, and the one or two helpers that take their masks off
// (PROTOCOL.md section 10).
//
//   admit()* -> close_step() -> finish()
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/inline_list.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::aggregator {

// The way to the helper.
class HelperLink {
 public:
  virtual ~HelperLink() = default;
  // Puts one helper request (secagg/one_shot.h) to the helper and blocks for its answer. The helper answers
  // the same bytes with the same sum, so an implementation may repeat them; it has a deadline of its own. An
  // error says that nobody answered.
  [[nodiscard]] virtual Result<proto::HelperReply> sum_masks(Bytes request) = 0;
  // What people know it by.
  [[nodiscard]] virtual std::string name() const { return "the helper"; }
};
// In the order in which plans name them.
using HelperLinks = InlineList<HelperLink*, secagg::kHelpersMax>;

struct OneShotSetup {
  secagg::Trust authority{};             // that enrolled the devices; what it borrows is copied
  secagg::Credential plan_credential{};  // the coordinator's, of the plan: the helper asks for it
  // Has the key that signed the plan, and signs the set that the helper is asked about. Outlives the session;
  // used in finish() only, on its thread.
  secagg::Signer& coordinator;
  HelperLinks helpers{};                  // all of the plan's; outlive the session; used in finish() only
  std::vector<std::uint8_t> check_key{};  // of a plan with two helpers: the secagg::CheckKey of its devices
  std::uint64_t now = secagg::kNoClock;   // seconds since the Unix epoch, by which endorsements have ended
};

// A payload of admit() is a device's whole message; what stays of it is its part in the sum and what the
// helpers must be shown. The session has no step but joining. finish() asks the helpers, two at once when the
// executor has as many threads, and blocks for as long as they do; kAborted with a helper's reason when it
// refuses: dishonest() then names whose masks were to blame, and helper_restarted() says whether nobody is.
// kAborted, too, with the helper's name, when one of two gives out another sum than that of its masks.
// kInvalidArgument when the plan is not of one-shot sessions, `plan_bytes` is not its encoding, or helpers
// and check key are not the plan's.
[[nodiscard]] Result<std::unique_ptr<CohortSession>> make_one_shot_session(const proto::Plan& plan,
                                                                           Bytes plan_bytes,
                                                                           const OneShotSetup& setup,
                                                                           Random& random);

}  // namespace sotto::aggregator
