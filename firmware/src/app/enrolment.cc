#include "enrolment.h"

#include "sotto/base/check.h"

namespace sotto::board {

std::size_t encode_enrolment(const Enrolment& enrolment, MutableBytes out) {
  ByteWriter writer(out);
  writer.bytes(enrolment.scalar.reveal());
  std::array<std::uint8_t, secagg::kEndorsementBytes> endorsement;
  secagg::encode_endorsement(enrolment.endorsement, endorsement);
  writer.bytes(endorsement);
  writer.bytes(enrolment.authority);
  writer.u16(enrolment.cohort_min);
  writer.u16(enrolment.honest_min);
  writer.f32(enrolment.corrupt_fraction_min);
  for (const std::string_view text : {enrolment.id_text(), enrolment.population_text()}) {
    writer.u8(static_cast<std::uint8_t>(text.size()));
    writer.bytes(text_bytes(text));
  }
  SOTTO_CHECK(writer.ok());
  return writer.written();
}

bool decode_enrolment(Bytes bytes, Enrolment& enrolment) {
  ByteReader in(bytes);
  in.copy(enrolment.scalar.reveal_mutable());
  if (!accepted(secagg::decode_endorsement(in.bytes(secagg::kEndorsementBytes), enrolment.endorsement))) {
    return false;
  }
  in.copy(enrolment.authority);
  enrolment.cohort_min = in.u16();
  enrolment.honest_min = in.u16();
  enrolment.corrupt_fraction_min = in.f32();
  const auto text = [&in](std::array<char, 64>& to, std::uint8_t& size) {
    size = in.u8();
    if (size == 0 || size > to.size()) return false;
    in.copy({reinterpret_cast<std::uint8_t*>(to.data()), size});
    return in.ok();
  };
  return text(enrolment.id, enrolment.id_size) && text(enrolment.population, enrolment.population_size) &&
         in.finished() && enrolment.corrupt_fraction_min >= 0 && enrolment.corrupt_fraction_min < 0.5f;
}

}  // namespace sotto::board
