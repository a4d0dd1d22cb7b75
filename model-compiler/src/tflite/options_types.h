// Which table of options belongs to which operator.
#pragma once

#include <cstdint>
#include <optional>

namespace sotto::model_compiler {

// The number of the operator's table in the schema's union BuiltinOptions; 0 for an operator without options,
// nothing for one that is not known here.
[[nodiscard]] std::optional<std::uint8_t> builtin_options_type(std::int32_t code);

}  // namespace sotto::model_compiler
