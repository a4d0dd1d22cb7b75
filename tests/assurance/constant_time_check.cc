// Runs under Valgrind: memory that holds secrets is marked undefined, so that memcheck reports every jump and
// every address that depends on them (Langley's ctgrind). Exits with 1 when it reported one that is not
// meant, with 77 without Valgrind.
//
// Checked is what is ours: Shamir's field, sharing and combining; ring vectors and masks; comparing secrets;
// and a whole participant, from drawing its keys to answering the unmask request, with everything it draws
// and its update as secrets.
//   * What leaves a device is public from there on and marked so.
//   * Inside OpenSSL nothing counts (constant_time.supp): its code is not ours, and it decides on secrets
//   only what is public by
//     intent: whether an agreed secret is all zero, whether a record's tag matches.
//   * Decisions meant: whether shares combine, whether secrets are equal, and whether a drawn coefficient is
//   p itself and is
//     drawn again, which says nothing about the one taken. Their number is known, and only that many are
//     accepted.
//   * The quantiser is left out: floating-point arithmetic takes data-dependent time on any machine, and
//   decides by the data what
//     to clip. What it computes on is the device's own, and nobody else's clock sees it before the next
//     message.
#include <valgrind/memcheck.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "secagg/field.h"
#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/check.h"
#include "sotto/secagg/checked_mask.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/shamir.h"
#include "support/enrolment.h"
#include "support/small_cohorts.h"

namespace {

using namespace sotto;
using namespace sotto::secagg;
using proto::Step;

void make_secret(Bytes bytes) { static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size())); }
void make_public(Bytes bytes) { static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size())); }

std::size_t reported() { return VALGRIND_COUNT_ERRORS; }

int failures = 0;

// Reports between its construction and expect().
class Reports {
 public:
  [[nodiscard]] std::size_t count() const { return reported() - before_; }
  void expect(const char* what, std::size_t least, std::size_t most) const {
    const std::size_t found = count();
    const bool fine = found >= least && found <= most;
    std::printf("%s: %s, %zu decisions on secrets, %zu to %zu meant\n", fine ? "ok" : "FAILED", what, found,
                least, most);
    if (!fine) ++failures;
  }

 private:
  std::size_t before_ = reported();
};

class SecretRandom final : public Random {
 public:
  explicit SecretRandom(std::uint64_t seed) : source_(seed) {}
  void fill(MutableBytes out) override {
    source_.fill(out);
    make_secret(out);
  }

 private:
  crypto::SeededRandom source_;
};

// Not inlined, and through volatile: the compiler would make it something better.
[[gnu::noinline]] bool equal_until_the_first_difference(Bytes a, Bytes b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const volatile std::uint8_t left = a[i];
    if (left != b[i]) return false;
  }
  return true;
}

// A leak on purpose: without reports here the others' silence would mean nothing.
void check_that_leaks_are_reported() {
  std::array<std::uint8_t, 32> secret{};
  const std::array<std::uint8_t, 32> guess{};
  make_secret(secret);
  const Reports reports;
  volatile bool equal = equal_until_the_first_difference(secret, guess);
  static_cast<void>(equal);
  reports.expect("a comparison that stops early (planted)", 2, 64);
}

void check_equality() {
  SecretRandom random(1);
  Seed a;
  random.fill(a.reveal_mutable());
  for (const std::size_t difference : {std::size_t{0}, kSeedBytes - 1, kSeedBytes}) {
    Seed b;
    std::memcpy(b.reveal_mutable().data(), a.reveal().data(), kSeedBytes);
    if (difference < kSeedBytes) b.reveal_mutable()[difference] ^= 1;
    const Reports reports;
    bool equal = a == b;
    make_public({reinterpret_cast<const std::uint8_t*>(&equal), sizeof equal});
    reports.expect("constant_time_equal", 0, 1);
    SOTTO_CHECK(equal == (difference == kSeedBytes));
  }
}

void check_field() {
  SecretRandom random(2);
  const std::uint64_t a = field::reduce(random.u64());
  const std::uint64_t b = field::reduce(random.u64());
  const Reports reports;
  volatile std::uint64_t result = field::add(a, b);
  result = field::subtract(a, b);
  result = field::multiply(a, b);
  result = field::invert(a);
  static_cast<void>(result);
  reports.expect("the field", 0, 0);
}

constexpr std::size_t sampling_decisions(std::size_t threshold) { return 3 * (threshold - 1); }

