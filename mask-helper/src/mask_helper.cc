#include "sotto/mask_helper/mask_helper.h"

#include <algorithm>
#include <string>
#include <vector>

#include "sotto/base/limits.h"
#include "sotto/host/utc_text.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::mask_helper {
namespace {

constexpr std::size_t kBlockBytes = 128 * 1024;  // stays in a level-2 cache while every mask passes over it
static_assert(kBlockBytes % 64 == 0, "keystreams start at multiples of 64 bytes");

// What there is to know of a request's plan.
struct PlannedSet {
  std::uint64_t issued_at;
  secagg::SessionContext context;
  secagg::RingLayout layout;
  std::size_t helpers;  // that the plan names
  std::size_t place;    // of this one among them
  std::size_t masks_min;
  std::size_t masks_max;
};

proto::HelperRefusal refuse(std::string reason,
                            proto::HelperRefusal::Kind kind = proto::HelperRefusal::Kind::kFinal) {
  return {.reason = std::move(reason), .at_fault = {}, .kind = kind};
}

Status check_coordinator(const secagg::HelperRequest& request, const secagg::Trust& authority, Time now) {
  const secagg::PlanStatement signed_plan = secagg::plan_statement(request.plan);
  switch (secagg::check_credential(request.plan_credential, {.role = secagg::Role::kCoordinator,
                                                             .trust = authority,
                                                             .message = signed_plan.bytes(),
                                                             .now = unix_seconds(now)})) {
    case Rejection::kNone:
      return {};
    case Rejection::kExpired:
      return invalid_argument("the endorsement of the coordinator that signed the plan has ended");
    case Rejection::kRevoked:
      return invalid_argument("the authority has revoked the coordinator that signed the plan");
    default:
      return invalid_argument(
          "the plan is not signed by a coordinator that this helper's authority endorsed");
  }
}

// Which of the plan's helpers has this key; nothing when none has.
std::optional<std::size_t> place_of(const proto::Plan& plan, const crypto::X25519PublicKey& key) {
  const crypto::Digest own = crypto::sha256({key});
  if (plan.helper_digest == own) return 0;
  if (plan.second_helper_digest == own) return 1;
  return std::nullopt;
}

// Only what its own coordinator signed is decoded.
Result<PlannedSet> read_plan(const secagg::HelperRequest& request, const MaskHelperOptions& options, Time now,
                             const crypto::X25519PublicKey& key) {
  SOTTO_RETURN_IF_ERROR(check_coordinator(request, options.authority, now));
  const Result<proto::Plan> plan = proto::decode_plan(request.plan);
  if (!plan) return plan.error();
  SOTTO_RETURN_IF_ERROR(proto::check_plan_age(*plan, now));
  if (plan->aggregation.kind != proto::Aggregation::kOneShot) {
    return invalid_argument(std::string("the plan's aggregation is ") +
                            proto::to_string(plan->aggregation.kind) + "; a helper serves one_shot only");
  }
  const std::optional<std::size_t> place = place_of(*plan, key);
  if (!place) return invalid_argument("the plan names another helper's key");
  if (request.helpers != plan->helper_count()) {
    return invalid_argument("the request shows seeds for " + std::to_string(request.helpers) +
                            " helpers, the plan names " + std::to_string(plan->helper_count()));
  }
  return PlannedSet{
      .issued_at = plan->issued_at,
      .context = proto::session_context(*plan, request.plan),
      .layout = proto::mask_layout(*plan),
      .helpers = plan->helper_count(),
      .place = *place,
      .masks_min = std::max({std::size_t{options.cohort_min}, std::size_t{plan->aggregation.cohort_min},
                             limits::kParticipantsMin}),
      .masks_max = plan->aggregation.participants_max};
}

std::string utc(std::uint64_t seconds) { return host::utc_time_of_seconds(seconds); }

// What was answered before the start was of plans that had been signed by then, as no plan is answered before
// this helper's own clock has reached the second in which it was signed: not even for a coordinator whose
// clock is ahead. So no plan is answered by two starts, whatever became of the record in between.
std::optional<proto::HelperRefusal> check_start(std::uint64_t issued_at, Time started, Time now) {
  using Kind = proto::HelperRefusal::Kind;
  const Time issued{static_cast<std::int64_t>(issued_at) * 1000};
  if (issued > now) {
    return refuse("the plan was signed at " + utc(issued_at) + ", which is yet to come here, where it is " +
                      utc(unix_seconds(now)) + ": ask again then, or set the clocks",
                  Kind::kNotYet);
  }
  if (issued <= started) {
    return refuse("the plan was signed at " + utc(issued_at) + ", before this helper's start at " +
                      utc(unix_seconds(started)) + ": a new round is needed",
                  Kind::kBeforeStart);
  }
  return std::nullopt;
}

Status check_size(const PlannedSet& planned, std::size_t masks) {
  if (masks >= planned.masks_min && masks <= planned.masks_max) return {};
  return invalid_argument("the set has " + std::to_string(masks) + " devices; for this plan it must have " +
                          std::to_string(planned.masks_min) + " .. " + std::to_string(planned.masks_max));
}

// Ascending order makes every device distinct, and every set have one form.
bool ascending(std::span<const secagg::SealedMask> masks) {
  const auto unordered = [](const secagg::SealedMask& a, const secagg::SealedMask& b) {
    return secagg::identity_of(a.credential.key) >= secagg::identity_of(b.credential.key);
  };
  return std::adjacent_find(masks.begin(), masks.end(), unordered) == masks.end();
}

std::vector<secagg::SealedMask> read_masks(const secagg::HelperRequest& request) {
  std::vector<secagg::SealedMask> masks;
  masks.reserve(request.mask_count());
  for (std::size_t i = 0; i < request.mask_count(); ++i) masks.push_back(request.mask(i));
  return masks;
}

// The places for which `sound` does not hold, as a refusal; nothing when it holds for all.
std::optional<proto::HelperRefusal> blame(const std::vector<std::uint8_t>& sound, const char* what) {
  proto::HelperRefusal refusal;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    if (sound[i] == 0) refusal.at_fault.push_back(static_cast<std::uint16_t>(i));
  }
  if (refusal.at_fault.empty()) return std::nullopt;
  refusal.reason =
      std::to_string(refusal.at_fault.size()) + " of " + std::to_string(sound.size()) + " " + what;
  return refusal;
}

