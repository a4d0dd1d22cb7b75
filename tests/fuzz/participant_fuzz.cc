// A participant against a hostile server: the input chooses the calls and changes messages of a sound
// session. Whatever arrives, the participant refuses once and for all or goes on, and gives away nothing by
// mistake.
#include <memory>
#include <vector>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "unit/crypto/session_relay.h"

namespace {

using namespace sotto;
using namespace sotto::secagg;
using State = Participant::State;

constexpr std::uint16_t kVictim = 1;

// A session of the victim's that went well, with one neighbour gone after its shares, and the messages it
// received.
struct Scenario {
  explicit Scenario(const RelayOptions& relay_options) : options(relay_options), relay(relay_options) {
    IndexSet devices = relay.everybody();
    relay.advertise_all();
    relay.share_all(devices);
    relay.deliver_all(devices);
    if (relay.size() > relay.graph().threshold + 1u) {
      devices.erase(static_cast<std::uint16_t>(relay.size() - 1));
    }
    relay.mask_all(devices);
    relay.confirm_all(devices);
    roster = relay.roster_message(kVictim);
    delivery = relay.delivery_for(kVictim);
    survivors = relay.survivors();
    request = relay.unmask_request_for(kVictim);
  }
  RelayOptions options;
  SessionRelay relay;
  std::vector<std::uint8_t> roster;
  std::vector<std::uint8_t> delivery;
  std::vector<std::uint8_t> survivors;
  std::vector<std::uint8_t> request;
};

const std::vector<std::unique_ptr<Scenario>>& scenarios() {
  static const auto* const list = [] {
    auto* made = new std::vector<std::unique_ptr<Scenario>>;
    const auto add = [&](std::uint16_t participants, Adversary adversary, crypto::Prg prg,
                         std::uint16_t participants_max) {
      made->push_back(
          std::make_unique<Scenario>(RelayOptions{.participants = participants,
                                                  .adversary = adversary,
                                                  .corrupt_fraction = participants < 4 ? 0.0f : 0.1f,
                                                  .prg = prg,
                                                  .participants_max = participants_max,
                                                  .lanes = 21,
                                                  .seed = 3}));
    };
    add(5, Adversary::kSemiMalicious, crypto::Prg::kChaCha20, 257);
    add(3, Adversary::kSemiMalicious, crypto::Prg::kAes128Ctr, 257);
    add(66, Adversary::kCurious, crypto::Prg::kChaCha20, 257);
    add(4, Adversary::kCurious, crypto::Prg::kAes128Ctr, 1024);
    return made;
  }();
  return *list;
}

// One participant with the victim's keys: its randomness is the one the scenario was made with.
class Attack {
 public:
  Attack(const Scenario& scenario, fuzz::FuzzInput& input)
      : scenario_(scenario),
        input_(input),
        device_(scenario.relay.context(), scenario.options, scenario.options.seed * 1000 + kVictim) {}

  void run() {
    for (int calls = 0; calls < 12 && (calls < 6 || !input_.empty()); ++calls) {
      const State before = participant().state();
      auto next = static_cast<int>(before);
      const bool in_order = !input_.chance(24);
      if (!in_order) next = static_cast<int>(input_.below(6));
      if (next > static_cast<int>(State::kUnmask)) next = static_cast<int>(State::kUnmask);
      tampered_ = false;
      check(before, next, call(next));
    }
  }

 private:
  Participant& participant() { return device_.participant; }
  [[nodiscard]] std::size_t neighbours() const { return scenario_.relay.graph().neighbours; }

  Rejection call(int next) {
    std::size_t written = 0;
    switch (next) {
      case 0: {
        std::vector<std::uint8_t> out(join_bytes(scenario_.options.adversary));
        return finish_call(participant().advertise(out, written), out, written);
      }
      case 1: {
        std::vector<std::uint8_t> out(shares_bytes(neighbours()));
        if (input_.chance(8)) out.resize(input_.u16() % out.size());
        tampered_ = out.size() < shares_bytes(neighbours());
        const std::vector<std::uint8_t> roster = message(scenario_.roster);
        const bool in_chunks = input_.chance(64);
        const Rejection rejection =
            in_chunks ? receive_in_chunks(participant(), roster, 1 + input_.u16() % 400, out, written)
                      : participant().receive_roster(roster, out, written);
        return finish_call(rejection, out, written);
      }
      case 2:
        return participant().receive_delivery(message(scenario_.delivery));
      case 3:
        return mask();
      case 4: {
        std::vector<std::uint8_t> out(crypto::kEs256SignatureBytes);
        return finish_call(participant().receive_confirm(message(scenario_.survivors), out, written), out,
                           written);
      }
      default: {
        std::vector<std::uint8_t> out(unmask_answer_bytes(neighbours(), neighbours()));
        return finish_call(participant().receive_unmask(message(scenario_.request), out, written), out,
                           written);
      }
    }
  }

  Rejection mask() {
    const bool wrong_length = input_.chance(8);
    const RingLayout layout(scenario_.options.participants_max, scenario_.options.lanes);
    std::vector<std::uint8_t> ring(layout.byte_count());
    ring_encode(layout, device_.values, ring);
    const std::vector<std::uint8_t> plain = ring;
    if (wrong_length) ring.resize(input_.u16() % layout.byte_count());
    tampered_ = wrong_length;
    const Rejection rejection = participant().mask(layout, ring);
    if (accepted(rejection)) {
      SOTTO_CHECK(ring != plain);
    } else {
      SOTTO_CHECK(std::all_of(ring.begin(), ring.end(), [](std::uint8_t byte) { return byte == 0; }));
    }
    return rejection;
  }

  static Rejection finish_call(Rejection rejection, const std::vector<std::uint8_t>& out,
                               std::size_t written) {
    SOTTO_CHECK(written <= out.size());
    if (!accepted(rejection)) SOTTO_CHECK(written == 0);
    return rejection;
  }

  std::vector<std::uint8_t> message(std::vector<std::uint8_t> sound) {
    tampered_ = fuzz::mutate(input_, sound) || tampered_;
    return sound;
  }

  void check(State before, int next, Rejection rejection) {
    const State after = participant().state();
    if (!accepted(rejection)) {
      SOTTO_CHECK(after == State::kFailed);
      for (const NeighbourSlot& slot : device_.slots)
        SOTTO_CHECK(!slot.alive && slot.record == NeighbourSlot().record);
    } else {
      // Only the call of this state succeeds, and only one step further. Unsigned sessions have no kConfirm.
      SOTTO_CHECK(static_cast<int>(before) == next);
      const bool confirms = scenario_.relay.is_signed() || before != State::kMask;
      SOTTO_CHECK(static_cast<int>(after) == next + (confirms ? 1 : 2));
    }
    spoiled_ = spoiled_ || tampered_;
    if (static_cast<int>(before) != next) SOTTO_CHECK(rejection == Rejection::kWrongPhase);
    if (static_cast<int>(before) == next && !spoiled_) SOTTO_CHECK(accepted(rejection));
    if (after > State::kRoster && after < State::kFailed) {
      const GraphParameters& graph = participant().graph();
      SOTTO_CHECK(graph == scenario_.relay.graph());
      SOTTO_CHECK(participant().index().value < graph.participants);
    }
  }

  const Scenario& scenario_;
  fuzz::FuzzInput& input_;
  RelayDevice device_;
  bool tampered_ = false;  // the present call's arguments
  bool spoiled_ = false;   // some call's so far
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  const auto& list = scenarios();
  Attack(*list[input.below(list.size())], input).run();
  return 0;
}