void check_shamir() {
  constexpr std::uint32_t kThreshold = 5;
  SecretRandom random(3);
  Seed seed;
  random.fill(seed.reveal_mutable());
  SeedSharing sharing(seed, kThreshold, random);
  std::vector<Share> shares;
  std::vector<std::uint32_t> xs;
  for (std::uint32_t x = 1; x <= kThreshold; ++x) {
    const Reports reports;
    shares.push_back(sharing.share_at(x));
    xs.push_back(x);
    reports.expect("share_at", sampling_decisions(kThreshold), sampling_decisions(kThreshold));
  }
  std::vector<std::uint64_t> weights(kThreshold);
  SOTTO_CHECK(lagrange_at_zero(xs, weights));  // of public points
  for (const bool damaged : {false, true}) {
    if (damaged) shares[2].fill(0xff);  // an impossible share among secret ones
    Seed rebuilt;
    const Reports reports;
    bool combined = combine_shares(shares, weights, rebuilt);
    make_public({reinterpret_cast<const std::uint8_t*>(&combined), sizeof combined});
    reports.expect("combine_shares", 0, 1);
    SOTTO_CHECK(combined == !damaged);
    bool equal = rebuilt == seed;
    make_public({reinterpret_cast<const std::uint8_t*>(&equal), sizeof equal});
    SOTTO_CHECK(equal == !damaged);
  }
}

