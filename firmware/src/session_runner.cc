// A whole session on a board: 33 devices, of which one does not finish, and a coordinator just good enough
// for them. Prints how deep a device's stack was in each step. The sum must come out.
#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "board.h"
#include "console.h"
#include "painted_stack.h"
#include "semihosting.h"
#include "session_device.h"
#include "sotto/base/check.h"
#include "sotto/secagg/shamir.h"
#include "sotto/secagg/update.h"

namespace sotto {

namespace {

using board::kGraph;
using board::kNeighbours;
using board::SessionDevice;
using proto::Step;

constexpr std::size_t kDevices = kGraph.participants;
constexpr std::size_t kMissing = kDevices - 1;  // shares, then is not heard of again
constexpr std::size_t kParameters = 6;
constexpr std::size_t kLanes = secagg::update_lanes(kParameters);
constexpr std::size_t kRingBytes = 2 * kLanes;
constexpr std::size_t kRosterChunk = 50;
constexpr auto kSigned = secagg::Adversary::kSemiMalicious;

// Everything that the coordinator holds.
struct Cohort {
  std::array<std::array<std::uint8_t, secagg::join_bytes(kSigned)>, kDevices> joins;
  std::array<std::uint8_t, kDevices * secagg::entry_bytes(kSigned)> entries;
  std::array<std::array<std::uint8_t, secagg::shares_bytes(kNeighbours)>, kDevices> shares;
  std::array<std::array<std::uint8_t, kLanes>, kDevices> lanes;
  std::array<std::uint8_t, kRingBytes> sum;
  std::array<crypto::Es256Signature, kDevices> signatures;
  std::array<std::array<std::uint8_t, secagg::unmask_answer_bytes(kNeighbours, 1)>, kDevices> answers;
  crypto::Digest transcript;
  std::array<std::uint8_t, kNeighbours * secagg::kCredentialBytes> credentials;  // in a roster
  // The message on its way to a device, and what it sends.
  std::array<std::uint8_t, secagg::roster_bytes(kSigned, kGraph)> message;
  std::array<std::uint8_t, secagg::shares_bytes(kNeighbours)> sent;
};

Cohort cohort;
alignas(SessionDevice) std::array<std::array<std::byte, sizeof(SessionDevice)>, kDevices> devices;
// Too large for a stack of which something is to be left.
alignas(proto::Plan) std::array<std::array<std::byte, sizeof(proto::Plan)>, 2> plans;
alignas(secagg::UpdateLayout) std::array<std::byte, sizeof(secagg::UpdateLayout)> layout_memory;
std::array<std::uint8_t, limits::kPlanBytesMax> encoded_plan;
std::uint32_t deepest = 0;

SessionDevice& device(std::size_t index) {
  return *std::launder(reinterpret_cast<SessionDevice*>(devices[index].data()));
}
// In a complete graph.
std::size_t rank_of(std::size_t neighbour, std::size_t of) {
  return neighbour < of ? neighbour : neighbour - 1;
}
std::size_t at_rank(std::size_t rank, std::size_t of) { return rank < of ? rank : rank + 1; }

// How deep one call goes.
template <typename Call>
[[gnu::noinline]] std::uint32_t stack_of(Call call) {
  painted_stack::paint();
  SOTTO_CHECK(accepted(call()));
  const std::uint32_t used = painted_stack::used_bytes_below(painted_stack::stack_pointer());
  deepest = std::max(deepest, used);
  return used;
}

void report(const char* step, std::uint32_t stack) { console::line("step ", step, " stack ", stack); }

proto::Plan make_plan() {
  proto::Plan plan;
  plan.round = RoundId{1};
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = 2, .classes = 2};
  plan.report_within_ms = 1000;
  return plan;
}

// Every coordinate at one end of the range, devices by turns: 255 in a lane, or 1.
Rejection quantise(const proto::Plan& plan, const secagg::UpdateLayout& layout, std::size_t index) {
  std::array<float, kParameters> delta;
  delta.fill(index % 2 == 0 ? plan.aggregation.clip : -plan.aggregation.clip);
  secagg::UpdateMetrics metrics{.weight = plan.aggregation.weight_max, .examples = 3};
  board::NumberedRandom random(static_cast<std::uint8_t>(index));
  secagg::quantize_update(delta, layout, metrics, random, cohort.lanes[index]);
  return Rejection::kNone;
}

void quantise_all(const proto::Plan& plan) {
  const auto& layout =
      *::new (static_cast<void*>(layout_memory.data())) secagg::UpdateLayout(plan.update_layout());
  std::uint32_t stack = 0;
  for (std::size_t i = 0; i < kDevices; ++i)
    stack = std::max(stack, stack_of([&] { return quantise(plan, layout, i); }));
  report("quantise", stack);
}

void join_all(const proto::Plan& plan, Bytes plan_bytes, secagg::Signer& authority) {
  std::uint32_t stack = 0;
  ByteWriter entries(cohort.entries);
  for (std::size_t i = 0; i < kDevices; ++i) {
    auto& made = *::new (static_cast<void*>(devices[i].data()))
                     SessionDevice(plan, plan_bytes, static_cast<std::uint8_t>(1 + i), authority);
    std::size_t written = 0;
    stack = std::max(stack,
                     stack_of([&] { return made.steps().join(cohort.lanes[i], cohort.joins[i], written); }));
    entries.bytes(Bytes(cohort.joins[i]).first(secagg::kAdvertiseBytes));
    entries.bytes(made.identity());
  }
  SOTTO_CHECK(entries.ok() && entries.written() == cohort.entries.size());
  report("join", stack);
}

secagg::Roster make_roster() {
  return {.adversary = kSigned, .ring_bits = 16, .graph = kGraph, .entries = cohort.entries};
}

void write_roster(std::size_t to) {
  ByteWriter writer(cohort.credentials);
  for (std::size_t rank = 0; rank < kNeighbours; ++rank)
    writer.bytes(Bytes(cohort.joins[at_rank(rank, to)]).subspan(secagg::kAdvertiseBytes));
  secagg::Roster roster = make_roster();
  roster.credentials = cohort.credentials;
  secagg::encode_roster(roster, cohort.message);
}

Rejection take_roster(proto::StepMachine& steps) {
  for (bool again = true; again;) {
    for (Bytes left = cohort.message; !left.empty();) {
      const Bytes chunk = left.first(std::min(left.size(), kRosterChunk));
      left = left.subspan(chunk.size());
      if (const Rejection rejection = steps.take_roster(chunk); !accepted(rejection)) return rejection;
    }
    if (const Rejection rejection = steps.end_roster(again); !accepted(rejection)) return rejection;
  }
  return Rejection::kNone;
}

void share_all(const secagg::SessionContext& context) {
  std::uint32_t roster_stack = 0;
  std::uint32_t stack = 0;
  for (std::size_t i = 0; i < kDevices; ++i) {
    proto::StepMachine& steps = device(i).steps();
    write_roster(i);
    std::size_t written = 0;
    roster_stack = std::max(roster_stack, stack_of([&] { return take_roster(steps); }));
    stack = std::max(stack, stack_of([&] { return steps.share(cohort.shares[i], written); }));
  }
  const secagg::Roster roster = make_roster();
  cohort.transcript = secagg::transcript_digest(context, roster, secagg::roster_root(roster));
  report("roster", roster_stack);
  report("share", stack);
}

// Everybody's record for one device: all have shared.
Bytes write_delivery(std::size_t to) {
  ByteWriter writer(cohort.message);
  for (std::size_t i = 0; i < secagg::bitmap_bytes(kNeighbours); ++i) writer.u8(0xff);
  for (std::size_t rank = 0; rank < kNeighbours; ++rank) {
    const std::size_t from = at_rank(rank, to);
    writer.bytes(Bytes(cohort.shares[from])
                     .subspan(secagg::share_record_offset(rank_of(to, from)), secagg::kShareRecordBytes));
  }
  return Bytes(cohort.message).first(writer.written());
}

void collect_all(const secagg::RingLayout& layout) {
  std::uint32_t stack = 0;
  for (std::size_t i = 0; i < kDevices; ++i) {
    if (i == kMissing) continue;
    const Bytes delivery = write_delivery(i);
    std::size_t written = 0;
    stack = std::max(stack, stack_of([&] {
                       return device(i).steps().next_step(Step::kCollect, delivery, cohort.lanes[i],
                                                          cohort.sent, written);
                     }));
    secagg::ring_add(layout, cohort.sum, Bytes(cohort.sent).first(written));
  }
  report("collect", stack);
}

void confirm_and_unmask_all() {
  std::array<std::uint8_t, secagg::bitmap_bytes(kDevices)> survivors{};
  for (std::size_t i = 0; i < kDevices; ++i) {
    if (i != kMissing) secagg::bitmap_set(survivors, i);
  }
  std::uint32_t stack = 0;
  std::size_t written = 0;
  for (std::size_t i = 0; i < kMissing; ++i) {
    stack = std::max(stack, stack_of([&] {
                       return device(i).steps().next_step(Step::kConfirm, survivors, {}, cohort.signatures[i],
                                                          written);
                     }));
  }
  report("confirm", stack);
  stack = 0;
  for (std::size_t i = 0; i < kMissing; ++i) {
    ByteWriter writer(cohort.message);
    const MutableBytes confirmed = writer.reserve(secagg::bitmap_bytes(kNeighbours));
    std::fill(confirmed.begin(), confirmed.end(), std::uint8_t{0});
    for (std::size_t rank = 0; rank < kNeighbours; ++rank) {
      const std::size_t neighbour = at_rank(rank, i);
      if (neighbour == kMissing) continue;
      secagg::bitmap_set(confirmed, rank);
      writer.bytes(cohort.signatures[neighbour]);
    }
    stack = std::max(stack, stack_of([&] {
                       return device(i).steps().next_step(Step::kUnmask,
                                                          Bytes(cohort.message).first(writer.written()), {},
                                                          cohort.sent, written);
                     }));
    std::memcpy(cohort.answers[i].data(), cohort.sent.data(), written);
  }
  report("unmask", stack);
}

// What `holder` answered about `owner`, the last of all but for the missing one.
Bytes share_of(std::size_t owner, std::size_t holder) {
  return Bytes(cohort.answers[holder])
      .subspan(secagg::unmask_answer_bytes(rank_of(owner, holder), 0), secagg::kShareBytes);
}
Bytes pair_key_of(std::size_t holder) { return Bytes(cohort.answers[holder]).last(crypto::kPrgKeyBytes); }

// The seed of which `owner`'s neighbours gave shares, from the first `threshold` of those who did.
void rebuild_seed(std::size_t owner, secagg::Seed& seed) {
  std::array<std::uint32_t, kGraph.threshold> places;
  std::array<std::uint64_t, kGraph.threshold> weights;
  std::array<secagg::Share, kGraph.threshold> shares;
  for (std::size_t i = 0, holder = 0; i < places.size(); ++holder) {
    if (holder == owner || holder == kMissing) continue;
    places[i] = static_cast<std::uint32_t>(holder + 1);
    const Bytes share = share_of(owner, holder);
    std::copy(share.begin(), share.end(), shares[i++].begin());
  }
  SOTTO_CHECK(secagg::lagrange_at_zero(places, weights));
  SOTTO_CHECK(secagg::combine_shares(shares, weights, seed));
}

void remove_masks(const secagg::RingLayout& layout) {
  const crypto::Hkdf transcript(cohort.transcript);
  crypto::Keystream stream(crypto::Prg::kChaCha20);
  secagg::MaskKey key;
  secagg::Seed seed;
  for (std::size_t i = 0; i < kMissing; ++i) {
    rebuild_seed(i, seed);
    secagg::self_mask_key(seed, transcript, ParticipantIndex{static_cast<std::uint16_t>(i)}, key);
    stream.rekey(key);
    secagg::ring_apply_mask(layout, cohort.sum, stream, secagg::MaskSign::kSubtract);
  }
  rebuild_seed(kMissing, seed);
  const crypto::X25519PrivateKey missing = secagg::mask_private_key(seed);
  const secagg::Roster roster = make_roster();
  const ParticipantIndex gone{static_cast<std::uint16_t>(kMissing)};
  for (std::size_t i = 0; i < kMissing; ++i) {
    const ParticipantIndex survivor{static_cast<std::uint16_t>(i)};
    SOTTO_CHECK(
        secagg::pair_mask_key(missing, roster.keys_of(survivor).mask, transcript, survivor, gone, key));
    // The survivor has released the same.
    SOTTO_CHECK(crypto::constant_time_equal(key.reveal(), pair_key_of(i)));
    stream.rekey(key);
    // What the missing device would have applied is what is left of the survivor's mask, turned round.
    secagg::ring_apply_mask(layout, cohort.sum, stream, secagg::pair_mask_sign(gone, survivor));
  }
}

}  // namespace
}  // namespace sotto

