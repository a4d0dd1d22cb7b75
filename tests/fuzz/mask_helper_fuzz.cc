// The mask helper against a hostile coordinator, which has genuine messages of devices to choose from. It
// gets the sum of one set of enough devices, exactly, and never of another; the plan names one helper or two.
#include <algorithm>
#include <bit>
#include <memory>
#include <vector>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/mask_helper/mask_helper.h"
#include "sotto/secagg/one_shot.h"
#include "support/enrolment.h"

namespace {

using namespace sotto;

constexpr std::size_t kDevices = 6;
constexpr std::uint16_t kCohortMin = 4;

crypto::X25519PrivateKey helper_key() {
  crypto::SecretBytes<crypto::kX25519Bytes> scalar;
  scalar.reveal_mutable()[0] = 8;
  return crypto::X25519PrivateKey(scalar);
}

// Made once for each number of helpers: what devices sent for one plan, in the order of their identities.
class Messages {
 public:
  explicit Messages(std::size_t helpers) {
    keys_.push_back(helper_key().public_key());
    if (helpers > 1) {
      crypto::SecretBytes<crypto::kX25519Bytes> scalar;
      scalar.reveal_mutable()[0] = 16;
      keys_.push_back(crypto::X25519PrivateKey(scalar).public_key());
      plan_.second_helper_digest = crypto::sha256({keys_[1]});
    }
    plan_.task = TaskId{7};
    plan_.round = RoundId{3};
    plan_.not_after = 3600;
    plan_.model = {.architecture = proto::Architecture::kSoftmax, .features = 2, .classes = 2};
    plan_.report_within_ms = 1000;
    plan_.aggregation.kind = proto::Aggregation::kOneShot;
    plan_.aggregation.cohort_min = kCohortMin;
    plan_.aggregation.honest_min = 2;
    plan_.aggregation.participants_max = 8;
    plan_.helper_digest = crypto::sha256({helper_key().public_key()});
    plan_bytes_ = proto::encode_plan(plan_);
    for (std::size_t i = 0; i < kDevices; ++i) add("device-" + std::to_string(i));
    const secagg::Identity& coordinator = secagg::enrolled_coordinator();
    credential_ = secagg::make_credential(coordinator.signer, coordinator.endorsement,
                                          secagg::plan_statement(plan_bytes_));
  }

  // Of the devices whose bits are set.
  [[nodiscard]] std::vector<std::uint8_t> request(unsigned set) const {
    std::vector<std::uint8_t> masks;
    for (std::size_t i = 0; i < kDevices; ++i) {
      const std::vector<std::uint8_t>& entry = entries_[i].sealed;
      if ((set >> i & 1) != 0) masks.insert(masks.end(), entry.begin(), entry.end());
    }
    const secagg::HelperRequest request{
        .plan_credential = credential_, .plan = plan_bytes_, .masks = masks, .helpers = keys_.size()};
    std::vector<std::uint8_t> bytes(
        secagg::helper_request_bytes(plan_bytes_.size(), request.mask_count(), keys_.size()));
    secagg::encode_helper_request(request, bytes);
    sign(bytes);
    return bytes;
  }
  // The coordinator signs whatever it asks.
  static void sign(std::vector<std::uint8_t>& bytes) {
    secagg::HelperRequest request;
    if (!accepted(secagg::decode_helper_request(bytes, request))) return;
    const crypto::Digest plan = crypto::sha256({request.plan});
    const secagg::Statement statement =
        secagg::request_statement({.helper = crypto::sha256({helper_key().public_key()}),
                                   .plan = plan,
                                   .set = secagg::mask_set_digest(plan, request)});
    request.signature = secagg::enrolled_coordinator().signer.sign(statement.bytes());
    std::copy_n(request.signature.begin(), request.signature.size(),
                bytes.begin() + 6 + secagg::kCredentialBytes);
  }
  // The devices that a request is about: nobody else's mask can be in an answer.
  [[nodiscard]] unsigned set_of(const secagg::HelperRequest& request) const {
    unsigned set = 0;
    for (std::size_t m = 0; m < request.mask_count(); ++m) {
      const std::size_t bytes = secagg::sealed_mask_bytes(request.helpers);
      const Bytes mask = request.masks.subspan(m * bytes, bytes);
      const auto found = std::find_if(entries_.begin(), entries_.end(), [mask](const Entry& entry) {
        return std::equal(mask.begin(), mask.end(), entry.sealed.begin(), entry.sealed.end());
      });
      SOTTO_CHECK(found != entries_.end());
      set |= 1u << (found - entries_.begin());
    }
    SOTTO_CHECK(static_cast<std::size_t>(std::popcount(set)) == request.mask_count());
    return set;
  }
  // Whether this is the sum of the masks for the helper that is asked.
  [[nodiscard]] bool is_sum(unsigned set, Bytes sum) const {
    if (keys_.size() == 1) return std::ranges::equal(sum, ring_sum(set));
    std::uint64_t tags = 0;
    for (std::size_t i = 0; i < kDevices; ++i) {
      if ((set >> i & 1) != 0) tags += entries_[i].tags[0];
    }
    secagg::MaskKey coefficients;
    secagg::coefficient_key(check_key_, crypto::sha256({plan_bytes_}), coefficients);
    return sum.size() == secagg::checked_mask_bytes(layout_.lane_count()) &&
           secagg::tag_of_sum(sum, coefficients, plan_.aggregation.prg) == tags;
  }

