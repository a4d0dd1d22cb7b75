#include "board_session.h"

#include <algorithm>
#include <memory>
#include <variant>

#include "line_pump.h"
#include "sotto/crypto/secret_bytes.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/proto/protocol_version.h"

namespace sotto::board {
namespace {

namespace link = proto::link;
using proto::Step;

constexpr int kChallengesMax = 3;
constexpr int kAskedAgainMax = 3;            // for one roster
constexpr std::size_t kNextHeaderBytes = 2;  // what stands before the payload in an answer "next"

template <typename T>
void wipe(T& values) {
  crypto::wipe({reinterpret_cast<std::uint8_t*>(values.data()), values.size() * sizeof values[0]});
}

}  // namespace

BoardSession::BoardSession(const Parts& parts, const BoardSessionOptions& options, std::uint32_t first_call)
    : parts_(parts), options_(options), link_({.first_call = first_call}) {}

// ---- the line ----

bool BoardSession::pump() { return pump_line(link_, parts_.port, frame_); }

bool BoardSession::read_on(std::uint32_t offset) {
  link_.read(offset, room_, parts_.port.now_ms());
  return pump();
}

// The message that is there, again or for the first time.
bool BoardSession::send() {
  link_.call(Bytes(work_.messages.message).first(message_size_), room_, parts_.port.now_ms());
  return pump();
}

bool BoardSession::carry(const link::Call& call, link::Answer& answer) {
  ByteWriter out(work_.messages.message);
  if (!link::encode(call, out)) return false;
  message_size_ = out.written();
  if (!send()) return false;
  // Of a roster that is longer than the room only the beginning is here, and that is its header.
  return accepted(link::decode_answer(Bytes(room_).first(link_.read_bytes()), answer));
}

void BoardSession::pause(const link::Window& window) {
  const std::uint64_t width = window.delay_max_ms - window.delay_min_ms;
  const std::uint64_t wait = window.delay_min_ms + parts_.keys.below(width + 1);
  const std::uint32_t from = parts_.port.now_ms();
  std::uint8_t nobody_asked = 0;
  while (parts_.port.now_ms() - from < wait)
    static_cast<void>(parts_.port.read_line(nobody_asked, kLineWaitMs));
}

// ---- plan and model ----

link::CheckIn BoardSession::greeting() const {
  link::CheckIn call{.protocol_version = proto::kProtocolVersion,
                     .parameters_max = parts_.learner.parameter_count(),
                     .bulletin_edition = parts_.identity.trust.edition,
                     .enrolled = true,
                     .device_id = options_.device_id,
                     .population = options_.population};
  static_cast<void>(call.trainers.push_back(proto::Architecture::kCustom));
  static_cast<void>(call.custom_models.push_back(parts_.learner.model_name()));
  return call;
}

bool BoardSession::answer_challenge(const link::ChallengeAnswer& challenge, link::Answer& answer) {
  crypto::Digest coordinator;
  std::copy(challenge.coordinator.begin(), challenge.coordinator.end(), coordinator.begin());
  std::array<std::uint8_t, secagg::kChallengeBytesMax> kept;
  std::copy(challenge.challenge.begin(), challenge.challenge.end(), kept.begin());
  const Bytes shown = Bytes(kept).first(challenge.challenge.size());
  std::array<std::uint8_t, secagg::kCredentialBytes> credential;
  secagg::encode_credential(secagg::make_credential(parts_.identity.signer, parts_.identity.endorsement,
                                                    secagg::check_in_statement(coordinator, challenge.task,
                                                                               shown, options_.device_id)),
                            credential);
  link::CheckIn call = greeting();
  call.proof = link::Proof{.task = challenge.task, .challenge = shown, .credential = credential};
  return carry(call, answer);
}

// Until there is a plan.
std::optional<BoardSession::End> BoardSession::check_in() {
  link::Answer answer;
  const std::uint32_t from = parts_.port.now_ms();
  for (int challenges = 0;;) {
    if (!carry(greeting(), answer)) return End::kFailed;
    while (const auto* challenge = std::get_if<link::ChallengeAnswer>(&answer)) {
      if (++challenges > kChallengesMax) return End::kFailed;
      const link::ChallengeAnswer asked = *challenge;
      if (!answer_challenge(asked, answer)) return End::kFailed;
    }
    if (const auto* offer = std::get_if<link::Offer>(&answer)) return take_offer(*offer);
    const auto* const retry = std::get_if<link::Retry>(&answer);
    if (retry == nullptr) return End::kFailed;
    challenges = 0;
    pause(retry->window);
    if (options_.plan_within_ms != 0 && parts_.port.now_ms() - from >= options_.plan_within_ms) {
      return End::kNoPlan;
    }
  }
}

// A statement is as large as a plan: apart from what decodes plans, so that no stack holds both.
[[gnu::noinline]] bool BoardSession::is_by_coordinator(const secagg::Credential& credential) const {
  const Bytes bytes = Bytes(plan_bytes_).first(plan_size_);
  return accepted(secagg::check_credential(credential, {.role = secagg::Role::kCoordinator,
                                                        .trust = parts_.identity.trust,
                                                        .message = secagg::plan_statement(bytes).bytes(),
                                                        .verified = parts_.identity.verified}));
}

// The end of the answer to a check-in, in pieces as large as the room. The room has the answer's beginning.
class BoardSession::ShownBulletin final : public RepeatedSource {
 public:
  ShownBulletin(BoardSession& session, std::uint32_t offset)
      : session_(session), begin_(offset), total_(session.link_.total_bytes()), at_(offset) {}
  [[nodiscard]] std::uint32_t size() const override { return total_ - begin_; }
  [[nodiscard]] bool next(MutableBytes out) override {
    for (std::uint8_t& byte : out) {
      if (at_ - room_begin_ >= session_.link_.read_bytes() && !read_on()) return false;
      byte = session_.room_[at_++ - room_begin_];
    }
    return true;
  }
  [[nodiscard]] bool again() override {
    at_ = begin_;
    return begin_ >= room_begin_ || read_on();
  }

