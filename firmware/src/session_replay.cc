// A device's whole session on a board, with the cryptography that a product would link. It is played from a
// record in the model slot (tests/device/write_session.cc), twice: as a board that meets everybody for the
// first time, and as one that has verified these endorsements before. Every message must come out byte for
// byte as the host's device sent it, signatures included.
//
//   session_replay [spoil=STEP]        with `spoil` a byte of what step STEP brings is changed
//
// It prints, with 0 for the first session and 1 for the second:
//   counter exact E
//   memory device N messages N endorsements N      bytes: what a session needs beside the stack
//   step I S instructions N stack N                each step, from 0, the check of the plan
//   PART I instructions N calls N                  rest, verify, sign, x25519, keystream, shamir, seal
//   session I instructions N stack N
#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>

#include "arguments.h"
#include "board.h"
#include "console.h"
#include "instruction_counter.h"
#include "painted_stack.h"
#include "part_meter.h"
#include "semihosting.h"
#include "session_device.h"
#include "session_record.h"
#include "sotto/base/check.h"

namespace sotto {

namespace {

using board::kNeighbours;
using board::PartMeter;
using proto::Step;

constexpr std::size_t kParticipantsMax = 257;
constexpr std::size_t kLanesMax = 800;
constexpr std::size_t kChunkBytes = 256;  // of a roster, as a link would bring it
constexpr std::uint32_t kNobody = UINT32_MAX;

// What a device is, from the record.
struct Owner {
  Bytes plan;
  secagg::Credential plan_credential;
  crypto::Es256PublicKey authority{};
  secagg::Endorsement endorsement;
  Bytes scalar;
  Bytes lanes;
  std::optional<crypto::X25519PublicKey> helper;
};

// The messages that a session has at a time. A roster comes in chunks.
struct Messages {
  std::array<std::uint8_t,
             std::max({limits::kPlanBytesMax, kChunkBytes, secagg::delivery_bytes(kNeighbours, kNeighbours),
                       secagg::bitmap_bytes(kNeighbours) + kNeighbours* crypto::kEs256SignatureBytes})>
      received;
  std::array<std::uint8_t, std::max({secagg::shares_bytes(kNeighbours), 2 * kLanesMax + 341,
                                     secagg::unmask_answer_bytes(kNeighbours, kNeighbours)})>
      sent;
};

// A device for one session, as a product would hold it.
struct Device {
  Device(const proto::Plan& plan, const Owner& owner, secagg::EndorsementCache& verified)
      : signer(*crypto::Es256PrivateKey::from_scalar(scalar_of(owner))),
        identity{.signer = signer,
                 .endorsement = owner.endorsement,
                 .trust = owner.authority,
                 .verified = &verified},
        keys(0),
        steps(plan, owner.plan, {.identity = &identity, .helpers = helpers_of(owner)},
              {.slots = slots, .order = order}, keys) {}

  static crypto::SecretBytes<crypto::kEs256ScalarBytes> scalar_of(const Owner& owner) {
    crypto::SecretBytes<crypto::kEs256ScalarBytes> scalar;
    SOTTO_CHECK(owner.scalar.size() == crypto::kEs256ScalarBytes);
    std::copy(owner.scalar.begin(), owner.scalar.end(), scalar.reveal_mutable().begin());
    return scalar;
  }
  static secagg::MaskHelpers helpers_of(const Owner& owner) {
    return owner.helper ? secagg::MaskHelpers{.keys = {&*owner.helper, 1}} : secagg::MaskHelpers{};
  }

  secagg::KeySigner signer;
  secagg::Identity identity;
  board::NumberedRandom keys;
  std::array<secagg::NeighbourSlot, kNeighbours> slots;
  std::array<std::uint16_t, kParticipantsMax> order{};
  proto::StepMachine steps;
};

// Kept from session to session: of the neighbours, and of the coordinator.
std::array<crypto::Digest, kNeighbours + 1> endorsements;
Messages messages;
alignas(Device) std::array<std::byte, sizeof(Device)> device_memory;
alignas(secagg::PlanStatement) std::array<std::byte, sizeof(secagg::PlanStatement)> statement_memory;
alignas(proto::Plan) std::array<std::byte, sizeof(proto::Plan)> plan_memory;
alignas(Owner) std::array<std::byte, sizeof(Owner)> owner_memory;

class Replay {
 public:
  Replay(std::uint32_t number, std::uint32_t spoiled) : number_(number), spoiled_(spoiled) {}

  // One step of the device, measured, whose rejection ends the firmware. `received` is brought first.
  template <typename Call>
  [[gnu::noinline]] void step(Call call) {
    const std::uint64_t before = PartMeter::total();
    painted_stack::paint();
    PartMeter::start();
    const Rejection rejection = call();
    PartMeter::stop();
    const std::uint32_t stack = painted_stack::used_bytes_below(painted_stack::stack_pointer());
    console::line("step ", number_, " ", count_, " instructions ",
                  static_cast<std::uint32_t>(PartMeter::total() - before), " stack ", stack);
    SOTTO_CHECK(accepted(rejection));
    deepest_ = std::max(deepest_, stack);
    ++count_;
  }

  // As the link leaves it in memory.
  [[nodiscard]] Bytes bring(Bytes message) const {
    const MutableBytes here = MutableBytes(messages.received).first(message.size());
    std::copy(message.begin(), message.end(), here.begin());
    if (count_ == spoiled_ && !here.empty()) here.back() ^= 1;
    return here;
  }

