#include "hostile_coordinator.h"

#include <limits>

#include "sotto/base/limits.h"
#include "sotto/secagg/wire.h"

namespace sotto::fuzz {

using client::Reply;
using client::Request;
using proto::Aggregation;
using proto::Step;

namespace {

constexpr std::uint16_t kParticipants = 4;
constexpr std::size_t kParameters = 8;
constexpr std::size_t kChunkBytes = 12;

// Three more participants than the device, with fixed keys.
const std::vector<std::uint8_t>& others() {
  static const auto* const entries = [] {
    auto* made = new std::vector<std::uint8_t>;
    crypto::SeededRandom random(std::uint64_t{11});
    for (int i = 0; i < 2 * (kParticipants - 1); ++i) {
      crypto::SecretBytes<crypto::kX25519Bytes> scalar;
      random.fill(scalar.reveal_mutable());
      const crypto::X25519PrivateKey key(scalar);
      made->insert(made->end(), key.public_key().begin(), key.public_key().end());
    }
    return made;
  }();
  return *entries;
}

}  // namespace

client::SessionOptions device_options(bool allow_unmasked) {
  client::SessionOptions options;
  options.device_id = "kitchen-7";
  options.population = "thermostats";
  options.trainers = {proto::Architecture::kSoftmax};
  options.allow_unmasked = allow_unmasked;
  return options;
}

Result<client::LocalUpdate> update_for(const client::TrainingJob& job, FuzzInput& input) {
  client::LocalUpdate update;
  update.delta.assign(job.parameters.size(), 0.25f);
  update.metrics = {.weight = 8, .examples = 8, .correct = 5, .loss_sum = 2.5};
  const float values[] = {0.25f, std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::max(), 1e-40f};
  if (input.chance(32)) {
    for (float& value : update.delta) value = values[input.below(std::size(values))];
    update.metrics.loss_sum = values[input.below(std::size(values))];
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
  plan_.model_version = ModelVersion{3};
  plan_.model_digest = crypto::sha256({model_bytes_});
  plan_.model = {.architecture = proto::Architecture::kSoftmax, .features = 3, .classes = 2};
  plan_.aggregation.kind = kind;
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
    std::vector<std::uint8_t> plan = plan_bytes_;
    tampered_ = mutate(input_, plan) || tampered_;
    return proto::CheckInReply(proto::PlanOffer{SessionToken{{1, 2, 3, 4}}, std::move(plan)});
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
    next = {Step::kUnmask, {0b110, 0b001}};
  } else if (answered != Step::kJoin) {
    counted_ = true;
    return proto::SessionEnd{.counted = true, .outcome = "summed", .window = window()};
  }
  tampered_ = mutate(input_, next.payload) || tampered_;
  return next;
}

std::vector<std::uint8_t> HostileCoordinator::roster() {
  std::vector<std::uint8_t> entries = others();
  // The device's place among the others.
  const std::size_t place = input_.below(kParticipants) * secagg::kAdvertiseBytes;
  std::vector<std::uint8_t> own = advertise_;
  own.resize(secagg::kAdvertiseBytes);
  entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(place), own.begin(), own.end());
  const secagg::Roster roster{.prg = plan_.aggregation.prg,
                              .ring_bits = 16,
                              .graph = {.participants = kParticipants, .neighbours = 3, .threshold = 2},
                              .entries = entries};
  std::vector<std::uint8_t> message(secagg::roster_bytes(kParticipants));
  secagg::encode_roster(roster, message);
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
      return proto::CheckInReply(proto::PlanOffer{SessionToken{}, input_.bytes(1 + input_.below(200))});
    case 2: {
      proto::ModelChunk chunk;
      chunk.bytes = input_.bytes(input_.below(64));
      chunk.offset = input_.u64() % (4 * limits::kParametersMax - chunk.bytes.size() + 1);
      chunk.total_bytes = chunk.offset + chunk.bytes.size() + input_.below(64);
      return chunk;
    }
    case 3: {
      proto::NextStep next{static_cast<Step>(1 + input_.below(4)), {}};
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
      return proto::ExchangeReply(proto::Refused{static_cast<Rejection>(1 + input_.below(15)), window()});
    default:
      return client::Abandoned{};
  }
}

}  // namespace sotto::fuzz
