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

namespace {

// What differs between two specifications, and of that what may not.
class Differences {
 public:
  Differences(const TaskSpec& from, const TaskSpec& to) {
    JsonWriter write_from(from_);
    visit_fields(from, write_from);
    JsonWriter write_to(to_);
    visit_fields(to, write_to);
  }
  template <typename T, typename... Range>
  void operator()(const Field& field, const T&, const Range&...) {
    if (from_[field.name] == to_[field.name]) return;
    const std::string group = field.group;
    std::string key = (group.empty() ? "" : group + ".") + field.short_name();
    if (!field.editable && fixed_.empty()) fixed_ = key;
    changes_.push_back({std::move(key), from_[field.name].dump(), to_[field.name].dump()});
  }
  [[nodiscard]] const std::string& fixed() const { return fixed_; }
  [[nodiscard]] std::vector<FieldChange> take() { return std::move(changes_); }

 private:
  json from_ = json::object();
  json to_ = json::object();
  std::string fixed_;  // the first that may not change
  std::vector<FieldChange> changes_;
};

}  // namespace

std::vector<FieldChange> differences(const TaskSpec& from, const TaskSpec& to) {
  Differences differ(from, to);
  visit_fields(to, differ);
  return differ.take();
}

Result<TaskSpec> edit_task_spec(const TaskSpec& spec, std::string_view fields) {
  json object = json::parse(fields, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return invalid_argument("what is to change is not a JSON object");
  TaskSpec edited = spec;
  JsonReader reader(object, "");
  visit_fields(edited, reader);
  reader.finish(/*only_changes=*/true);
  if (!reader.problem().empty()) return invalid_argument(reader.problem());
  Differences differ(spec, edited);
  visit_fields(edited, differ);
  if (differ.fixed().empty()) return edited;
  return invalid_argument(differ.fixed() +
                          " is fixed: what the task has learnt, or what its devices agreed to, rests on it; "
                          "create another task, which may begin with this one's model (--initial)");
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

std::string encode_input_schema(const InputSchema& input) {
  nlohmann::ordered_json object;
  visit_fields(input, [&](const Field& field, const auto& value, const auto&) {
    object[field.short_name()] = value.view();
  });
  return object.dump(2) + "\n";
}

Result<InputSchema> decode_input_schema(std::string_view text) {
  json group = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!group.is_object()) return invalid_argument("it is not a JSON object");
  json object = {{"input", std::move(group)}};
  InputSchema input;
  JsonReader reader(object, "");
  visit_fields(input, reader);
  reader.finish();
  if (!reader.problem().empty()) return invalid_argument(reader.problem());
  SOTTO_RETURN_IF_ERROR(to_status(check_fields(input)));
  return input;
}

}  // namespace sotto::proto
