// write_session secure|one-shot FILE: one device's whole session, recorded for the firmware session_replay
// (firmware/src/session_replay.cc). A cohort of this host's devices takes part with this host's cryptography,
// a coordinator of the real aggregator forms their sum, and one of them, whose every draw follows from a
// number, is written down: what it has, what it was sent, and what it sent. A board must send the same.
//
// The file is a row of messages, each as u32 length || bytes. See record_of() for their order.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/check.h"
#include "sotto/crypto/replayable_es256.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/proto/step_machine.h"
#include "sotto/secagg/update.h"
#include "support/enrolment.h"

namespace {

using namespace sotto;
using proto::Step;

constexpr std::size_t kDevices = 100;      // k = 32, t = 22
constexpr std::size_t kFirstMissing = 92;  // shares, then is not heard of again
constexpr std::uint8_t kRecorded = 0;
constexpr std::size_t kMessageBytesMax = 64 * 1024;

using Message = std::vector<std::uint8_t>;

class Record {
 public:
  void add(Bytes message) {
    std::array<std::uint8_t, 4> length;
    store_le(length.data(), static_cast<std::uint32_t>(message.size()));
    bytes_.insert(bytes_.end(), length.begin(), length.end());
    bytes_.insert(bytes_.end(), message.begin(), message.end());
  }
  [[nodiscard]] bool write(const char* path) const {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
    return file.flush().good();
  }

 private:
  Message bytes_;
};

// The keystream of a number, as firmware/src/session_device.h has it.
class NumberedRandom final : public Random {
 public:
  explicit NumberedRandom(std::uint8_t number) {
    crypto::SecretBytes<crypto::kPrgKeyBytes> key;
    key.reveal_mutable()[0] = number;
    stream_.rekey(key);
  }
  void fill(MutableBytes out) override { stream_.read(out); }

 private:
  crypto::Keystream stream_{crypto::Prg::kChaCha20};
};

// Signs as boards do, with the nonces of RFC 6979, so that a board's signatures can be compared as bytes.
class ReplayableSigner final : public secagg::Signer {
 public:
  explicit ReplayableSigner(std::uint64_t number) : key_(secagg::numbered_key(number)) {}
  [[nodiscard]] const crypto::Es256PublicKey& public_key() const override { return key_.public_key(); }
  [[nodiscard]] crypto::Es256Signature sign(Bytes message) override {
    return crypto::es256_sign_replayable(key_, message);
  }
  void scalar(crypto::SecretBytes<crypto::kEs256ScalarBytes>& out) const { key_.scalar(out); }

 private:
  crypto::Es256PrivateKey key_;
};

struct Device {
  Device(const proto::Plan& plan, Bytes plan_bytes, std::size_t number, const secagg::MaskHelpers& helpers)
      : signer(number + 1),
        identity{.signer = signer,
                 .endorsement = secagg::endorse(secagg::fleet_authority(), secagg::Role::kDevice,
                                                signer.public_key(), {.name = "board"}),
                 .trust = secagg::fleet_authority().public_key()},
        keys(static_cast<std::uint8_t>(number)),
        slots(kDevices),
        order(kDevices),
        lanes(plan.update_layout().lane_count()),
        steps(plan, plan_bytes, {.identity = &identity, .helpers = helpers}, {.slots = slots, .order = order},
              keys) {
    NumberedRandom values(static_cast<std::uint8_t>(number + 100));
    std::vector<float> delta(plan.model.parameter_count());
    for (float& value : delta) value = static_cast<float>(values.uniform() * 2 - 1) * plan.aggregation.clip;
    secagg::UpdateMetrics metrics{.weight = 1, .examples = 1};
    secagg::quantize_update(delta, plan.update_layout(), metrics, values, lanes);
  }

  ReplayableSigner signer;
  secagg::Identity identity;
  NumberedRandom keys;
  std::vector<secagg::NeighbourSlot> slots;
  std::vector<std::uint16_t> order;
  Message lanes;
  proto::StepMachine steps;
  ParticipantIndex index;
};

proto::Plan make_plan(proto::Aggregation kind) {
  proto::Plan plan;
  plan.task = TaskId{7};
  plan.round = RoundId{3};
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = 77, .classes = 10};
  plan.model_digest.fill(0x5a);
  plan.report_within_ms = 1000;
  plan.aggregation.kind = kind;
  return plan;
}

// What a device has before its session begins: plan, plan credential, the authority's key, its own
// endorsement, its private key, its lanes and the helper's key (empty in a secure session).
void record_device(const Device& device, const proto::Plan& plan, Bytes plan_bytes, Bytes helper,
                   Record& record) {
  const secagg::Identity& coordinator = secagg::enrolled_coordinator();
  std::array<std::uint8_t, secagg::kCredentialBytes> credential;
  secagg::encode_credential(secagg::make_credential(coordinator.signer, coordinator.endorsement,
                                                    secagg::plan_statement(plan_bytes)),
                            credential);
  std::array<std::uint8_t, secagg::kEndorsementBytes> endorsement;
  secagg::encode_endorsement(device.identity.endorsement, endorsement);
  crypto::SecretBytes<crypto::kEs256ScalarBytes> scalar;
  device.signer.scalar(scalar);
  SOTTO_CHECK(plan.update_layout().lane_count() == device.lanes.size());
  for (const Bytes part : {plan_bytes, Bytes(credential), Bytes(device.identity.trust.authority),
                           Bytes(endorsement), Bytes(scalar.reveal()), Bytes(device.lanes), helper}) {
    record.add(part);
  }
}

