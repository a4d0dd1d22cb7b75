// A board in a round, behind a gateway and a coordinator that lie: what its decoders and its session make of
// anything. The cohort has no other device, so an honest coordinator gets no further than the join. What the
// decoder of enrolments makes of anything in flash, and what comes of any frames on the line of samples.
#include <memory>

#include "app/board_session.h"
#include "app/enrolment.h"
#include "app/sampler.h"
#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/proto/plan_codec.h"
#include "support/bulletins.h"
#include "support/enrolment.h"
#include "support/nor_flash.h"
#include "support/small_cohorts.h"
#include "unit/firmware/scripted_line.h"

namespace {

using namespace sotto;
namespace link = proto::link;
using Buffer = std::vector<std::uint8_t>;

constexpr std::uint32_t kParameters = 6;
constexpr int kCallsMax = 24;  // then the gateway has no answer any more

class IdleLearner final : public board::Learner {
 public:
  [[nodiscard]] std::string_view model_name() const override { return "head-01234567"; }
  [[nodiscard]] std::uint32_t parameter_count() const override { return kParameters; }
  [[nodiscard]] bool agrees(const proto::Plan&) const override { return true; }
  [[nodiscard]] bool learn(const proto::Plan&, std::span<float> values, Random&,
                           secagg::UpdateMetrics& metrics) override {
    std::fill(values.begin(), values.end(), 0.0f);
    metrics = {.weight = 1, .examples = 1};
    return true;
  }
};

Buffer bytes_of(const link::Answer& answer) {
  Buffer bytes(link::encoded_bytes(answer));
  ByteWriter out(bytes);
  SOTTO_CHECK(link::encode(answer, out));
  return bytes;
}

// Zero is what an honest coordinator would do; whatever it says may be changed on the way.
class Liar {
 public:
  explicit Liar(fuzz::FuzzInput& input) : input_(input) {
    plan_.task = TaskId{5};
    plan_.round = RoundId{1};
    plan_.model.architecture = proto::Architecture::kCustom;
    plan_.model.parameters = kParameters;
    static_cast<void>(plan_.model.name.assign(std::string_view("head-01234567")));
    plan_.report_within_ms = 60'000;
    plan_.model_digest = crypto::sha256({model_});
    allow_small_cohorts(plan_.aggregation);
    plan_bytes_ = proto::encode_plan(plan_);
    fuzz::mutate(input_, plan_bytes_);  // before it is signed
    const secagg::Identity& coordinator = secagg::enrolled_coordinator();
    secagg::encode_credential(secagg::make_credential(coordinator.signer, coordinator.endorsement,
                                                      secagg::plan_statement(plan_bytes_)),
                              credential_);
  }

  Buffer answer(const link::Call& call) {
    if (const auto* exchange = std::get_if<link::Exchange>(&call)) {
      // Nobody else is there: whatever it was shown, no vector may leave.
      SOTTO_CHECK(exchange->step < proto::Step::kCollect);
    }
    if (++calls_ > kCallsMax) return bytes_of(link::Failed{.code = 14, .reason = "gone"});
    Buffer bytes = bytes_of(honest(call));
    fuzz::mutate(input_, bytes);
    return bytes;
  }

 private:
  link::Answer honest(const link::Call& call) {
    if (input_.chance(16)) return any();
    if (std::get_if<link::CheckIn>(&call) != nullptr) {
      link::Offer offer{.credential = credential_, .plan = plan_bytes_};
      if (input_.chance(128)) offer.bulletin = bulletin();
      return offer;
    }
    if (std::get_if<link::FetchModel>(&call) != nullptr) {
      return link::Chunk{.total_bytes = model_.size(), .bytes = model_};
    }
    if (std::get_if<link::Abandon>(&call) != nullptr) return link::Left{};
    return any();
  }

  link::Answer any() {
    payload_ = input_.bytes(input_.u16() % 4096);
    switch (input_.below(7)) {
      case 0:
        return link::RefusedAnswer{.reason = Rejection::kMalformed};
      case 1:
        return link::Next{.next = static_cast<proto::Step>(1 + input_.below(5)), .payload = payload_};
      case 2:
        return link::Wait{.window = {.delay_min_ms = 1, .delay_max_ms = 5}};
      case 3:
        return link::Retry{.window = {.delay_min_ms = 1, .delay_max_ms = 5}};
      case 4:
        return link::ChallengeAnswer{.task = plan_.task, .coordinator = Bytes(digest_), .challenge = digest_};
      case 5:
        return link::End{.counted = input_.chance(128), .outcome = "over"};
      default:
        return link::Chunk{.total_bytes = payload_.size(), .bytes = payload_};
    }
  }

  // Somebody else is revoked, so that whoever takes it goes on.
  static const Buffer& bulletin() {
    static const Buffer signed_once =
        secagg::signed_bulletin(secagg::fleet_authority(), {.revoked = {crypto::Digest{1}}});
    return signed_once;
  }

