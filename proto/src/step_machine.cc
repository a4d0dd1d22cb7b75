#include "sotto/proto/step_machine.h"

#include <algorithm>

#include "sotto/base/check.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::proto {
StepMachine::StepMachine(const Plan& plan, Bytes plan_bytes, const Parties& parties, const StepMemory& memory,
                         Random& keys)
    : kind_(plan.aggregation.kind),
      adversary_(plan.aggregation.adversary),
      helper_count_(plan.helper_count()),
      update_bytes_(update_bytes(plan)),
      layout_(ring_layout(plan)),
      context_(session_context(plan, plan_bytes)),
      parties_(parties),
      memory_(memory),
      keys_(keys) {
  if (kind_ != Aggregation::kSecure) return;
  participant_.emplace(context_, participant_rules(plan, parties.now), parties.identity, memory.slots,
                       memory.order, keys);
}

std::size_t StepMachine::message_bytes_max(Step step) const {
  switch (step) {
    case Step::kJoin:
      if (kind_ == Aggregation::kSecure) return secagg::join_bytes(adversary_);
      if (kind_ == Aggregation::kOneShot) {
        return secagg::one_shot_header_bytes(helper_count_) + layout_.byte_count();
      }
      return 0;
    case Step::kShare:
      return secagg::shares_bytes(memory_.slots.size());
    case Step::kCollect:
      if (kind_ == Aggregation::kFloat) return update_bytes_;
      return layout_.byte_count();
    case Step::kConfirm:
      return crypto::kEs256SignatureBytes;
    case Step::kUnmask:
      return participant_ ? secagg::unmask_answer_bytes_max(participant_->graph()) : 0;
  }
  return 0;
}

// ---- the order of steps ----

std::optional<Step> StepMachine::first_step() const {
  switch (kind_) {
    case Aggregation::kSecure:
      return Step::kShare;
    case Aggregation::kPlain:
    case Aggregation::kFloat:
      return Step::kCollect;
    case Aggregation::kOneShot:
      break;
  }
  return std::nullopt;
}

std::optional<Step> StepMachine::step_after(Step step) const {
  const bool secure = kind_ == Aggregation::kSecure;
  switch (step) {
    case Step::kJoin:
      return first_step();
    case Step::kShare:
      return Step::kCollect;
    case Step::kCollect:
      if (!secure) return std::nullopt;
      return secagg::is_signed(adversary_) ? Step::kConfirm : Step::kUnmask;
    case Step::kConfirm:
      return Step::kUnmask;
    case Step::kUnmask:
      break;
  }
  return std::nullopt;
}

// The step's message is written.
Rejection StepMachine::done(Step step) {
  step_ = step;
  state_ = step == Step::kJoin ? State::kJoined : State::kGoesOn;
  expected_ = step_after(step);
  return Rejection::kNone;
}

Rejection StepMachine::join(Bytes update, MutableBytes out, std::size_t& written) {
  written = 0;
  if (state_ != State::kReady) return broken(Rejection::kWrongPhase);
  const Rejection rejection = write_join(update, out, written);
  return accepted(rejection) ? done(Step::kJoin) : broken(rejection);
}

Rejection StepMachine::next_step(Step next, Bytes received, Bytes update, MutableBytes out,
                                 std::size_t& written) {
  written = 0;
  if (next != expected_) return broken(Rejection::kWrongPhase);
  const Rejection rejection = write_step(next, received, update, out, written);
  if (accepted(rejection)) return done(next);
  written = 0;
  return broken(rejection);
}

Rejection StepMachine::take_roster(Bytes chunk) {
  if (expected_ != Step::kShare) return broken(Rejection::kWrongPhase);
  const Rejection rejection = participant_->take_roster(chunk);
  return accepted(rejection) ? rejection : broken(rejection);
}

Rejection StepMachine::end_roster(bool& again) {
  again = false;
  if (expected_ != Step::kShare) return broken(Rejection::kWrongPhase);
  const Rejection rejection = participant_->end_roster(again);
  return accepted(rejection) ? rejection : broken(rejection);
}

