// The real aggregator behind a pipe: test_interop.py drives it and lets participants of another
// implementation, mixed with participants of this one, take part in its sessions.
//
// A frame is its length (u32) and as many bytes; every request gets one answer. Integers are little-endian.
//
//   request                                answer
//   'P' seed u64, authority (65), plan     '\0', or '\1' and why not           a new session; the old one is
//   forgotten 'J' payload                            rejection u8, index u16             a foreign
//   participant joins 'K'                                    public key (65)                     of a
//   participant to run in here 'A' seed u64, endorsement (64), lanes  rejection u8, index u16 which joins 'M'
//   index u16                          the aggregator's message to it 'R' index u16, step u8, payload
//   rejection u8                        a foreign participant's answer 'T' index u16 rejection u8, rejection
//   u8          one in here takes the open step: what it
//                                                                              says, what the aggregator says
//   'C'                                    '\0' and why, '\1' next step, '\2' ready
//   'F'                                    '\0' and why, or '\1' and the sum
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "support/fresh_key.h"

namespace sotto {
namespace {

using Message = std::vector<std::uint8_t>;
using aggregator::CohortSession;
using aggregator::CohortSum;
using proto::Step;

constexpr std::size_t kFrameBytesMax = std::size_t{1} << 24;

std::optional<Message> read_frame() {
  std::array<std::uint8_t, 4> head;
  if (std::fread(head.data(), 1, head.size(), stdin) != head.size()) return std::nullopt;
  const std::size_t size = load_le<std::uint32_t>(head.data());
  if (size == 0 || size > kFrameBytesMax) return std::nullopt;
  Message frame(size);
  if (std::fread(frame.data(), 1, size, stdin) != size) return std::nullopt;
  return frame;
}

bool write_frame(const Message& frame) {
  std::array<std::uint8_t, 4> head;
  store_le(head.data(), static_cast<std::uint32_t>(frame.size()));
  bool written = std::fwrite(head.data(), 1, head.size(), stdout) == head.size();
  // An empty frame need not have an address.
  if (!frame.empty()) written = std::fwrite(frame.data(), 1, frame.size(), stdout) == frame.size() && written;
  return std::fflush(stdout) == 0 && written;
}

Message answer(std::uint8_t first, std::string_view text = {}) {
  Message message{first};
  message.insert(message.end(), text.begin(), text.end());
  return message;
}

template <typename Unsigned>
void append(Message& message, Unsigned value) {
  message.resize(message.size() + sizeof value);
  store_le(message.data() + message.size() - sizeof value, value);
}

std::uint8_t number(Rejection rejection) { return static_cast<std::uint8_t>(rejection); }

// The key of a participant in here; the identity borrows it.
struct Enrolled {
  std::unique_ptr<secagg::KeySigner> key;
  secagg::Identity identity;
};

// A participant of this implementation and the lanes it contributes.
class LocalDevice {
 public:
  LocalDevice(const proto::Plan& plan, Bytes plan_bytes, Enrolled enrolled, Bytes lanes, std::uint64_t seed)
      : enrolled_(std::move(enrolled)),
        adversary_(plan.aggregation.adversary),
        layout_(plan.aggregation.participants_max, lanes.size(), plan.aggregation.packing),
        lanes_(lanes.begin(), lanes.end()),
        slots_(plan.aggregation.participants_max),
        order_(plan.aggregation.participants_max),
        random_(seed),
        participant_({.round = plan.round.value,
                      .plan_digest = crypto::sha256({plan_bytes}),
                      .model_digest = plan.model_digest,
                      .prg = plan.aggregation.prg},
                     {.cohort_min = plan.aggregation.cohort_min,
                      .participants_max = plan.aggregation.participants_max,
                      .adversary = plan.aggregation.adversary,
                      .corrupt_fraction = plan.aggregation.corrupt_fraction,
                      .dropout_fraction = plan.aggregation.dropout_fraction},
                     &enrolled_.identity, slots_, order_, random_) {}

  Rejection join(Message& payload) {
    payload.resize(secagg::join_bytes(adversary_));
    std::size_t written = 0;
    return participant_.advertise(payload, written);
  }

  Rejection answer(Step step, Bytes received, Message& payload) {
    payload.resize(secagg::shares_bytes(slots_.size()));
    std::size_t written = 0;
    Rejection rejection = Rejection::kWrongPhase;
    if (step == Step::kShare) rejection = participant_.receive_roster(received, payload, written);
    if (step == Step::kConfirm) rejection = participant_.receive_confirm(received, payload, written);
    if (step == Step::kUnmask) rejection = participant_.receive_unmask(received, payload, written);
    if (step == Step::kCollect) {
      payload.resize(layout_.byte_count());
      secagg::ring_encode(layout_, lanes_, payload);
      rejection = participant_.receive_delivery(received);
      if (accepted(rejection)) rejection = participant_.mask(layout_, payload);
      if (accepted(rejection)) written = secagg::ring_pack(layout_, payload).size();
    }
    payload.resize(written);
    return rejection;
  }

