#include "hostile_coordinator.h"

#include <array>
#include <limits>

#include "sotto/base/limits.h"
#include "sotto/secagg/wire.h"
#include "support/enrolment.h"
#include "support/small_cohorts.h"

namespace sotto::fuzz {

using client::Reply;
using client::Request;
using proto::Aggregation;
using proto::Step;

namespace {

constexpr std::uint16_t kParticipants = 4;
constexpr std::uint8_t kEverybody = 0b1111;
constexpr std::size_t kParameters = 8;
constexpr std::size_t kChunkBytes = 12;

constexpr std::size_t kOthers = kParticipants - 1;

// Three more participants than the device, with fixed keys, numbered without the device.
const std::array<secagg::AdvertisedKeys, kOthers>& others() {
  static const auto* const made = [] {
    auto* keys = new std::array<secagg::AdvertisedKeys, kOthers>;
    crypto::SeededRandom random(std::uint64_t{11});
    const auto fresh = [&] {
      crypto::SecretBytes<crypto::kX25519Bytes> scalar;
      random.fill(scalar.reveal_mutable());
      return crypto::X25519PrivateKey(scalar).public_key();
    };
    for (secagg::AdvertisedKeys& own : *keys) own = {.channel = fresh(), .mask = fresh()};
    return keys;
  }();
  return *made;
}

const secagg::Identity& other_identity(std::size_t number) {
  return secagg::enrolled_device("other-" + std::to_string(number));
}

void append(std::vector<std::uint8_t>& message, Bytes bytes) {
  message.insert(message.end(), bytes.begin(), bytes.end());
}

}  // namespace

client::SessionOptions device_options(bool allow_unmasked) {
  client::SessionOptions options;
  options.device_id = "kitchen-7";
  options.population = "thermostats";
  options.trainers = {proto::Architecture::kSoftmax};
  options.cohort_min = 3;
  options.corrupt_fraction_min = 0;
  options.honest_min = 2;
  options.identity = &secagg::enrolled_device(options.device_id);
  options.allow_curious = true;
  options.allow_unmasked = allow_unmasked;
  return options;
}

Result<client::LocalUpdate> update_for(const client::TrainingJob& job, FuzzInput& input) {
  client::LocalUpdate update;
  update.delta.assign(job.parameters.size(), 0.25f);
  update.metrics = {.weight = 8, .examples = 8, .sums = {5, 2.5}};
  const float values[] = {0.25f, std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::max(), 1e-40f};
  if (input.chance(32)) {
    for (float& value : update.delta) value = values[input.below(std::size(values))];
    update.metrics.sums[input.below(2)] = values[input.below(std::size(values))];
    update.metrics.weight = static_cast<std::uint32_t>(input.u64());
    update.metrics.examples = static_cast<std::uint32_t>(input.u64());
  }
  if (input.chance(8)) update.delta.resize(input.below(20));
  return update;
}

HostileCoordinator::HostileCoordinator(Aggregation kind, FuzzInput& input) : input_(input) {
  model_bytes_.resize(kParameters * sizeof(float));
  ByteWriter writer(model_bytes_);
  for (std::size_t i = 0; i < kParameters; ++i) writer.f32(static_cast<float>(i) - 3.5f);
  plan_.task = TaskId{7};
  plan_.round = RoundId{4};
  plan_.not_after = 5'184'000;  // 60 days, as long as a plan may hold
  plan_.model_version = ModelVersion{3};
  plan_.model_digest = crypto::sha256({model_bytes_});
  plan_.model = {.architecture = proto::Architecture::kSoftmax, .features = 3, .classes = 2};
  allow_small_cohorts(plan_.aggregation);
  plan_.aggregation.kind = kind;
  if (input.chance(64)) plan_.aggregation.adversary = proto::Adversary::kCurious;
  plan_.aggregation.participants_max = 8;
  plan_.aggregation.weight_max = 16;
  plan_.report_within_ms = 60'000;
  plan_bytes_ = proto::encode_plan(plan_);
}

Result<Reply> HostileCoordinator::answer(const Request& request) {
  if (input_.chance(24)) {
    tampered_ = true;
    return arbitrary_answer();
  }
  return sound_answer(request);
}

Reply HostileCoordinator::sound_answer(const Request& request) {
  if (std::holds_alternative<proto::CheckInRequest>(request)) {
    return proto::CheckInReply(offer());
  }
  if (const auto* fetch = std::get_if<proto::FetchModelRequest>(&request)) {
    const std::size_t begin = std::min<std::size_t>(fetch->offset, model_bytes_.size());
    const std::size_t end = std::min(begin + kChunkBytes, model_bytes_.size());
    proto::ModelChunk chunk{.total_bytes = model_bytes_.size(),
                            .offset = fetch->offset,
                            .bytes = {model_bytes_.begin() + static_cast<std::ptrdiff_t>(begin),
                                      model_bytes_.begin() + static_cast<std::ptrdiff_t>(end)}};
    tampered_ = mutate(input_, chunk.bytes) || tampered_;
    return chunk;
  }
  if (const auto* step = std::get_if<proto::ExchangeRequest>(&request)) return exchange(*step);
  return client::Abandoned{};
}

// A coordinator that lies can sign what it likes: a changed plan comes with a credential of its own.
proto::PlanOffer HostileCoordinator::offer() {
  proto::PlanOffer offer{.token = SessionToken{{1, 2, 3, 4}}, .plan = plan_bytes_};
  tampered_ = mutate(input_, offer.plan) || tampered_;
  const secagg::Identity& identity = secagg::enrolled_coordinator();
  offer.credential =
      secagg::make_credential(identity.signer, identity.endorsement, secagg::plan_statement(offer.plan));
  if (input_.chance(8)) {
    tampered_ = true;
    offer.credential->signature[input_.below(64)] ^= 1;
  }
  return offer;
}

proto::ExchangeReply HostileCoordinator::exchange(const proto::ExchangeRequest& request) {
  if (!request.poll) answered_ = request.step;
  if (!request.poll && request.step == Step::kJoin) advertise_ = request.payload;
  if (input_.chance(16)) return proto::KeepWaiting{window()};
  return next_step(answered_);
}

proto::ExchangeReply HostileCoordinator::next_step(Step answered) {
  const bool secure = plan_.aggregation.kind == Aggregation::kSecure;
  proto::NextStep next{Step::kCollect, {}};
  if (secure && answered == Step::kJoin) {
    next = {Step::kShare, roster()};
  } else if (secure && answered == Step::kShare) {
    next = {Step::kCollect, std::vector<std::uint8_t>(secagg::delivery_bytes(3, 3), 0x33)};
    next.payload[0] = 0b111;
  } else if (secure && answered == Step::kCollect) {
    next = {signs() ? Step::kConfirm : Step::kUnmask, {kEverybody}};
  } else if (secure && answered == Step::kConfirm) {
    next = {Step::kUnmask, confirmations()};
  } else if (answered != Step::kJoin) {
    counted_ = true;
    return proto::SessionEnd{.counted = true, .outcome = "summed", .window = window()};
  }
  tampered_ = mutate(input_, next.payload) || tampered_;
  return next;
}

std::vector<std::uint8_t> HostileCoordinator::roster() {
  const proto::Adversary adversary = plan_.aggregation.adversary;
  place_ = static_cast<std::uint16_t>(input_.below(kParticipants));  // the device's among the others
  std::vector<std::uint8_t> entries;
  std::vector<std::uint8_t> credentials;
  for (std::size_t i = 0, other = 0; i < kParticipants; ++i) {
    std::array<std::uint8_t, secagg::kAdvertiseBytes> keys{};
    if (i == place_) {
      std::copy_n(advertise_.begin(), std::min(advertise_.size(), keys.size()), keys.begin());
    } else {
      secagg::encode_advertise(others()[other++], keys);
    }
    append(entries, keys);
    if (!signs()) continue;
    const secagg::Identity& identity =
        i == place_ ? secagg::enrolled_device("kitchen-7") : other_identity(other - 1);
    append(entries, secagg::identity_of(identity.signer.public_key()));
    if (i == place_) continue;
    std::array<std::uint8_t, secagg::kCredentialBytes> credential;
    secagg::encode_credential(
        secagg::make_credential(identity.signer, identity.endorsement,
                                secagg::join_statement(crypto::sha256({plan_bytes_}), keys)),
        credential);
    append(credentials, credential);
  }
  const std::uint16_t threshold = signs() ? 3 : 2;
  const secagg::Roster roster{
      .prg = plan_.aggregation.prg,
      .adversary = adversary,
      .ring_bits = 16,
      .graph = {.participants = kParticipants, .neighbours = kOthers, .threshold = threshold},
      .entries = entries,
      .credentials = credentials};
  std::vector<std::uint8_t> message(secagg::roster_bytes(adversary, roster.graph));
  secagg::encode_roster(roster, message);
  transcript_ = secagg::transcript_digest({.round = plan_.round.value,
                                           .plan_digest = crypto::sha256({plan_bytes_}),
                                           .model_digest = plan_.model_digest,
                                           .prg = plan_.aggregation.prg},
                                          roster, secagg::roster_root(roster));
  return message;
}

std::vector<std::uint8_t> HostileCoordinator::confirmations() const {
  std::vector<std::uint8_t> message{0b111};
  const std::array<std::uint8_t, 1> survivors{kEverybody};
  for (std::uint16_t other = 0; other < kOthers; ++other) {
    const ParticipantIndex index{static_cast<std::uint16_t>(other < place_ ? other : other + 1)};
    const secagg::Statement statement =
        secagg::survivors_statement(transcript_, index, crypto::sha256({survivors}));
    append(message, other_identity(other).signer.sign(statement.bytes()));
  }
  return message;
}

proto::RetryWindow HostileCoordinator::window() {
  proto::RetryWindow window{.delay_min_ms = 5, .delay_max_ms = 10, .reason = "others"};
  if (input_.chance(16)) {
    window.delay_min_ms = static_cast<std::uint32_t>(input_.u64());
    window.delay_max_ms = std::max(window.delay_min_ms, static_cast<std::uint32_t>(input_.u64()));
  }
  return window;
}

// Anything that the transport lets through (convert.h), whether or not it answers the request.
Reply HostileCoordinator::arbitrary_answer() {
  switch (input_.below(8)) {
    case 0:
      return proto::CheckInReply(window());
    case 1:
      return proto::CheckInReply(proto::PlanOffer{SessionToken{}, input_.bytes(1 + input_.below(200)), {}});
    case 2: {
      proto::ModelChunk chunk;
      chunk.bytes = input_.bytes(input_.below(64));
      chunk.offset = input_.u64() % (4 * limits::kParametersMax - chunk.bytes.size() + 1);
      chunk.total_bytes = chunk.offset + chunk.bytes.size() + input_.below(64);
      return chunk;
    }
    case 3: {
      proto::NextStep next{static_cast<Step>(1 + input_.below(5)), {}};
      next.payload = input_.bytes(input_.u16() % 600);
      return proto::ExchangeReply(next);
    }
    case 4:
      return proto::ExchangeReply(proto::KeepWaiting{window()});
    case 5: {
      const bool counted = input_.chance(128);
      counted_ = counted_ || counted;
      return proto::ExchangeReply(proto::SessionEnd{counted, "over", window()});
    }
    case 6:
      return proto::ExchangeReply(proto::Refused{static_cast<Rejection>(1 + input_.below(16)), window()});
    default:
      return client::Abandoned{};
  }
}

}  // namespace sotto::fuzz
