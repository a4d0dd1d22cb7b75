// The split view of survivors (tests/model/README.md). The coordinator shows its victim only t neighbours as
// alive, so that few pair masks hide its vector, and tells everybody that the victim survived. Those t
// neighbours it calls missing, each to t devices, nobody hearing of more than k - t missing ones. Every
// device is told something that could be true, no participant's two seeds are ever asked of one device, and
// yet everything that masks the victim's vector can be rebuilt.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "hostile_coordinator.h"

namespace sotto::assurance {
namespace {

using namespace sotto::secagg;

// Who is told that whom is missing.
class SplitView {
 public:
  SplitView(const SessionRelay& relay, std::uint16_t victim)
      : relay_(relay), victim_(victim), missing_(relay.size()) {
    const auto neighbours = relay.neighbours(victim);
    alive_.assign(neighbours.begin(), neighbours.begin() + relay.graph().threshold);
  }

  // False when there is no such choice.
  bool plan() {
    for (const std::uint16_t gone : alive_) {
      for (std::size_t told = 0; told < relay_.graph().threshold; ++told) {
        visited_.assign(relay_.size(), false);
        if (!tell_one_more(gone)) return false;
      }
    }
    return true;
  }

  // The neighbours that the victim is shown.
  [[nodiscard]] const std::vector<std::uint16_t>& alive() const { return alive_; }
  [[nodiscard]] bool lies_to(std::uint16_t device) const { return !missing_[device].empty(); }
  // What this device is told.
  [[nodiscard]] Message survivors_told(std::uint16_t device) const {
    Message bitmap(confirm_request_bytes(relay_.size()));
    for (std::uint16_t i = 0; i < relay_.size(); ++i) {
      if (!missing_[device].contains(i)) bitmap_set(bitmap, i);
    }
    return bitmap;
  }

 private:
  // Finds a device to tell that `gone` is missing, moving what others were to be told when they are full.
  bool tell_one_more(std::uint16_t gone) {
    const std::size_t most = relay_.graph().neighbours - std::size_t{relay_.graph().threshold};
    for (const std::uint16_t device : relay_.neighbours(gone)) {
      if (device == victim_ || visited_[device] || missing_[device].contains(gone)) continue;
      visited_[device] = true;
      if (missing_[device].size() < most) {
        missing_[device].insert(gone);
        return true;
      }
      const IndexSet full = missing_[device];
      for (const std::uint16_t other : full) {
        if (!tell_one_more(other)) continue;
        missing_[device].erase(other);
        missing_[device].insert(gone);
        return true;
      }
    }
    return false;
  }

  const SessionRelay& relay_;
  std::uint16_t victim_;
  std::vector<std::uint16_t> alive_;
  std::vector<IndexSet> missing_;  // by the device that is told
  std::vector<bool> visited_;
};

constexpr std::uint16_t kVictim = 2;

// Keys, shares and vectors of everybody; the victim is shown only `alive`.
void play_until_vectors(SessionRelay& relay, const std::vector<std::uint16_t>& alive) {
  relay.share_all(relay.everybody());
  const Message all = relay.delivery_for(kVictim);
  const auto neighbours = relay.neighbours(kVictim);
  Message shown(bitmap_bytes(neighbours.size()));
  for (std::size_t rank = 0; rank < neighbours.size(); ++rank) {
    if (std::ranges::find(alive, neighbours[rank]) == alive.end()) continue;
    bitmap_set(shown, rank);
    const Bytes record = Bytes(all).subspan(delivery_bytes(neighbours.size(), rank), kShareRecordBytes);
    shown.insert(shown.end(), record.begin(), record.end());
  }
  ASSERT_EQ(relay.device(kVictim).participant.receive_delivery(shown), Rejection::kNone);
  IndexSet others = relay.everybody();
  others.erase(kVictim);
  relay.deliver_all(others);
  relay.mask_all(relay.everybody());
}

struct SplitCase {
  const char* name;
  RelayOptions options;
  GraphParameters graph;
};

class SplitViewOfSurvivors : public testing::TestWithParam<SplitCase> {
 protected:
  SplitViewOfSurvivors() : relay_(GetParam().options) {}
  void begin() {
    relay_.advertise_all();
    EXPECT_EQ(relay_.graph(), GetParam().graph);
    view_.emplace(relay_, kVictim);
    ASSERT_TRUE(view_->plan());
    play_until_vectors(relay_, view_->alive());
  }

