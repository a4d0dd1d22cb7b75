#include "sotto/proto/task.h"

#include "sotto/base/field_status.h"

namespace sotto::proto {

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kNameBytesMax && name_characters(name);
}

Status validate_task_spec(const TaskSpec& spec) {
  SOTTO_RETURN_IF_ERROR(to_status(check_fields(spec)));
  return to_status(check_model(spec.model));
}

}  // namespace sotto::proto