  void report() const {
    const PartMeter::Accounts& accounts = PartMeter::accounts();
    for (std::size_t part = 0; part < accounts.size(); ++part) {
      console::line(board::kPartNames[part], " ", number_, " instructions ",
                    static_cast<std::uint32_t>(accounts[part].instructions), " calls ", accounts[part].calls);
    }
    console::line("session ", number_, " instructions ", static_cast<std::uint32_t>(PartMeter::total()),
                  " stack ", deepest_);
  }

 private:
  std::uint32_t number_;
  std::uint32_t spoiled_;
  std::uint32_t count_ = 0;
  std::uint32_t deepest_ = 0;
};

const Owner& read_owner(board::SessionRecord& record) {
  auto& owner = *::new (static_cast<void*>(owner_memory.data())) Owner;
  owner.plan = record.next();
  SOTTO_CHECK(accepted(secagg::decode_credential(record.next(), owner.plan_credential)));
  const Bytes authority = record.next();
  SOTTO_CHECK(authority.size() == owner.authority.size());
  std::copy(authority.begin(), authority.end(), owner.authority.begin());
  SOTTO_CHECK(accepted(secagg::decode_endorsement(record.next(), owner.endorsement)));
  owner.scalar = record.next();
  owner.lanes = record.next();
  if (const Bytes helper = record.next(); !helper.empty()) {
    SOTTO_CHECK(helper.size() == crypto::kX25519Bytes);
    std::copy(helper.begin(), helper.end(), owner.helper.emplace().begin());
  }
  return owner;
}

// What a device does before it trains: who offers the plan, and what it says.
Rejection check_plan(const Owner& owner, const secagg::PlanStatement& statement,
                     secagg::EndorsementCache& verified, proto::Plan& plan) {
  const secagg::Trust trust(owner.authority);
  const Rejection rejection =
      secagg::check_credential(owner.plan_credential, {.role = secagg::Role::kCoordinator,
                                                       .trust = trust,
                                                       .message = statement.bytes(),
                                                       .verified = &verified});
  if (!accepted(rejection)) return rejection;
  return proto::decode_plan(owner.plan, plan).ok() ? Rejection::kNone : Rejection::kMalformed;
}

Rejection take_roster(proto::StepMachine& steps, Bytes roster, const Replay& replay) {
  for (bool again = true; again;) {
    for (Bytes left = roster; !left.empty();) {
      const Bytes chunk = left.first(std::min(left.size(), kChunkBytes));
      left = left.subspan(chunk.size());
      // The last byte of the whole is that of its last credential.
      const Bytes here = left.empty() ? replay.bring(chunk) : chunk;
      if (const Rejection rejection = steps.take_roster(here); !accepted(rejection)) return rejection;
    }
    if (const Rejection rejection = steps.end_roster(again); !accepted(rejection)) return rejection;
  }
  return Rejection::kNone;
}

void expect_sent(board::SessionRecord& record, std::size_t written) {
  const Bytes expected = record.next();
  SOTTO_CHECK(written == expected.size());
  SOTTO_CHECK(std::memcmp(messages.sent.data(), expected.data(), written) == 0);
}

// Steps: 0 plan, 1 join; of a secure session 2 roster, 3 share, 4 collect, 5 confirm, 6 unmask.
void play(std::uint32_t number, std::uint32_t spoiled) {
  board::SessionRecord record({board::model_slot()});
  Replay replay(number, spoiled);
  const Owner& owner = read_owner(record);
  secagg::EndorsementMemory verified(endorsements);
  const auto& statement = *::new (static_cast<void*>(statement_memory.data()))
                              secagg::PlanStatement(secagg::plan_statement(replay.bring(owner.plan)));
  auto& plan = *::new (static_cast<void*>(plan_memory.data())) proto::Plan;
  replay.step([&] { return check_plan(owner, statement, verified, plan); });
  auto& device = *::new (static_cast<void*>(device_memory.data())) Device(plan, owner, verified);
  std::size_t written = 0;
  replay.step([&] { return device.steps.join(owner.lanes, messages.sent, written); });
  expect_sent(record, written);
  if (!owner.helper) {
    const Bytes roster = record.next();
    replay.step([&] { return take_roster(device.steps, roster, replay); });
    replay.step([&] { return device.steps.share(messages.sent, written); });
    expect_sent(record, written);
    for (const Step step : {Step::kCollect, Step::kConfirm, Step::kUnmask}) {
      const Bytes received = replay.bring(record.next());
      replay.step(
          [&] { return device.steps.next_step(step, received, owner.lanes, messages.sent, written); });
      expect_sent(record, written);
    }
  }
  replay.report();
  PartMeter::clear();
  device.~Device();
}

}  // namespace
}  // namespace sotto

int main() {
  using namespace sotto;
  const board::Arguments arguments;
  console::line("counter exact ", std::uint32_t{instruction_counter::is_exact()});
  console::line("memory device ", std::uint32_t{sizeof(Device)}, " messages ",
                std::uint32_t{sizeof(Messages)}, " endorsements ", std::uint32_t{sizeof endorsements});
  const std::uint32_t spoiled = arguments.number("spoil", kNobody);
  for (std::uint32_t number = 0; number < 2; ++number) play(number, spoiled);
  return 0;
}