int main() {
  using namespace sotto;
  // The word "spoil" plants a wrong sum, which must be noticed.
  std::array<char, 64> words{};
  const bool spoil = semihosting::command_line(words) && std::strstr(words.data(), "spoil") != nullptr;
  const auto& made = *::new (static_cast<void*>(plans[0].data())) proto::Plan(make_plan());
  const Bytes plan_bytes = proto::encode_plan(made, encoded_plan);
  auto& plan = *::new (static_cast<void*>(plans[1].data())) proto::Plan;
  SOTTO_CHECK(!plan_bytes.empty() && proto::decode_plan(plan_bytes, plan).ok() && plan == made);
  const secagg::SessionContext context{.round = plan.round.value,
                                       .plan_digest = crypto::sha256({plan_bytes}),
                                       .model_digest = plan.model_digest,
                                       .prg = plan.aggregation.prg};
  const secagg::RingLayout layout(plan.aggregation.participants_max, kLanes);
  secagg::KeySigner authority(board::numbered_key(0));
  quantise_all(plan);
  join_all(plan, plan_bytes, authority);
  share_all(context);
  collect_all(layout);
  confirm_and_unmask_all();
  remove_masks(layout);
  if (spoil) cohort.sum[kRingBytes - 2] ^= 1;
  std::array<std::uint32_t, kLanes> sums;
  secagg::ring_decode(layout, cohort.sum, sums);
  const secagg::MetricSums metrics = secagg::decode_metrics(plan.update_layout(), sums);
  SOTTO_CHECK(metrics.count == kMissing && metrics.examples == 3 * kMissing);
  for (const std::uint32_t sum : std::span(sums).subspan(secagg::kMetricLanes))
    SOTTO_CHECK(sum == (255 + 1) * kMissing / 2);
  console::line("session devices ", std::uint32_t{kMissing}, " stack ", deepest);
  return 0;
}