  fuzz::FuzzInput& input_;
  proto::Plan plan_;
  Buffer model_ = Buffer(4 * kParameters, 0), plan_bytes_, payload_, digest_ = Buffer(32, 1);
  std::array<std::uint8_t, secagg::kCredentialBytes> credential_{};
  int calls_ = 0;
};

void play(fuzz::FuzzInput& input) {
  Liar liar(input);
  support::NorFlash flash({.pages = 4, .page_bytes = 1024, .word_bytes = 8});
  board::ScriptedLine line(flash, [&](const link::Call& call) { return liar.answer(call); });
  board::Journal journal(flash, 0, 4);
  SOTTO_CHECK(journal.open() != board::Journal::Result::kFlash);
  board::BoardLedger ledger(journal, 1);
  SOTTO_CHECK(ledger.load());
  static const secagg::Enrolment device(7);
  board::BulletinKeeper bulletins(journal, 2, device.identity.trust.authority);
  SOTTO_CHECK(bulletins.load());
  secagg::Identity identity = device.identity;
  crypto::SeededRandom random(1);
  board::SystemDraws draws(random);
  IdleLearner learner;
  const auto session =
      std::make_unique<board::BoardSession>(board::BoardSession::Parts{.port = line,
                                                                       .ledger = ledger,
                                                                       .learner = learner,
                                                                       .identity = identity,
                                                                       .bulletins = bulletins,
                                                                       .keys = random,
                                                                       .draws = draws},
                                            board::BoardSessionOptions{.device_id = "board-1",
                                                                       .population = "wearables",
                                                                       .cohort_min = 3,
                                                                       .honest_min = 2,
                                                                       .corrupt_fraction_min = 0},
                                            1);
  static_cast<void>(session->run());
  SOTTO_CHECK(ledger.vectors() == 0);
  // What is in force is what the authority signed, and what is believed again after a restart.
  SOTTO_CHECK(bulletins.trust().edition <= 1);
  board::BulletinKeeper restarted(journal, 2, device.identity.trust.authority);
  SOTTO_CHECK(restarted.load() && restarted.trust().edition == bulletins.trust().edition);
}

void decode_anything(Bytes bytes) {
  board::Enrolment enrolment;
  if (!board::decode_enrolment(bytes, enrolment)) return;
  Buffer again(board::Enrolment::kBytesMax);
  again.resize(board::encode_enrolment(enrolment, again));
  SOTTO_CHECK(again == Buffer(bytes.begin(), bytes.end()));
}

// Counts windows, and what the board says of them.
class Samples final : public board::WindowTaker, public board::SampleLine {
 public:
  [[nodiscard]] board::WindowForm form() const override { return {.bytes = kBytes, .classes = 4}; }
  [[nodiscard]] MutableBytes window() override { return window_; }
  [[nodiscard]] bool take_window(const std::uint8_t* label, board::SampleAnswer& answer,
                                 board::SampleRefusal& why) override {
    why = board::SampleRefusal::kLabel;
    if (label != nullptr && *label >= 4) return false;
    answer = {.label = window_[0], .confidence = 1000, .marks = 0};
    return true;
  }
  [[nodiscard]] bool read(std::uint8_t& byte) override {
    if (next_ == bytes_.size()) return false;
    byte = bytes_[next_++];
    return true;
  }
  void write(Bytes bytes) override {
    for (const std::uint8_t byte : bytes) {
      if (!reader_.take(byte)) continue;
      kind = static_cast<board::SampleKind>(reader_.frame().kind);
      number = reader_.frame().call;
    }
  }
  void feed(const Buffer& bytes) {
    bytes_ = bytes;
    next_ = 0;
    while (sampler_.sample(*this)) {
    }
  }
  static Buffer frame(board::SampleKind kind, std::uint32_t number, Bytes body) {
    Buffer out(proto::kLinkEncodedBytesMax);
    out.resize(proto::encode_link_frame({static_cast<proto::LinkKind>(kind), number, body}, out));
    return out;
  }

  static constexpr std::size_t kBytes = 40;
  board::SampleKind kind{};
  std::uint32_t number = 0;

 private:
  Buffer window_ = Buffer(kBytes), bytes_;
  std::size_t next_ = 0;
  proto::LinkFrameReader reader_;
  board::Sampler sampler_{*this};
};

// Whatever came, the next whole window is answered.
void sample(fuzz::FuzzInput& input) {
  Samples samples;
  for (int i = 0; i < 24 && !input.empty(); ++i) {
    const auto kind = static_cast<board::SampleKind>(31 + input.below(8));
    Buffer body(4);
    store_le<std::uint32_t>(body.data(), static_cast<std::uint32_t>(input.below(64)));
    const Buffer more = input.bytes(input.below(300));
    body.insert(body.end(), more.begin(), more.end());
    Buffer bytes = Samples::frame(kind, static_cast<std::uint32_t>(input.below(3)), body);
    if (input.chance(64)) fuzz::mutate(input, bytes);
    samples.feed(bytes);
  }
  samples.feed({0});
  samples.feed(Samples::frame(board::SampleKind::kPiece, 77, Buffer(4 + Samples::kBytes, 0)));
  samples.feed(Samples::frame(board::SampleKind::kEnd, 77, {}));
  SOTTO_CHECK(samples.kind == board::SampleKind::kAnswer && samples.number == 77);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  decode_anything({data, size});
  fuzz::FuzzInput input(data, size);
  play(input);
  fuzz::FuzzInput frames(data, size);
  sample(frames);
  return 0;
}