Rejection StepMachine::share(MutableBytes out, std::size_t& written) {
  written = 0;
  if (expected_ != Step::kShare) return broken(Rejection::kWrongPhase);
  const Rejection rejection = participant_->share(out, written);
  return accepted(rejection) ? done(Step::kShare) : broken(rejection);
}

void StepMachine::keep_waiting() {
  if (state_ == State::kJoined) state_ = State::kGoesOn;
}

void StepMachine::end(bool counted) { finish(counted ? State::kCounted : State::kUncounted); }

void StepMachine::refused(Rejection reason) {
  if (over()) return;
  reason_ = reason;
  finish(State::kRefused);
}

void StepMachine::leave() { finish(State::kLeft); }

// A machine that is over says so again, whatever it is asked.
Rejection StepMachine::broken(Rejection reason) {
  if (over()) return Rejection::kWrongPhase;
  reason_ = reason;
  finish(State::kBroken);
  return reason;
}

void StepMachine::finish(State state) {
  if (over()) return;
  state_ = state;
  expected_.reset();
  participant_.reset();  // which wipes
}

// ---- messages ----

Rejection StepMachine::write_join(Bytes update, MutableBytes out, std::size_t& written) {
  if (out.size() < message_bytes_max(Step::kJoin)) return Rejection::kWrongLength;
  if (kind_ == Aggregation::kOneShot) return write_one_shot(update, out, written);
  return participant_ ? participant_->advertise(out, written) : Rejection::kNone;
}

// The update stays the caller's: a device that loses power before the answer sends it again, masked anew.
Rejection StepMachine::write_one_shot(Bytes update, MutableBytes out, std::size_t& written) {
  if (parties_.identity == nullptr || !parties_.helpers.complete(helper_count_)) {
    return Rejection::kNotEligible;
  }
  const std::size_t header_bytes = secagg::one_shot_header_bytes(helper_count_);
  const MutableBytes ring = out.subspan(header_bytes, layout_.byte_count());
  secagg::ring_encode(layout_, update, ring);
  secagg::OneShotSeals seals;
  const crypto::Digest own = secagg::identity_of(parties_.identity->signer.public_key());
  const Rejection rejection =
      secagg::one_shot_mask(context_, layout_, parties_.helpers, own, keys_, ring, seals);
  if (!accepted(rejection)) return rejection;
  const Bytes vector = secagg::ring_pack(layout_, ring);
  secagg::one_shot_sign(context_.plan_digest, *parties_.identity, seals, vector, keys_,
                        out.first(header_bytes));
  written = header_bytes + vector.size();
  return Rejection::kNone;
}

Rejection StepMachine::write_step(Step next, Bytes received, Bytes update, MutableBytes out,
                                  std::size_t& written) {
  switch (next) {
    case Step::kShare:
      return participant_->receive_roster(received, out, written);
    case Step::kCollect:
      return collect(received, update, out, written);
    case Step::kConfirm:
      return participant_->receive_confirm(received, out, written);
    case Step::kUnmask:
      return participant_->receive_unmask(received, out, written);
    case Step::kJoin:
      break;
  }
  return Rejection::kWrongPhase;
}

Rejection StepMachine::collect(Bytes delivery, Bytes update, MutableBytes out, std::size_t& written) {
  if (participant_) {
    const Rejection rejection = participant_->receive_delivery(delivery);
    if (!accepted(rejection)) return rejection;
  } else if (!delivery.empty()) {
    return Rejection::kMalformed;
  }
  if (out.size() < message_bytes_max(Step::kCollect)) return Rejection::kWrongLength;
  if (kind_ == Aggregation::kFloat) {
    SOTTO_CHECK(update.size() == update_bytes_);
    std::copy(update.begin(), update.end(), out.begin());
    written = update.size();
    return Rejection::kNone;
  }
  const MutableBytes ring = out.first(layout_.byte_count());
  secagg::ring_encode(layout_, update, ring);
  if (participant_) {
    const Rejection rejection = participant_->mask(layout_, ring);
    if (!accepted(rejection)) return rejection;  // the ring is wiped
  }
  written = secagg::ring_pack(layout_, ring).size();
  return Rejection::kNone;
}

}  // namespace sotto::proto
