// A task's spec as one JSON object: readable with the sqlite3 shell, and able to grow fields. The words in it
// are fixed here; they do not follow the wording of messages.
#pragma once

#include <string>
#include <string_view>

#include "sotto/base/result.h"
#include "sotto/proto/messages.h"

namespace sotto::server {

[[nodiscard]] std::string encode_task_spec(const proto::TaskSpec& spec);
// kDataLoss says which field is missing or wrong.
[[nodiscard]] Result<proto::TaskSpec> decode_task_spec(std::string_view text);

}  // namespace sotto::server
