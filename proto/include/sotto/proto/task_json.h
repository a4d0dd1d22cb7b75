// A task's specification as one JSON object: what the store keeps, what the command line prints, and the form
// in which a task file reaches its checks. Keys and words come from the field tables.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/proto/task.h"

namespace sotto::proto {

// Every field by its name, at the top: {"name":"digits", ..., "server_momentum":0.0}.
[[nodiscard]] std::string encode_task_spec(const TaskSpec& spec);

// "line 3" for the key at a path like "model.features"; what is returned goes before the message.
using PlaceOfKey = std::function<std::string(const std::string& path)>;

// Fields stand at the top by their name, or in their group's object by their key. Absent ones keep their
// default. kInvalidArgument names the key that is unknown, missing or of the wrong type, and what it must be.
// Ranges are validate_task_spec()'s.
[[nodiscard]] Result<TaskSpec> decode_task_spec(std::string_view json, const PlaceOfKey& place = {});

// A field whose value changes; the values as JSON.
struct FieldChange {
  std::string key;  // "training.learning_rate", or its name when it stands in no group
  std::string from;
  std::string to;
  friend bool operator==(const FieldChange&, const FieldChange&) = default;
};
[[nodiscard]] std::vector<FieldChange> differences(const TaskSpec& from, const TaskSpec& to);

// The specification with other values in the fields of a JSON object, which has the form that
// decode_task_spec() takes and holds only what changes. kInvalidArgument names a key that is unknown, of the
// wrong type, or fixed in a task that there is. Ranges are validate_task_spec()'s.
[[nodiscard]] Result<TaskSpec> edit_task_spec(const TaskSpec& spec, std::string_view fields);

// What the examples in a device's folder are: {"features": ..., "unit": ..., "labels": ...,
// "front_end": ...}.
[[nodiscard]] std::string encode_input_schema(const InputSchema& input);
// Absent keys are empty. kInvalidArgument names what is wrong.
[[nodiscard]] Result<InputSchema> decode_input_schema(std::string_view json);

}  // namespace sotto::proto
