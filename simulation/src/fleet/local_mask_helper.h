// A mask helper in this process, for simulated one-shot sessions: the real core, which forgets with the
// process.
#pragma once

#include <chrono>
#include <memory>

#include "sotto/aggregator/one_shot_session.h"
#include "sotto/base/clock.h"
#include "sotto/base/executor.h"
#include "sotto/mask_helper/mask_helper.h"

namespace sotto::simulation {

class LocalMaskHelper final : public aggregator::HelperLink {
 public:
  // Its key is drawn from `random`, and it started just before. `executor` and `clock` must outlive it.
  LocalMaskHelper(const secagg::Trust& authority, Random& random, Executor& executor, const Clock& clock)
      : helper_(draw_key(random), {.authority = authority}, *answered_,
                clock.now() + std::chrono::milliseconds(-1)),
        executor_(executor),
        clock_(clock) {}

  [[nodiscard]] const crypto::X25519PublicKey& public_key() const { return helper_.public_key(); }
  Result<proto::HelperReply> sum_masks(Bytes request) override {
    return helper_.answer(request, clock_.now(), executor_);
  }

 private:
  static crypto::X25519PrivateKey draw_key(Random& random) {
    crypto::SecretBytes<crypto::kX25519Bytes> scalar;
    random.fill(scalar.reveal_mutable());
    return crypto::X25519PrivateKey(scalar);
  }

  const std::unique_ptr<mask_helper::AnsweredPlans> answered_ = mask_helper::make_memory_answered_plans();
  mask_helper::MaskHelper helper_;
  Executor& executor_;
  const Clock& clock_;
};

}  // namespace sotto::simulation