  SessionRelay relay_;
  std::optional<SplitView> view_;  // once the keys, and so the graph, are known
};

// Why the step confirm is there: sessions without it, as curious plans have them, give way.
class WithoutConfirming : public SplitViewOfSurvivors {};

TEST_P(WithoutConfirming, OpensTheVictimsVector) {
  ASSERT_NO_FATAL_FAILURE(begin());
  Loot loot(relay_);
  for (const std::uint16_t device : relay_.everybody()) {
    if (device == kVictim) continue;
    const Message told = view_->survivors_told(device);
    Message answer(unmask_answer_bytes_max(relay_.graph()));
    std::size_t written = 0;
    ASSERT_EQ(relay_.device(device).participant.receive_unmask(told, answer, written), Rejection::kNone);
    loot.add(device, told, Bytes(answer).first(written));
  }
  const auto opened = loot.unmask(kVictim, view_->alive());
  ASSERT_TRUE(opened.has_value());
  const auto& values = relay_.device(kVictim).values;
  EXPECT_TRUE(std::equal(opened->begin(), opened->end(), values.begin(), values.end()));
}

INSTANTIATE_TEST_SUITE_P(Curious, WithoutConfirming,
                         testing::Values(SplitCase{"SixDevices",
                                                   {.participants = 6,
                                                    .adversary = Adversary::kCurious,
                                                    .corrupt_fraction = 0.33f},
                                                   {.participants = 6, .neighbours = 5, .threshold = 3}},
                                         SplitCase{"AHundredDevices",
                                                   {.participants = 100,
                                                    .adversary = Adversary::kCurious,
                                                    .corrupt_fraction = 0.2f,
                                                    .dropout_fraction = 0.1f},
                                                   {.participants = 100, .neighbours = 32, .threshold = 21}}),
                         [](const testing::TestParamInfo<SplitCase>& param_info) {
                           return std::string(param_info.param.name);
                         });

// Signed sessions: the same lies, told to devices that compare what they were told before they answer.
class WithConfirming : public SplitViewOfSurvivors {
 protected:
  // Everybody but the victim signs what it was told.
  void collect_signatures() {
    for (const std::uint16_t device : relay_.everybody()) {
      Message signature(crypto::kEs256SignatureBytes);
      std::size_t written = 0;
      if (device != kVictim) {
        ASSERT_EQ(relay_.device(device).participant.receive_confirm(view_->survivors_told(device), signature,
                                                                    written),
                  Rejection::kNone);
      }
      signatures_.push_back(signature);
    }
  }
  enum class Enclosed : std::uint8_t { kOfTheSameSet, kOfAny };
  // A request for `device` with the signatures of the neighbours that survive to it.
  Message request_for(std::uint16_t device, Enclosed enclosed) {
    const auto neighbours = relay_.neighbours(device);
    const Message told = view_->survivors_told(device);
    Message request(bitmap_bytes(neighbours.size()));
    for (std::size_t rank = 0; rank < neighbours.size(); ++rank) {
      const std::uint16_t neighbour = neighbours[rank];
      if (neighbour == kVictim || !bitmap_test(told, neighbour)) continue;
      if (enclosed == Enclosed::kOfTheSameSet && view_->survivors_told(neighbour) != told) continue;
      bitmap_set(request, rank);
      request.insert(request.end(), signatures_[neighbour].begin(), signatures_[neighbour].end());
    }
    return request;
  }
  // What the coordinator gets for it. Who refuses gives nothing.
  Rejection ask(std::uint16_t device, Enclosed enclosed, Loot& loot) {
    Message answer(unmask_answer_bytes_max(relay_.graph()), 0xcc);
    std::size_t written = 0;
    const Rejection rejection =
        relay_.device(device).participant.receive_unmask(request_for(device, enclosed), answer, written);
    if (accepted(rejection)) {
      loot.add(device, view_->survivors_told(device), Bytes(answer).first(written));
    } else {
      EXPECT_EQ(answer, Message(answer.size(), 0xcc));
    }
    return rejection;
  }
  std::vector<Message> signatures_;
};

// Whom the coordinator lies to sees too few signatures of the same set, or signatures of others.
TEST_P(WithConfirming, GetsNoShareFromAnybodyItLiesTo) {
  ASSERT_NO_FATAL_FAILURE(begin());
  ASSERT_NO_FATAL_FAILURE(collect_signatures());
  Loot loot(relay_);
  std::map<Rejection, int> refusals;
  for (const std::uint16_t device : relay_.everybody()) {
    if (device == kVictim) continue;
    if (view_->lies_to(device)) {
      const Rejection rejection =
          ask(device, device % 2 == 0 ? Enclosed::kOfTheSameSet : Enclosed::kOfAny, loot);
      EXPECT_FALSE(accepted(rejection)) << "device " << device;
      ++refusals[rejection];
    } else {
      static_cast<void>(ask(device, Enclosed::kOfTheSameSet, loot));  // some may see enough of the truth
    }
  }
  EXPECT_GT(refusals[Rejection::kBadSignature], 0);
  EXPECT_GT(refusals[Rejection::kTooFewSurvivors], 0);
  EXPECT_EQ(refusals.size(), 2u);
  for (const std::uint16_t neighbour : view_->alive())
    EXPECT_FALSE(loot.open(neighbour, Loot::Kind::kMask).has_value()) << neighbour;
  EXPECT_FALSE(loot.unmask(kVictim, view_->alive()).has_value());
}

INSTANTIATE_TEST_SUITE_P(
    SemiMalicious, WithConfirming,
    testing::Values(SplitCase{
        "AHundredDevices", {.participants = 100}, {.participants = 100, .neighbours = 32, .threshold = 22}}),
    [](const testing::TestParamInfo<SplitCase>& param_info) { return std::string(param_info.param.name); });

// Six devices with the threshold of a signed session: there is no such choice even without the step.
TEST(SplitViewOfSixSigned, CannotBePlanned) {
  SessionRelay relay({.participants = 6});
  relay.advertise_all();
  ASSERT_EQ(relay.graph(), (GraphParameters{.participants = 6, .neighbours = 5, .threshold = 4}));
  EXPECT_FALSE(SplitView(relay, kVictim).plan());
}

}  // namespace
}  // namespace sotto::assurance