 private:
  [[nodiscard]] bool read_on() {
    if (at_ >= total_ || !session_.read_on(at_) || session_.link_.total_bytes() != total_) return false;
    room_begin_ = at_;
    return session_.link_.read_bytes() > 0;
  }

  BoardSession& session_;
  const std::uint32_t begin_, total_;
  std::uint32_t at_;
  std::uint32_t room_begin_ = 0;  // of what the room has, in the answer
};

// Before anything else is judged: it may say by which key the plan's credential is to be verified. Why it is
// not taken, or nullptr.
[[gnu::noinline]] const char* BoardSession::take_bulletin(std::uint32_t offset) {
  ShownBulletin bulletin(*this, offset);
  switch (parts_.bulletins.take(bulletin)) {
    case BulletinKeeper::Result::kTaken:
      parts_.identity.trust = parts_.bulletins.trust();
      parts_.port.say("bulletin", parts_.identity.trust.edition);
      return nullptr;
    case BulletinKeeper::Result::kKnown:
      return nullptr;
    case BulletinKeeper::Result::kRefused:
      return "the bulletin is not the newest of this board's authority";
    case BulletinKeeper::Result::kNoRoom:
      return "the bulletin is larger than this board has room for";
    case BulletinKeeper::Result::kFailed:
      break;
  }
  return "the bulletin cannot be read or kept";
}

// Whether the authority has revoked this board.
bool BoardSession::is_revoked() const {
  const secagg::Identity& own = parts_.identity;
  return own.endorsement.epoch < own.trust.endorsements_from ||
         own.trust.is_revoked(secagg::identity_of(own.signer.public_key()));
}

std::optional<BoardSession::End> BoardSession::take_offer(const link::Offer& offer) {
  token_ = offer.token;
  secagg::Credential credential;
  if (!accepted(secagg::decode_credential(offer.credential, credential))) return decline("unsigned plan");
  plan_size_ = offer.plan.size();
  std::copy(offer.plan.begin(), offer.plan.end(), plan_bytes_.begin());
  const Bytes bytes = Bytes(plan_bytes_).first(plan_size_);
  // The bulletin is what the answer ends with, and may go on where the room ends.
  const auto before = static_cast<std::uint32_t>(link_.read_bytes() - offer.bulletin.size());
  if (before < link_.total_bytes()) {
    if (const char* why = take_bulletin(before)) return decline(why);
  }
  if (is_revoked()) return decline("the authority has revoked this board");
  if (!is_by_coordinator(credential)) {
    return decline("the plan is not by a coordinator of this board's authority");
  }
  if (!proto::decode_plan(bytes, plan_).ok() || !agrees())
    return decline("the plan is not one for this board");
  entry_ = {.coordinator = secagg::identity_of(credential.key),
            .task = plan_.task,
            .round = plan_.round,
            .version = plan_.model_version,
            .plan = crypto::sha256({bytes})};
  const BoardLedger::Verdict verdict = parts_.ledger.look(entry_);
  if (verdict != BoardLedger::Verdict::kAllowed) return decline("the ledger refuses the plan", verdict);
  return std::nullopt;
}

bool BoardSession::agrees() const {
  const proto::AggregationSpec& aggregation = plan_.aggregation;
  return aggregation.kind == proto::Aggregation::kSecure &&
         aggregation.adversary == proto::Adversary::kSemiMalicious &&
         aggregation.cohort_min >= options_.cohort_min && aggregation.honest_min >= options_.honest_min &&
         aggregation.corrupt_fraction >= options_.corrupt_fraction_min &&
         aggregation.participants_max <= kParticipantsMax &&
         plan_.model.architecture == proto::Architecture::kCustom &&
         plan_.model.name.view() == parts_.learner.model_name() &&
         plan_.model.parameter_count() == parts_.learner.parameter_count() &&
         parts_.learner.parameter_count() <= kParametersMax && proto::update_bytes(plan_) <= kLanesMax &&
         parts_.learner.agrees(plan_);
}

bool BoardSession::fetch_model() {
  const std::size_t count = parts_.learner.parameter_count();
  link::Answer answer;
  if (!carry(link::FetchModel{.token = token_, .task = plan_.task, .version = plan_.model_version}, answer)) {
    return false;
  }
  const auto* const chunk = std::get_if<link::Chunk>(&answer);
  if (chunk == nullptr || chunk->offset != 0 || chunk->bytes.size() != 4 * count) return false;
  if (crypto::sha256({chunk->bytes}) != plan_.model_digest) return false;
  std::construct_at(&work_.values);
  ByteReader in(chunk->bytes);
  for (std::size_t i = 0; i < count; ++i) work_.values[i] = in.f32();
  return true;
}

std::optional<BoardSession::End> BoardSession::learn() {
  const auto values = std::span(work_.values).first(parts_.learner.parameter_count());
  const MutableBytes lanes = MutableBytes(lanes_).first(proto::update_bytes(plan_));
  secagg::UpdateMetrics metrics;
  const bool learned = parts_.learner.learn(plan_, values, parts_.draws.training(plan_.round), metrics);
  if (learned) {
    secagg::quantize_update(values, plan_.update_layout(), metrics, parts_.draws.rounding(plan_.round),
                            lanes);
    parts_.draws.learned(plan_.round, lanes);
  }
  wipe(work_.values);
  std::construct_at(&work_.messages);
  if (!learned) return decline("learning failed");
  return std::nullopt;
}

// ---- the session ----

BoardSession::End BoardSession::run() {
  if (const auto end = check_in()) return *end;
  parts_.port.say("round", plan_.round.value);
  if (!fetch_model()) return decline("the model cannot be fetched");
  if (const auto end = learn()) return *end;
  const End end = take_part();
  wipe(lanes_);
  wipe(slots_);
  return end;
}

BoardSession::End BoardSession::take_part() {
  const Bytes plan = Bytes(plan_bytes_).first(plan_size_);
  const Bytes lanes = Bytes(lanes_).first(proto::update_bytes(plan_));
  proto::StepMachine steps(plan_, plan, {.identity = &parts_.identity}, {.slots = slots_, .order = order_},
                           parts_.keys);
  std::size_t written = 0;
  if (!accepted(steps.join(lanes, work_.messages.payload, written)))
    return decline("the plan cannot be joined");
  if (const auto verdict = parts_.ledger.join(entry_); verdict != BoardLedger::Verdict::kAllowed) {
    return decline("the ledger refuses the round", verdict);
  }
  const crypto::Digest digest = crypto::sha256({plan});
  link::Answer answer;
  for (bool poll = false;;) {
    const link::Exchange call{.token = token_,
                              .step = steps.step(),
                              .poll = poll,
                              .plan_digest = steps.step() == Step::kJoin && !poll ? Bytes(digest) : Bytes(),
                              .payload = poll ? Bytes() : Bytes(work_.messages.payload).first(written)};
    if (!carry(call, answer)) return decline("an answer is missing or is none");
    if (!call.plan_digest.empty()) parts_.port.say("joined", plan_.round.value);
    poll = false;
    if (const auto* next = std::get_if<link::Next>(&answer)) {
      const link::Next asked = *next;
      if (!accepted(step(steps, asked, written))) return decline("the coordinator breaks the protocol");
      if (asked.next == Step::kCollect) {
        const auto verdict = parts_.ledger.charge(entry_);
        if (verdict != BoardLedger::Verdict::kAllowed) return decline("the ledger keeps the vector", verdict);
        parts_.port.say("vector leaves", plan_.round.value);
      }
    } else if (const auto* wait = std::get_if<link::Wait>(&answer)) {
      steps.keep_waiting();
      pause(wait->window);
      poll = true;
    } else if (const auto* end = std::get_if<link::End>(&answer)) {
      steps.end(end->counted);
      return end->counted ? End::kCounted : End::kUncounted;
    } else {
      if (const auto* refused = std::get_if<link::RefusedAnswer>(&answer)) steps.refused(refused->reason);
      return End::kUncounted;
    }
  }
}

Rejection BoardSession::step(proto::StepMachine& steps, const link::Next& next, std::size_t& written) {
  const Bytes lanes = Bytes(lanes_).first(proto::update_bytes(plan_));
  if (next.next == Step::kShare) {
    if (const Rejection rejection = take_roster(steps); !accepted(rejection)) return rejection;
    return steps.share(work_.messages.payload, written);
  }
  if (link_.total_bytes() > room_.size()) return Rejection::kMalformed;
  return steps.next_step(next.next, next.payload, lanes, work_.messages.payload, written);
}

// As many passes as it takes, from the answer that the gateway keeps.
Rejection BoardSession::take_roster(proto::StepMachine& steps) {
  const std::uint32_t total = link_.total_bytes();
  int asked_again = 0;
  for (bool again = true; again;) {
    for (std::uint32_t offset = kNextHeaderBytes; offset < total;) {
      if (!read_on(offset)) {
        // A gateway that was started anew has no answer any more; the coordinator gives the same one. Were it
        // another, its passes would not have one root.
        if (++asked_again > kAskedAgainMax || !send() || link_.total_bytes() != total) {
          return Rejection::kMalformed;
        }
        continue;
      }
      if (link_.total_bytes() != total) return Rejection::kMalformed;
      const std::uint32_t bytes = link_.read_bytes();
      if (bytes == 0) return Rejection::kMalformed;
      const Rejection rejection = steps.take_roster(Bytes(room_).first(bytes));
      if (!accepted(rejection)) return rejection;
      offset += bytes;
    }
    if (const Rejection rejection = steps.end_roster(again); !accepted(rejection)) return rejection;
  }
  return Rejection::kNone;
}

BoardSession::End BoardSession::decline(const char* why, BoardLedger::Verdict verdict) {
  parts_.port.say(why, plan_.round.value);
  link::Abandon call{.token = token_, .reason = why};
  if (verdict != BoardLedger::Verdict::kAllowed) {
    call.has_ledger = true;
    call.refusal = BoardLedger::refusal(verdict);
    if (verdict == BoardLedger::Verdict::kRoundUsed) call.last_round = parts_.ledger.last_round(entry_);
  }
  link::Answer answer;
  static_cast<void>(carry(call, answer));
  return End::kDeclined;
}

}  // namespace sotto::board
