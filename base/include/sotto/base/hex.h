// Lower-case hexadecimal, for digests in logs and on the command line.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto {

[[nodiscard]] std::string to_hex(Bytes bytes);
// Into memory of the caller, who may wipe it. Requires out.size() == 2 * bytes.size().
void write_hex(Bytes bytes, std::span<char> out);
// False, with `out` in any state, unless the text is exactly 2 * out.size() digits [0-9a-fA-F].
[[nodiscard]] bool read_hex(std::string_view text, MutableBytes out);
// Fails with kInvalidArgument on an odd length or a character outside [0-9a-fA-F].
[[nodiscard]] Result<std::vector<std::uint8_t>> from_hex(std::string_view text);

}  // namespace sotto
