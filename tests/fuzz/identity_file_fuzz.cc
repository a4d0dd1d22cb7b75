// An identity file under any content: refused with a reason, or an identity that writes and reads the same.
#include <string>
#include <string_view>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/identity/identity_file.h"
#include "support/enrolment.h"

namespace {

using namespace sotto;
using secagg::Role;

// A device's file with its key, without, and a coordinator's.
std::string sound_file(std::size_t kind) {
  identity::EnrolledKey enrolled;
  enrolled.role = kind == 2 ? Role::kCoordinator : Role::kDevice;
  crypto::Es256PrivateKey key = secagg::numbered_key(kind + 1);
  enrolled.public_key = key.public_key();
  enrolled.endorsement = secagg::endorse(secagg::fleet_authority(), enrolled.role, enrolled.public_key,
                                         {.name = "kitchen-7", .issued_at = 5, .expires_at = 6, .epoch = 7});
  enrolled.name = "kitchen-7";
  enrolled.authority = secagg::fleet_authority().public_key();
  if (kind != 1) enrolled.key = std::move(key);
  return std::string(identity::encode_enrolled_key(enrolled, "kitchen-7").reveal_text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  static const std::string sound[] = {sound_file(0), sound_file(1), sound_file(2)};
  const std::string& begun = sound[input.below(3)];
  const Role role = input.chance(128) ? Role::kCoordinator : Role::kDevice;
  std::vector<std::uint8_t> bytes(begun.begin(), begun.end());
  if (input.chance(64)) {
    bytes = input.rest();
  } else {
    fuzz::mutate(input, bytes);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto decoded = identity::decode_enrolled_key(text, role);
  if (!decoded) {
    SOTTO_CHECK(decoded.error().code() == StatusCode::kInvalidArgument);
    SOTTO_CHECK(!decoded.error().message().empty());
    return 0;
  }
  const auto again =
      identity::decode_enrolled_key(identity::encode_enrolled_key(*decoded, "").reveal_text(), role);
  SOTTO_CHECK(again.has_value() && again->public_key == decoded->public_key);
  SOTTO_CHECK(again->endorsement == decoded->endorsement && again->authority == decoded->authority);
  SOTTO_CHECK(again->key.has_value() == decoded->key.has_value());
  return 0;
}
