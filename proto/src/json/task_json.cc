#include "sotto/proto/task_json.h"

#include "field_json.h"

namespace sotto::proto {

using nlohmann::json;

std::string encode_task_spec(const TaskSpec& spec) {
  json object = json::object();
  JsonWriter writer(object);
  visit_fields(spec, writer);
  return object.dump();
}

Result<TaskSpec> decode_task_spec(std::string_view text, const PlaceOfKey& place) {
  json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return invalid_argument("a task's specification is not a JSON object");
  TaskSpec spec;
  JsonReader reader(object, "");
  visit_fields(spec, reader);
  reader.finish();
  if (reader.problem().empty()) return spec;
  const std::string where = place ? place(reader.problem_path()) + ": " : "";
  return invalid_argument(where + reader.problem());
}

}  // namespace sotto::proto