void check_ring() {
  for (const std::size_t participants_max : {257, 1024}) {
    const RingLayout layout(participants_max, 10'000);
    SecretRandom random(4);
    std::vector<std::uint8_t> values(layout.lane_count());
    random.fill(values);
    std::vector<std::uint8_t> ring(layout.byte_count());
    for (const crypto::Prg prg : {crypto::Prg::kChaCha20, crypto::Prg::kAes128Ctr}) {
      for (const MaskSign sign : {MaskSign::kAdd, MaskSign::kSubtract}) {
        MaskKey key;
        random.fill(key.reveal_mutable());
        const Reports reports;
        ring_encode(layout, values, ring);
        crypto::Keystream stream(prg);
        stream.rekey(key);
        ring_apply_mask(layout, ring, stream, sign);
        ring_add(layout, ring, std::vector<std::uint8_t>(ring));
        reports.expect(layout.word_packed() ? "ring of words" : "ring of lanes", 0, 0);
      }
    }
  }
}

void check_checked_masks() {
  for (const std::size_t participants_max : {257, 1024}) {
    const RingLayout layout(participants_max, 10'000);
    SecretRandom random(5);
    std::vector<std::uint8_t> ring(layout.byte_count());
    random.fill(ring);
    for (const crypto::Prg prg : {crypto::Prg::kChaCha20, crypto::Prg::kAes128Ctr}) {
      MaskKey mask;
      random.fill(mask.reveal_mutable());
      MaskKey coefficients;
      random.fill(coefficients.reveal_mutable());
      std::vector<std::uint8_t> sum(checked_mask_bytes(layout.lane_count()));
      const Reports reports;
      static_cast<void>(
          apply_checked_mask(layout, ring, {.mask = mask, .coefficients = coefficients, .prg = prg}));
      crypto::Keystream stream(prg);
      stream.rekey(mask);
      add_mask_words(sum, stream);
      static_cast<void>(tag_of_sum(sum, coefficients, prg));
      reports.expect("masks for two helpers", 0, 0);
    }
  }
}

// ---- a whole participant ----

constexpr std::size_t kParticipants = 6;  // threshold 4 of 5 neighbours: one may be missed

// What is signed is about to be sent.
class PublishingSigner final : public Signer {
 public:
  explicit PublishingSigner(std::uint64_t number) : signer_(numbered_key(number)) {}
  [[nodiscard]] const crypto::Es256PublicKey& public_key() const override { return signer_.public_key(); }
  [[nodiscard]] crypto::Es256Signature sign(Bytes message) override {
    make_public(message);
    return signer_.sign(message);
  }

 private:
  KeySigner signer_;
};

struct Device {
  Device(const SessionContext& context, const ParticipantRules& rules, std::uint64_t seed)
      : signer(seed),
        identity{.signer = signer,
                 .endorsement = endorse(fleet_authority(), Role::kDevice, signer.public_key(), {}),
                 .trust = fleet_authority().public_key()},
        random(seed),
        participant(context, rules, &identity, slots, order, random) {}

  PublishingSigner signer;
  Identity identity;
  std::array<NeighbourSlot, kParticipants> slots;
  std::array<std::uint16_t, kParticipants> order{};
  SecretRandom random;
  Participant participant;
  ParticipantIndex index;
};

// A participant keeps its advertised keys to find itself in the roster: public wherever they are in the
// object.
void publish_keys(Device& device, Bytes advertise) {
  auto* const object = reinterpret_cast<std::uint8_t*>(&device.participant);
  constexpr std::size_t kBytes = sizeof device.participant;
  std::vector<std::uint8_t> definedness(kBytes);
  static_cast<void>(VALGRIND_GET_VBITS(object, definedness.data(), kBytes));
  make_public({object, kBytes});
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i + crypto::kX25519Bytes <= kBytes; ++i) {
    for (const std::size_t key : {std::size_t{0}, crypto::kX25519Bytes}) {
      if (std::memcmp(object + i, advertise.data() + key, crypto::kX25519Bytes) == 0) places.push_back(i);
    }
  }
  static_cast<void>(VALGRIND_SET_VBITS(object, definedness.data(), kBytes));
  SOTTO_CHECK(places.size() >= 2);
  for (const std::size_t place : places) make_public({object + place, crypto::kX25519Bytes});
}

std::vector<std::uint8_t> answer(Device& device, Step step, Bytes received, const RingLayout& layout) {
  std::vector<std::uint8_t> payload(join_bytes(Adversary::kSemiMalicious) + shares_bytes(kParticipants));
  std::size_t written = 0;
  Rejection rejection = Rejection::kNone;
  if (step == Step::kJoin) {
    rejection = device.participant.advertise(payload, written);
    make_public(payload);
    publish_keys(device, payload);
  } else if (step == Step::kShare) {
    rejection = device.participant.receive_roster(received, payload, written);
  } else if (step == Step::kCollect) {
    rejection = device.participant.receive_delivery(received);
    SOTTO_CHECK(accepted(rejection));
    std::vector<std::uint8_t> lanes(layout.lane_count());
    device.random.fill(std::span(lanes).subspan(kMetricLanes));
    for (const std::size_t lane : {0, 1, 5}) lanes[lane] = 1;  // one vector, weight 1, one example
    make_secret(lanes);
    payload.resize(layout.byte_count());
    ring_encode(layout, lanes, payload);
    rejection = device.participant.mask(layout, payload);
    written = ring_pack(layout, payload).size();
  } else if (step == Step::kConfirm) {
    rejection = device.participant.receive_confirm(received, payload, written);
  } else {
    rejection = device.participant.receive_unmask(received, payload, written);
  }
  SOTTO_CHECK(accepted(rejection));
  payload.resize(written);
  make_public(payload);  // it is sent
  return payload;
}

void check_participant(crypto::Prg prg, std::uint16_t participants_max, Packing packing) {
  proto::Plan plan;
  plan.round = RoundId{3};
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = 30, .classes = 3};
  plan.report_within_ms = 1000;
  allow_small_cohorts(plan.aggregation);
  plan.aggregation.prg = prg;
  plan.aggregation.participants_max = participants_max;
  plan.aggregation.packing = packing;
  const std::vector<std::uint8_t> plan_bytes = proto::encode_plan(plan);
  crypto::SeededRandom session_random(std::uint64_t{5});
  const auto session = std::move(
      aggregator::make_cohort_session(plan, plan_bytes, session_random, fleet_authority().public_key())
          .value());
  const SessionContext context{.round = plan.round.value,
                               .plan_digest = crypto::sha256({plan_bytes}),
                               .model_digest = plan.model_digest,
                               .prg = prg};
  const RingLayout layout(participants_max, update_lanes(plan.model.parameter_count()), packing);
  const ParticipantRules rules{.participants_max = participants_max, .corrupt_fraction = 0};
  std::vector<std::unique_ptr<Device>> devices;
  for (std::uint64_t i = 0; i < kParticipants; ++i) {
    devices.push_back(std::make_unique<Device>(context, rules, 10 + i));
  }
  for (bool ready = false; !ready;) {
    const Step step = session->step();
    for (std::size_t i = 0; i < kParticipants; ++i) {
      if (i == kParticipants - 1 && step > Step::kShare)
        continue;  // one is missed, so that both seeds are asked for
      Device& device = *devices[i];
      const auto received =
          step == Step::kJoin ? std::vector<std::uint8_t>() : session->message_for(device.index);
      const Reports reports;
      const std::vector<std::uint8_t> payload = answer(device, step, received, layout);
      // Two seeds are shared with each neighbour.
      const std::size_t meant =
          step == Step::kShare
              ? 2 * (kParticipants - 1) * sampling_decisions(device.participant.graph().threshold)
              : 0;
      reports.expect(proto::to_string(step), meant, meant);
      SOTTO_CHECK(accepted(step == Step::kJoin ? session->admit(payload, device.index)
                                               : session->receive(device.index, step, payload)));
    }
    ready = session->close_step().value() == aggregator::CohortSession::Progress::kReadyToFinish;
  }
  InlineExecutor executor;
  const auto sum = session->finish(executor);
  SOTTO_CHECK(sum.has_value() && sum->devices == kParticipants - 1);
}

}  // namespace

int main() {
  if (RUNNING_ON_VALGRIND == 0) {
    std::puts("not under Valgrind: nothing to see");
    return 77;
  }
  check_that_leaks_are_reported();
  check_equality();
  check_field();
  check_shamir();
  check_ring();
  check_checked_masks();
  check_participant(crypto::Prg::kChaCha20, 257, Packing::kWords);
  check_participant(crypto::Prg::kAes128Ctr, 1024, Packing::kWords);
  check_participant(crypto::Prg::kChaCha20, 100, Packing::kBits);
  return failures == 0 ? 0 : 1;
}
