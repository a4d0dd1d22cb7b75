// The helper of one-shot sessions (PROTOCOL.md section 10), run by a party that does not collude with the
// coordinator: it holds the key to which devices seal the seeds of their masks, and gives out nothing but the
// sum of the masks of one set of devices for each plan.
//
//   coordinator --request--> [which plan?  whose?  after our start?  enough devices, each once?  first set?]
//               <--sum of masks-- [set made durable] <-- seeds opened
//
// A core without I/O; it links neither the coordinator nor the aggregator, so that whoever runs a helper has
// little to read. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sotto/base/bytes.h"
#include "sotto/base/clock.h"
#include "sotto/base/executor.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/messages.h"
#include "sotto/secagg/identity.h"

namespace sotto::mask_helper {

// Which set of devices was answered for which plan. A helper that forgets answers a second set, and the
// difference of two sums is one device's update. Should the record be lost or set back while the helper
// stands still, it is harmless: plans that could be in it are older than the helper's start, and refused.
class AnsweredPlans {
 public:
  virtual ~AnsweredPlans() = default;
  // The digest of the plan's set; nothing when the plan was not answered yet. Errors: kIo, kDataLoss.
  [[nodiscard]] virtual Result<std::optional<crypto::Digest>> find(const crypto::Digest& plan) = 0;
  // Durable when this returns kOk. Errors: kIo; kAlreadyExists when the plan is there.
  [[nodiscard]] virtual Status record(const crypto::Digest& plan, const crypto::Digest& set) = 0;
};

// Forgets when the process ends: simulations and tests.
[[nodiscard]] std::unique_ptr<AnsweredPlans> make_memory_answered_plans();

struct MaskHelperOptions {
  secagg::Trust authority{};     // that enrols devices and coordinators
  std::uint16_t cohort_min = 3;  // no sum over fewer devices; never below limits::kParticipantsMin
};

class MaskHelper {
 public:
  // `answered` must outlive the helper. It starts at `started`, by the clock that answer() is told, and takes
  // no plan that was signed before, nor in the same second.
  MaskHelper(crypto::X25519PrivateKey key, const MaskHelperOptions& options, AnsweredPlans& answered,
             Time started);

  [[nodiscard]] const crypto::X25519PublicKey& public_key() const { return key_.public_key(); }

  // What the authority has made known since. What it borrows must outlive the next answer.
  void believe(const secagg::Trust& authority) { options_.authority = authority; }

  // Answers a helper request (secagg/one_shot.h) of any bytes. The same request gets the same answer again
  // for as long as the helper runs, and its plan and the endorsements in it hold. An error says that
  // `answered` failed: nothing was given out.
  [[nodiscard]] Result<proto::HelperReply> answer(Bytes request, Time now, Executor& executor);

 private:
  crypto::X25519PrivateKey key_;
  MaskHelperOptions options_;
  AnsweredPlans& answered_;
  Time started_;
};

}  // namespace sotto::mask_helper
