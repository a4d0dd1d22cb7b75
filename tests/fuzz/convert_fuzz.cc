// Protobuf bytes from a network into plain messages: what from_wire() accepts survives the way out and in
// again.
#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/proto/convert.h"

namespace {

using namespace sotto;
using namespace sotto::proto;

template <typename Plain, typename Wire>
void round_trip(const std::vector<std::uint8_t>& bytes) {
  Wire wire;
  if (!wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const Result<Plain> plain = from_wire(wire);
  if (!plain) {
    SOTTO_CHECK(plain.error().code() == StatusCode::kInvalidArgument && !plain.error().message().empty());
    return;
  }
  Wire out;
  to_wire(*plain, out);
  const Result<Plain> again = from_wire(out);
  SOTTO_CHECK(again.has_value());
  Wire out_again;
  to_wire(*again, out_again);
  SOTTO_CHECK(out.SerializeAsString() == out_again.SerializeAsString());
}

// A message that passes, for the input to change.
template <typename Plain, typename Wire>
std::vector<std::uint8_t> sample(const Plain& plain) {
  Wire wire;
  to_wire(plain, wire);
  const std::string text = wire.SerializeAsString();
  return {text.begin(), text.end()};
}

template <typename Plain, typename Wire>
void fuzz_message(fuzz::FuzzInput& input, const Plain& valid) {
  std::vector<std::uint8_t> bytes;
  if (input.chance(96)) {
    bytes = input.rest();
  } else {
    bytes = sample<Plain, Wire>(valid);
    fuzz::mutate(input, bytes);
  }
  round_trip<Plain, Wire>(bytes);
}

TaskSpec task_spec() {
  TaskSpec spec;
  spec.name = "gait";
  spec.population = "watches";
  spec.model = {.architecture = Architecture::kSoftmax, .features = 4, .classes = 3};
  return spec;
}

TaskStatus task_status() {
  TaskStatus status;
  status.id = TaskId{3};
  status.spec = task_spec();
  status.waiting_for = "devices";
  return status;
}

RoundRecord round_record() {
  RoundRecord record;
  record.task = TaskId{3};
  record.round = RoundId{2};
  record.reason = "too few";
  record.clip = 0.5f;
  return record;
}

void fleet(fuzz::FuzzInput& input) {
  const RetryWindow window{.delay_min_ms = 1, .delay_max_ms = 200, .reason = "pacing"};
  switch (input.below(14)) {
    case 0:
      return fuzz_message<CheckInRequest, v1::CheckInRequest>(
          input, {.device_id = "kitchen-7",
                  .population = "thermostats",
                  .trainers = {Architecture::kDense},
                  .parameters_max = 1000,
                  .pass = {1, 2},
                  .proof = CheckInProof{{3, 4}, TaskId{1}, secagg::Credential{}}});
    case 1:
      return fuzz_message<CheckInReply, v1::CheckInReply>(
          input, PlanOffer{SessionToken{}, {1, 2, 3}, secagg::Credential{}});
    case 2:
      if (input.below(2) == 0) {
        return fuzz_message<CheckInReply, v1::CheckInReply>(input, Challenge{{1, 2}, TaskId{1}, {}});
      }
      return fuzz_message<CheckInReply, v1::CheckInReply>(input, window);
    case 3:
      return fuzz_message<FetchModelRequest, v1::FetchModelRequest>(
          input, {.token = {}, .task = TaskId{1}, .version = ModelVersion{2}, .offset = 3});
    case 4:
      return fuzz_message<ModelChunk, v1::ModelChunk>(input,
                                                      {.total_bytes = 8, .offset = 4, .bytes = {1, 2, 3, 4}});
    case 5:
      return fuzz_message<ExchangeRequest, v1::ExchangeRequest>(
          input, {.token = {}, .step = Step::kShare, .poll = false, .payload = {5, 6}});
    case 6:
      return fuzz_message<ExchangeReply, v1::ExchangeReply>(input, NextStep{Step::kCollect, {7}});
    case 7:
      return fuzz_message<ExchangeReply, v1::ExchangeReply>(input, SessionEnd{true, "summed", window});
    case 8:
      return fuzz_message<ExchangeReply, v1::ExchangeReply>(input, Refused{Rejection::kDuplicate, window});
    case 9:
      return fuzz_message<OfferUpdateRequest, v1::OfferUpdateRequest>(
          input, {.device_id = "kitchen-7",
                  .task = "activity",
                  .device_class = "m4",
                  .sequence = 6,
                  .pass = {1, 2},
                  .proof = UpdateProof{{3, 4}, secagg::Credential{}}});
    case 10:
      return fuzz_message<OfferUpdateReply, v1::OfferUpdateReply>(input, UpdateOffer{{1, 2, 3}, {4}});
    case 11:
      if (input.below(2) == 0) {
        return fuzz_message<OfferUpdateReply, v1::OfferUpdateReply>(input, UpdateChallenge{{1, 2}, {}});
      }
      return fuzz_message<OfferUpdateReply, v1::OfferUpdateReply>(input, NoUpdate{window});
    case 12:
      return fuzz_message<FetchUpdateRequest, v1::FetchUpdateRequest>(
          input, {"kitchen-7", "activity", "m4", 7, 4096, 512, {1, 2}});
    default:
      return fuzz_message<AbandonRequest, v1::AbandonRequest>(input, {.token = {}, .reason = "battery"});
  }
}

void administration(fuzz::FuzzInput& input) {
  ModelRecord model;
  model.task = TaskId{3};
  model.version = ModelVersion{1};
  model.bytes = 60;
  switch (input.below(12)) {
    case 0:
      return fuzz_message<TaskSpec, v1::TaskSpec>(input, task_spec());
    case 1:
      return fuzz_message<TaskStatus, v1::TaskStatus>(input, task_status());
    case 2:
      return fuzz_message<RoundRecord, v1::RoundRecord>(input, round_record());
    case 3:
      return fuzz_message<ModelRecord, v1::ModelRecord>(input, model);
    case 4:
      return fuzz_message<std::vector<TaskStatus>, v1::ListTasksReply>(input, {task_status()});
    case 5:
      return fuzz_message<std::vector<RoundRecord>, v1::ListRoundsReply>(input, {round_record()});
    case 6:
      return fuzz_message<std::vector<ModelRecord>, v1::ListModelsReply>(input, {model, model});
    case 8:
      return fuzz_message<PublishUpdateRequest, v1::PublishUpdateRequest>(
          input, {.manifest = {1, 2}, .share = 50, .reason = "trained anew"});
    case 9:
      return fuzz_message<ShareUpdateRequest, v1::ShareUpdateRequest>(input, {"activity", "m4", 50, ""});
    case 10:
      return fuzz_message<std::vector<UpdateStatus>, v1::ListUpdatesReply>(
          input, {{.task = "activity", .device_class = "m4", .sequence = 1, .bytes = 9}});
    case 7: {
      const auto state = static_cast<std::uint32_t>(input.u64());
      SOTTO_CHECK(task_state_from_wire(state).has_value() == (state >= 1 && state <= 3));
      return;
    }
    default: {
      const std::vector<std::uint8_t> bytes = input.rest();
      const std::string name(bytes.begin(), bytes.end());
      SOTTO_CHECK(task_name_from_wire(name).has_value() == valid_name(name));
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  input.chance(96) ? administration(input) : fleet(input);
  return 0;
}