 private:
  Enrolled enrolled_;
  secagg::Adversary adversary_;
  secagg::RingLayout layout_;
  Message lanes_;
  std::vector<secagg::NeighbourSlot> slots_;
  std::vector<std::uint16_t> order_;
  crypto::SeededRandom random_;
  secagg::Participant participant_;
};

// Requests, one method each. A request that is out of place is answered with an empty frame.
class Peer {
 public:
  Message handle(Bytes frame) {
    ByteReader request(frame);
    const char command = static_cast<char>(request.u8());
    if (command == 'P') return start(request);
    if (!session_) return {};
    switch (command) {
      case 'J':
        return admit(request.bytes(request.remaining()));
      case 'K':
        return draw_key();
      case 'A':
        return add_local(request);
      case 'M':
        return session_->message_for({request.u16()});
      case 'R':
        return receive(request);
      case 'T':
        return take_step({request.u16()});
      case 'C':
        return close_step();
      case 'F':
        return finish();
      default:
        return {};
    }
  }

 private:
  Message start(ByteReader& request) {
    crypto::SeededRandom random(request.u64());
    request.copy(authority_);
    const Bytes bytes = request.bytes(request.remaining());
    session_.reset();
    locals_.clear();
    const auto plan = proto::decode_plan(bytes);
    if (!plan) return answer(1, plan.error().message());
    plan_ = *plan;
    plan_bytes_.assign(bytes.begin(), bytes.end());
    auto session = aggregator::make_cohort_session(plan_, plan_bytes_, random, authority_);
    if (!session) return answer(1, session.error().message());
    session_ = std::move(*session);
    return answer(0);
  }

  Message admit(Bytes payload) {
    ParticipantIndex index;
    Message message = answer(number(session_->admit(payload, index)));
    append(message, index.value);
    return message;
  }

  Message draw_key() {
    next_key_ = std::make_unique<secagg::KeySigner>(crypto::fresh_key());
    const crypto::Es256PublicKey& key = next_key_->public_key();
    return {key.begin(), key.end()};
  }

  Message add_local(ByteReader& request) {
    const std::uint64_t seed = request.u64();
    secagg::Endorsement endorsement;
    const Rejection decoded =
        secagg::decode_endorsement(request.bytes(secagg::kEndorsementBytes), endorsement);
    if (!next_key_ || !accepted(decoded)) return {};
    secagg::Identity identity{.signer = *next_key_, .endorsement = endorsement, .trust = authority_};
    Enrolled enrolled{.key = std::move(next_key_), .identity = identity};
    const Bytes lanes = request.bytes(request.remaining());
    if (lanes.size() != plan_.update_layout().lane_count()) return {};
    auto device = std::make_unique<LocalDevice>(plan_, plan_bytes_, std::move(enrolled), lanes, seed);
    Message payload;
    if (!accepted(device->join(payload))) return {};
    Message message = admit(payload);
    locals_[load_le<std::uint16_t>(message.data() + 1)] = std::move(device);
    return message;
  }

  Message receive(ByteReader& request) {
    const ParticipantIndex index{request.u16()};
    const auto step = static_cast<Step>(request.u8());
    return answer(number(session_->receive(index, step, request.bytes(request.remaining()))));
  }

  Message take_step(ParticipantIndex index) {
    const auto device = locals_.find(index.value);
    if (device == locals_.end()) return {};
    Message payload;
    const Rejection own = device->second->answer(session_->step(), session_->message_for(index), payload);
    const Rejection theirs =
        accepted(own) ? session_->receive(index, session_->step(), payload) : Rejection::kNone;
    return {number(own), number(theirs)};
  }

  Message close_step() {
    const auto progress = session_->close_step();
    if (!progress) return answer(0, progress.error().message());
    return answer(*progress == CohortSession::Progress::kNextStep ? 1 : 2);
  }

  Message finish() {
    InlineExecutor executor;
    const auto sum = session_->finish(executor);
    if (!sum) return answer(0, sum.error().message());
    Message message = answer(1);
    append(message, sum->devices);
    for (const std::uint64_t metric : {sum->metrics.count, sum->metrics.weight, sum->metrics.examples,
                                       sum->metrics.sums[0], sum->metrics.sums[1], sum->metrics.clipped}) {
      append(message, metric);
    }
    for (const std::int64_t value : sum->sum) append(message, static_cast<std::uint64_t>(value));
    return message;
  }

  proto::Plan plan_;
  Message plan_bytes_;
  crypto::Es256PublicKey authority_{};
  std::unique_ptr<secagg::KeySigner> next_key_;
  std::unique_ptr<CohortSession> session_;
  std::unordered_map<std::uint16_t, std::unique_ptr<LocalDevice>> locals_;
};

}  // namespace
}  // namespace sotto

int main() {
  sotto::Peer peer;
  while (const auto frame = sotto::read_frame()) {
    if (!sotto::write_frame(peer.handle(*frame))) return 1;
  }
  return 0;
}