std::optional<proto::HelperRefusal> check_signatures(std::span<const secagg::SealedMask> masks,
                                                     const PlannedSet& planned,
                                                     const secagg::Trust& authority, Time now,
                                                     Executor& executor) {
  std::vector<std::uint8_t> sound(masks.size());
  executor.parallel_for(masks.size(), [&](std::size_t i) {
    const Rejection rejection =
        secagg::check_sealed_mask(masks[i], planned.context.plan_digest, authority, unix_seconds(now));
    sound[i] = static_cast<std::uint8_t>(accepted(rejection));
  });
  return blame(sound,
               "masks are not signed for this plan by a device that this helper's authority enrolled, whose "
               "endorsement has not ended and which is not revoked");
}

std::optional<proto::HelperRefusal> open_masks(std::span<const secagg::SealedMask> masks,
                                               const PlannedSet& planned, const crypto::X25519PrivateKey& key,
                                               std::vector<secagg::MaskKey>& keys) {
  std::vector<std::uint8_t> sound(masks.size());
  keys = std::vector<secagg::MaskKey>(masks.size());
  for (std::size_t i = 0; i < masks.size(); ++i) {
    sound[i] = static_cast<std::uint8_t>(secagg::open_sealed_mask(
        masks[i], planned.context, planned.layout, {.key = key, .place = planned.place}, keys[i]));
  }
  return blame(sound, "masks do not open: they were not sealed to this helper for this plan");
}

// Ring vectors, or with two helpers the 64-bit words of checked masks: each from one keystream for a device.
proto::MaskSum sum_masks(const PlannedSet& planned, std::span<const secagg::MaskKey> keys,
                         Executor& executor) {
  const bool checked = planned.helpers > 1;
  proto::MaskSum sum;
  sum.ring.resize(checked ? secagg::checked_mask_bytes(planned.layout.lane_count())
                          : planned.layout.byte_count());
  const std::size_t blocks = (sum.ring.size() + kBlockBytes - 1) / kBlockBytes;
  executor.parallel_for(blocks, [&](std::size_t block) {
    const std::size_t offset = block * kBlockBytes;
    const MutableBytes part =
        MutableBytes(sum.ring).subspan(offset, std::min(kBlockBytes, sum.ring.size() - offset));
    crypto::Keystream stream(planned.context.prg);
    for (const secagg::MaskKey& key : keys) {
      stream.rekey(key, offset);
      if (checked) {
        secagg::add_mask_words(part, stream);
      } else {
        secagg::ring_apply_mask_part(planned.layout, part, stream, secagg::MaskSign::kAdd);
      }
    }
  });
  return sum;
}

}  // namespace

MaskHelper::MaskHelper(crypto::X25519PrivateKey key, const MaskHelperOptions& options,
                       AnsweredPlans& answered, Time started)
    : key_(std::move(key)), options_(options), answered_(answered), started_(started) {}

Result<proto::HelperReply> MaskHelper::answer(Bytes bytes, Time now, Executor& executor) {
  using Reply = proto::HelperReply;
  secagg::HelperRequest request;
  if (const Rejection rejection = secagg::decode_helper_request(bytes, request); !accepted(rejection)) {
    return Reply(refuse(describe(rejection)));
  }
  const Result<PlannedSet> planned = read_plan(request, options_, now, key_.public_key());
  if (!planned) return Reply(refuse(planned.error().message()));
  const crypto::Digest set = secagg::mask_set_digest(planned->context.plan_digest, request);
  if (!accepted(secagg::check_request(request, {.helper = crypto::sha256({key_.public_key()}),
                                                .plan = planned->context.plan_digest,
                                                .set = set}))) {
    return Reply(refuse("the set is not signed by the coordinator that signed the plan"));
  }
  if (auto refusal = check_start(planned->issued_at, started_, now)) return Reply(*std::move(refusal));
  if (const Status status = check_size(*planned, request.mask_count()); !status.ok()) {
    return Reply(refuse(status.message()));
  }
  const Result<std::optional<crypto::Digest>> before = answered_.find(planned->context.plan_digest);
  if (!before) return before.error();
  if (*before && **before != set) {
    return Reply(refuse("another set of devices was answered for this plan; a helper answers one"));
  }
  const std::vector<secagg::SealedMask> masks = read_masks(request);
  if (!ascending(masks)) return Reply(refuse("the devices are not in ascending order, each of them once"));
  if (auto refusal = check_signatures(masks, *planned, options_.authority, now, executor)) {
    return Reply(*refusal);
  }
  std::vector<secagg::MaskKey> keys;
  if (auto refusal = open_masks(masks, *planned, key_, keys)) return Reply(*refusal);
  if (!*before) SOTTO_RETURN_IF_ERROR(answered_.record(planned->context.plan_digest, set));
  return Reply(sum_masks(*planned, keys, executor));
}

}  // namespace sotto::mask_helper
