// The mask helper against a hostile coordinator, which has genuine messages of devices to choose from. It
// gets the sum of one set of enough devices, exactly, and never of another.
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

// Made once: what devices sent for one plan, in the order of their identities.
class Messages {
 public:
  Messages() {
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
      const auto& entry = entries_[i].sealed;
      if ((set >> i & 1) != 0) masks.insert(masks.end(), entry.begin(), entry.end());
    }
    const secagg::HelperRequest request{.plan_credential = credential_, .plan = plan_bytes_, .masks = masks};
    std::vector<std::uint8_t> bytes(secagg::helper_request_bytes(plan_bytes_.size(), request.mask_count()));
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
      const Bytes mask = request.masks.subspan(m * secagg::kSealedMaskBytes, secagg::kSealedMaskBytes);
      const auto found = std::find_if(entries_.begin(), entries_.end(), [mask](const Entry& entry) {
        return std::equal(mask.begin(), mask.end(), entry.sealed.begin());
      });
      SOTTO_CHECK(found != entries_.end());
      set |= 1u << (found - entries_.begin());
    }
    SOTTO_CHECK(static_cast<std::size_t>(std::popcount(set)) == request.mask_count());
    return set;
  }
  [[nodiscard]] std::vector<std::uint8_t> sum(unsigned set) const {
    std::vector<std::uint8_t> ring(layout_.byte_count());
    for (std::size_t i = 0; i < kDevices; ++i) {
      if ((set >> i & 1) != 0) secagg::ring_add(layout_, ring, entries_[i].mask);
    }
    return ring;
  }

 private:
  struct Entry {
    crypto::Digest identity;
    std::array<std::uint8_t, secagg::kSealedMaskBytes> sealed;
    std::vector<std::uint8_t> mask;
  };

  void add(const std::string& name) {
    const secagg::Identity& device = secagg::enrolled_device(name);
    Entry entry{.identity = secagg::identity_of(device.signer.public_key()),
                .sealed = {},
                .mask = std::vector<std::uint8_t>(layout_.byte_count())};
    const secagg::SessionContext context{.round = plan_.round.value,
                                         .plan_digest = crypto::sha256({plan_bytes_}),
                                         .model_digest = plan_.model_digest,
                                         .prg = plan_.aggregation.prg};
    secagg::SealedSeed seed;
    SOTTO_CHECK(accepted(secagg::one_shot_mask(context, layout_, helper_key().public_key(), entry.identity,
                                               random_, entry.mask, seed)));
    std::vector<std::uint8_t> message(secagg::kOneShotHeaderBytes);
    secagg::one_shot_sign(context.plan_digest, device, seed, entry.mask, random_,
                          MutableBytes(message).first<secagg::kOneShotHeaderBytes>());
    message.insert(message.end(), entry.mask.begin(), entry.mask.end());
    secagg::OneShotMessage decoded;
    SOTTO_CHECK(accepted(secagg::decode_one_shot(message, decoded)));
    secagg::encode_sealed_mask(decoded.mask, entry.sealed);
    const auto before = std::find_if(entries_.begin(), entries_.end(),
                                     [&](const Entry& other) { return other.identity > entry.identity; });
    entries_.insert(before, std::move(entry));
  }

  proto::Plan plan_;
  std::vector<std::uint8_t> plan_bytes_;
  secagg::RingLayout layout_{8, secagg::update_lanes(6)};
  crypto::SeededRandom random_{std::uint64_t{5}};
  secagg::Credential credential_;
  std::vector<Entry> entries_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Messages messages;
  fuzz::FuzzInput input(data, size);
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
    SOTTO_CHECK(sum->ring == messages.sum(asked));
    given = asked;
  }
  return 0;
}
