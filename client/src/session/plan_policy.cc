#include "plan_policy.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "sotto/proto/plan_codec.h"

namespace sotto::client {
namespace {

Status denied(const std::string& message) { return {StatusCode::kPermissionDenied, message}; }

// Of one-shot tasks, too: their corrupt devices can take themselves out of a sum, which leaves the others'.
Status check_corrupt_fraction(const proto::AggregationSpec& aggregation, const SessionOptions& options) {
  if (aggregation.corrupt_fraction >= options.corrupt_fraction_min) return {};
  return denied("the task withstands a corrupt_fraction of " + std::to_string(aggregation.corrupt_fraction) +
                ", this device asks for " + std::to_string(options.corrupt_fraction_min));
}

// What the task's sessions withstand, against what the owner asks for.
Status check_protection(const proto::AggregationSpec& aggregation, const SessionOptions& options) {
  if (aggregation.adversary == proto::Adversary::kCurious && !options.allow_curious) {
    return denied(
        "the task's adversary is curious: nothing would stop a coordinator that lies from reading this "
        "device's own update; allow_curious is off");
  }
  if (aggregation.adversary == proto::Adversary::kSemiMalicious && options.identity == nullptr) {
    return denied(
        "the task takes enrolled devices only, and this one has no identity file: `sotto authority enroll` "
        "writes one");
  }
  return check_corrupt_fraction(aggregation, options);
}

// How many honest devices share every sum, against what the owner asks for.
Status check_honest_min(const proto::AggregationSpec& aggregation, const SessionOptions& options) {
  if (aggregation.honest_min >= options.honest_min) return {};
  return denied("the task promises " + std::to_string(aggregation.honest_min) +
                " honest devices in every sum (honest_min), this device asks for " +
                std::to_string(options.honest_min));
}

// A one-shot session shows this device's update to nobody unless coordinator and all helpers join forces.
Status check_helpers(const proto::Plan& plan, const SessionOptions& options) {
  if (options.identity == nullptr) {
    return denied(
        "the task takes enrolled devices only, and this one has no identity file: `sotto authority enroll` "
        "writes one");
  }
  if (options.helper_keys.empty()) {
    return denied("the task is one_shot and this device's owner trusts no mask helper: give its helper_key");
  }
  if (plan.helper_count() < options.helper_keys.size()) {
    return denied(
        "the task has one mask helper, which could read this device's update together with the coordinator; "
        "this device's owner asks for two");
  }
  if (plan.helper_count() > options.helper_keys.size()) {
    return denied("the task has two mask helpers, and this device's owner trusts one: give both helper_keys");
  }
  if (helpers_of(plan, options).empty()) {
    return denied(options.helper_keys.size() == 1
                      ? "the task's mask helper is another than this device's owner trusts"
                      : "the task's mask helpers are others than this device's owner trusts");
  }
  return check_corrupt_fraction(plan.aggregation, options);
}

Status check_own_endorsement(const secagg::Identity& identity, std::uint64_t now) {
  const secagg::Endorsement& own = identity.endorsement;
  if (now >= own.expires_at) {
    return denied(
        "this device's endorsement has ended: its owner renews it with `sotto authority renew` (or the "
        "device's clock runs ahead)");
  }
  if (own.epoch < identity.trust.endorsements_from ||
      identity.trust.is_revoked(secagg::identity_of(identity.signer.public_key()))) {
    return denied("the authority has revoked this device: it needs a new identity file");
  }
  return {};
}

// Why the coordinator's credential does not hold, in the owner's words.
Status explain(Rejection rejection) {
  switch (rejection) {
    case Rejection::kNone:
      return {};
    case Rejection::kExpired:
      return denied(
          "the endorsement of the coordinator that signed the plan has ended (or this device's clock runs "
          "ahead)");
    case Rejection::kRevoked:
      return denied("the authority has revoked the coordinator that signed the plan");
    default:
      return denied("the plan is not signed by a coordinator that this device's authority endorsed");
  }
}

// The text before the first comma, which goes with it.
std::string_view take_label(std::string_view& labels) {
  const std::size_t comma = std::min(labels.find(','), labels.size());
  const std::string_view label = labels.substr(0, comma);
  labels.remove_prefix(std::min(comma + 1, labels.size()));
  return label;
}

Status check_labels(std::string_view wanted, std::string_view own) {
  if (wanted.empty() || own.empty()) return {};
  for (std::size_t label = 0; wanted != own; ++label) {
    if (wanted.empty() || own.empty()) {
      return failed_precondition(fmt::format("input.labels: {} has more classes than the {} that both name",
                                             own.empty() ? "the task" : "this device", label));
    }
    const std::string_view task = take_label(wanted);
    const std::string_view device = take_label(own);
    if (task != device) {
      return failed_precondition(fmt::format(
          "input.labels: class {} is \"{}\" in the task, \"{}\" on this device", label, task, device));
    }
  }
  return {};
}

// Whether the task's examples are of the kind that this device has.
Status check_input(const proto::ModelSpec& model, const SessionOptions& options) {
  if (options.features != 0 && model.features != 0 && options.features != model.features) {
    return failed_precondition(fmt::format("the task's examples have {} features, this device's {}",
                                           model.features, options.features));
  }
  const auto same = [](const char* what, const auto& wanted, const auto& own) -> Status {
    if (wanted.empty() || own.empty() || wanted == own) return {};
    return failed_precondition(fmt::format("input.{} is \"{}\" in the task, \"{}\" on this device", what,
                                           wanted.view(), own.view()));
  };
  SOTTO_RETURN_IF_ERROR(same("features", model.input.features, options.input.features));
  SOTTO_RETURN_IF_ERROR(same("unit", model.input.unit, options.input.unit));
  SOTTO_RETURN_IF_ERROR(same("front_end", model.input.front_end, options.input.front_end));
  return check_labels(model.input.labels.view(), options.input.labels.view());
}

}  // namespace

std::vector<crypto::X25519PublicKey> helpers_of(const proto::Plan& plan, const SessionOptions& options) {
  if (plan.helper_count() != options.helper_keys.size()) return {};
  std::vector<crypto::X25519PublicKey> ordered;
  for (std::size_t place = 0; place < plan.helper_count(); ++place) {
    const crypto::Digest& wanted = place == 0 ? plan.helper_digest : plan.second_helper_digest;
    const auto found =
        std::find_if(options.helper_keys.begin(), options.helper_keys.end(),
                     [&](const crypto::X25519PublicKey& key) { return crypto::sha256({key}) == wanted; });
    if (found == options.helper_keys.end()) return {};
    ordered.push_back(*found);
  }
  return ordered;
}

Status check_plan_credential(const proto::PlanOffer& offer, const SessionOptions& options, Time now) {
  if (options.identity == nullptr) return {};
  if (!offer.credential) {
    return denied("the coordinator did not sign its plan; a coordinator of this device's authority does");
  }
  const secagg::PlanStatement offered = secagg::plan_statement(offer.plan);
  SOTTO_RETURN_IF_ERROR(
      explain(secagg::check_credential(*offer.credential, {.role = secagg::Role::kCoordinator,
                                                           .trust = options.identity->trust,
                                                           .message = offered.bytes(),
                                                           .now = unix_seconds(now),
                                                           .verified = options.identity->verified})));
  return check_own_endorsement(*options.identity, unix_seconds(now));
}

Status check_plan_policy(const proto::Plan& plan, const SessionOptions& options, Time now) {
  if (options.has_clock) SOTTO_RETURN_IF_ERROR(proto::check_plan_age(plan, now));
  const proto::Aggregation kind = plan.aggregation.kind;
  if ((kind == proto::Aggregation::kPlain || kind == proto::Aggregation::kFloat) && !options.allow_unmasked) {
    return {StatusCode::kPermissionDenied,
            std::string("the task's aggregation is ") + proto::to_string(plan.aggregation.kind) +
                ", which shows this device's own update to the coordinator; allow_unmasked is off"};
  }
  if (kind == proto::Aggregation::kSecure) {
    SOTTO_RETURN_IF_ERROR(check_protection(plan.aggregation, options));
  }
  if (kind == proto::Aggregation::kOneShot) SOTTO_RETURN_IF_ERROR(check_helpers(plan, options));
  if (kind == proto::Aggregation::kSecure || kind == proto::Aggregation::kOneShot) {
    SOTTO_RETURN_IF_ERROR(check_honest_min(plan.aggregation, options));
  }
  if (plan.aggregation.cohort_min < options.cohort_min) {
    return {StatusCode::kPermissionDenied,
            fmt::format("the task allows cohorts of {}, this device takes part in no cohort below {}",
                        plan.aggregation.cohort_min, options.cohort_min)};
  }
  if (std::find(options.trainers.begin(), options.trainers.end(), plan.model.architecture) ==
      options.trainers.end()) {
    return failed_precondition(std::string("this device cannot train the architecture ") +
                               proto::to_string(plan.model.architecture));
  }
  if (plan.model.architecture == proto::Architecture::kCustom &&
      std::find(options.custom_models.begin(), options.custom_models.end(), plan.model.name.view()) ==
          options.custom_models.end()) {
    return failed_precondition("this device has no trainer for the custom model '" +
                               std::string(plan.model.name.view()) + "'");
  }
  if (plan.model.parameter_count() > options.parameters_max) {
    return failed_precondition(fmt::format("the model has {} parameters, this device holds at most {}",
                                           plan.model.parameter_count(), options.parameters_max));
  }
  return check_input(plan.model, options);
}

}  // namespace sotto::client