// A step of one device; in the record of the recorded one: what it was sent, and what it sends.
Message answer(Device& device, Step step, Bytes received, Record* record) {
  Message sent(kMessageBytesMax);
  std::size_t written = 0;
  const Rejection rejection = step == Step::kJoin
                                  ? device.steps.join(device.lanes, sent, written)
                                  : device.steps.next_step(step, received, device.lanes, sent, written);
  SOTTO_CHECK(accepted(rejection));
  sent.resize(written);
  if (record != nullptr) {
    if (step != Step::kJoin) record->add(received);
    record->add(sent);
  }
  return sent;
}

// The sum is that of those who stayed, or the program ends.
void check_sum(const std::vector<std::unique_ptr<Device>>& devices, aggregator::CohortSession& session) {
  InlineExecutor executor;
  const auto sum = session.finish(executor);
  SOTTO_CHECK(sum.has_value() && sum->devices == kFirstMissing);
  for (std::size_t i = 0; i < sum->sum.size(); ++i) {
    std::int64_t expected = 0;
    for (std::size_t j = 0; j < kFirstMissing; ++j)
      expected += std::int64_t{devices[j]->lanes[devices[j]->lanes.size() - sum->sum.size() + i]} - 128;
    SOTTO_CHECK(sum->sum[i] == expected);
  }
}

void record_secure(Record& record) {
  const proto::Plan plan = make_plan(proto::Aggregation::kSecure);
  const Message plan_bytes = proto::encode_plan(plan);
  NumberedRandom session_keys(250);
  auto made =
      aggregator::make_cohort_session(plan, plan_bytes, session_keys, secagg::fleet_authority().public_key());
  SOTTO_CHECK(made.has_value());
  aggregator::CohortSession& session = **made;
  std::vector<std::unique_ptr<Device>> devices;
  for (std::size_t i = 0; i < kDevices; ++i)
    devices.push_back(std::make_unique<Device>(plan, plan_bytes, i, secagg::MaskHelpers{}));
  record_device(*devices[kRecorded], plan, plan_bytes, {}, record);
  for (bool ready = false; !ready;) {
    const Step step = session.step();
    for (std::size_t i = 0; i < kDevices; ++i) {
      if (i >= kFirstMissing && step > Step::kShare) continue;
      Device& device = *devices[i];
      Record* const kept = i == kRecorded ? &record : nullptr;
      const Message received = step == Step::kJoin ? Message() : session.message_for(device.index);
      const Message sent = answer(device, step, received, kept);
      SOTTO_CHECK(accepted(step == Step::kJoin ? session.admit(sent, device.index)
                                               : session.receive(device.index, step, sent)));
    }
    const auto progress = session.close_step();
    SOTTO_CHECK(progress.has_value());
    ready = *progress == aggregator::CohortSession::Progress::kReadyToFinish;
  }
  check_sum(devices, session);
}

void record_one_shot(Record& record) {
  proto::Plan plan = make_plan(proto::Aggregation::kOneShot);
  crypto::SecretBytes<crypto::kX25519Bytes> scalar;
  scalar.reveal_mutable()[0] = 77;
  const crypto::X25519PrivateKey helper(scalar);
  plan.helper_digest = crypto::sha256({helper.public_key()});
  const Message plan_bytes = proto::encode_plan(plan);
  const secagg::MaskHelpers helpers{.keys = {&helper.public_key(), 1}};
  Device device(plan, plan_bytes, kRecorded, helpers);
  record_device(device, plan, plan_bytes, helper.public_key(), record);
  const Message sent = answer(device, Step::kJoin, {}, &record);
  secagg::OneShotMessage message;
  SOTTO_CHECK(accepted(secagg::decode_one_shot(sent, 1, message)));
  SOTTO_CHECK(accepted(secagg::check_sealed_mask(message.mask, crypto::sha256({plan_bytes}),
                                                 secagg::fleet_authority().public_key(), secagg::kNoClock)));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 3 ? argv[1] : "";
  Record record;
  if (kind == "secure") {
    record_secure(record);
  } else if (kind == "one-shot") {
    record_one_shot(record);
  } else {
    std::fprintf(stderr, "usage: write_session secure|one-shot FILE\n");
    return 2;
  }
  if (record.write(argv[2])) return 0;
  std::fprintf(stderr, "write_session: cannot write %s\n", argv[2]);
  return 1;
}
