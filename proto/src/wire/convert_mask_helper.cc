// PROTOCOL.md section 10.3: the helper's answers.
#include "fields.h"
#include "sotto/base/limits.h"
#include "sotto/proto/convert.h"

namespace sotto::proto {
namespace {

Result<HelperReply> refusal_from_wire(const v1::HelperRefusal& from) {
  SOTTO_RETURN_IF_ERROR(
      check_length("HelperRefusal.reason", from.reason().size(), 0, limits::kReasonBytesMax));
  SOTTO_RETURN_IF_ERROR(check_integer("HelperRefusal.at_fault count",
                                      static_cast<std::uint64_t>(from.at_fault_size()), 0,
                                      limits::kParticipantsMax));
  constexpr auto kKindMax = static_cast<std::uint32_t>(HelperRefusal::Kind::kBeforeStart);
  SOTTO_RETURN_IF_ERROR(check_integer("HelperRefusal.kind", from.kind(), 0, kKindMax));
  HelperRefusal refusal{.reason = printable(from.reason()),
                        .at_fault = {},
                        .kind = static_cast<HelperRefusal::Kind>(from.kind())};
  for (const std::uint32_t place : from.at_fault()) {
    SOTTO_RETURN_IF_ERROR(check_integer("HelperRefusal.at_fault", place, 0, limits::kParticipantsMax - 1));
    refusal.at_fault.push_back(static_cast<std::uint16_t>(place));
  }
  return HelperReply(std::move(refusal));
}

}  // namespace

void to_wire(const HelperReply& from, v1::SumMasksReply& to) {
  if (const auto* sum = std::get_if<MaskSum>(&from)) {
    to.set_mask_sum(to_string_bytes(sum->ring));
    return;
  }
  const auto& refusal = std::get<HelperRefusal>(from);
  to.mutable_refused()->set_reason(printable(refusal.reason));
  to.mutable_refused()->set_kind(static_cast<std::uint32_t>(refusal.kind));
  for (const std::uint16_t place : refusal.at_fault) to.mutable_refused()->add_at_fault(place);
}

Result<HelperReply> from_wire(const v1::SumMasksReply& from) {
  switch (from.reply_case()) {
    case v1::SumMasksReply::kMaskSum: {
      SOTTO_RETURN_IF_ERROR(
          check_length("SumMasksReply.mask_sum", from.mask_sum().size(), 0, limits::kUpdateBytesMax));
      return HelperReply(MaskSum{.ring = to_bytes(from.mask_sum())});
    }
    case v1::SumMasksReply::kRefused:
      return refusal_from_wire(from.refused());
    case v1::SumMasksReply::REPLY_NOT_SET:
      break;
  }
  return invalid_argument("SumMasksReply: neither a sum nor a refusal");
}

}  // namespace sotto::proto