 private:
  struct Entry {
    crypto::Digest identity;
    std::vector<std::uint8_t> sealed;
    std::vector<std::uint8_t> mask;
    secagg::MaskTags tags;
  };

  [[nodiscard]] std::vector<std::uint8_t> ring_sum(unsigned set) const {
    std::vector<std::uint8_t> ring(layout_.byte_count());
    for (std::size_t i = 0; i < kDevices; ++i) {
      if ((set >> i & 1) != 0) secagg::ring_add(layout_, ring, entries_[i].mask);
    }
    return ring;
  }

  void add(const std::string& name) {
    const secagg::Identity& device = secagg::enrolled_device(name);
    Entry entry{.identity = secagg::identity_of(device.signer.public_key()),
                .sealed = std::vector<std::uint8_t>(secagg::sealed_mask_bytes(keys_.size())),
                .mask = std::vector<std::uint8_t>(layout_.byte_count()),
                .tags = {}};
    const secagg::SessionContext context{.round = plan_.round.value,
                                         .plan_digest = crypto::sha256({plan_bytes_}),
                                         .model_digest = plan_.model_digest,
                                         .prg = plan_.aggregation.prg};
    secagg::OneShotSeals seals;
    SOTTO_CHECK(accepted(secagg::one_shot_mask(context, layout_, {.keys = keys_, .check_key = &check_key_},
                                               entry.identity, random_, entry.mask, seals)));
    entry.tags = seals.tags;
    std::vector<std::uint8_t> message(secagg::one_shot_header_bytes(keys_.size()));
    secagg::one_shot_sign(context.plan_digest, device, seals, entry.mask, random_, message);
    message.insert(message.end(), entry.mask.begin(), entry.mask.end());
    secagg::OneShotMessage decoded;
    SOTTO_CHECK(accepted(secagg::decode_one_shot(message, keys_.size(), decoded)));
    secagg::encode_sealed_mask(decoded.mask, entry.sealed);
    const auto before = std::find_if(entries_.begin(), entries_.end(),
                                     [&](const Entry& other) { return other.identity > entry.identity; });
    entries_.insert(before, std::move(entry));
  }

  std::vector<crypto::X25519PublicKey> keys_;
  secagg::CheckKey check_key_;
  proto::Plan plan_;
  std::vector<std::uint8_t> plan_bytes_;
  secagg::RingLayout layout_{8, secagg::update_lanes(6)};
  crypto::SeededRandom random_{std::uint64_t{5}};
  secagg::Credential credential_;
  std::vector<Entry> entries_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Messages of_one(1);
  static const Messages of_two(2);
  fuzz::FuzzInput input(data, size);
  const Messages& messages = (input.u8() & 1) == 0 ? of_one : of_two;
  const auto answered = mask_helper::make_memory_answered_plans();
  mask_helper::MaskHelper helper(helper_key(), {.authority = secagg::fleet_authority().public_key()},
                                 *answered, Time{-1});
  InlineExecutor executor;
  unsigned given = 0;  // the set whose sum was given out
  for (int requests = 0; requests < 6; ++requests) {
    const unsigned set = ~unsigned{input.u8()} & ((1u << kDevices) - 1);
    std::vector<std::uint8_t> request = messages.request(set);
    const bool changed = fuzz::mutate(input, request);
    const bool signs_again = (input.u8() & 1) != 0;
    if (signs_again) Messages::sign(request);
    const auto reply = helper.answer(request, Time{1000}, executor);
    SOTTO_CHECK(reply.has_value());
    const auto* sum = std::get_if<proto::MaskSum>(&*reply);
    const bool due = std::popcount(set) >= int{kCohortMin} && (given == 0 || given == set);
    SOTTO_CHECK(changed || due == (sum != nullptr));
    if (sum == nullptr) {
      SOTTO_CHECK(!std::get<proto::HelperRefusal>(*reply).reason.empty());
      continue;
    }
    secagg::HelperRequest decoded;
    SOTTO_CHECK(accepted(secagg::decode_helper_request(request, decoded)));
    const unsigned asked = messages.set_of(decoded);
    SOTTO_CHECK(std::popcount(asked) >= int{kCohortMin} && (given == 0 || given == asked));
    SOTTO_CHECK(messages.is_sum(asked, sum->ring));
    given = asked;
  }
  return 0;
}
