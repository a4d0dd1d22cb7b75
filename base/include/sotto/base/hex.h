// Lower-case hexadecimal, for digests in logs and on the command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto {

[[nodiscard]] std::string to_hex(Bytes bytes);
// Fails with kInvalidArgument on an odd length or a character outside [0-9a-fA-F].
[[nodiscard]] Result<std::vector<std::uint8_t>> from_hex(std::string_view text);

}  // namespace sotto
