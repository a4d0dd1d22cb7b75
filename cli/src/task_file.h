// A task as an operator writes it: a TOML file.
#pragma once

#include <string>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/proto/messages.h"

namespace sotto::cli {

// kInvalidArgument names the file, the line or key, what is wrong and what is allowed. Unknown keys are
// errors.
[[nodiscard]] Result<proto::TaskSpec> read_task_file(const std::string& path);

// The assignments "key=value", with keys and values as a task file has them (a text may do without its
// quotes), as a JSON object. kInvalidArgument names the one that is none.
[[nodiscard]] Result<std::string> read_assignments(const std::vector<std::string>& assignments);

// A complete file with every key, a value, what it means and what is allowed: `sotto task example`.
[[nodiscard]] std::string example_task_file();

}  // namespace sotto::cli
