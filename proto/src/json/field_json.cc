#include "field_json.h"

#include <charconv>
#include <cmath>

namespace sotto::proto {

using nlohmann::json;

double shortest(float value) {
  if (!std::isfinite(value)) return value;
  char text[64];
  const char* end = std::to_chars(text, text + sizeof text, value).ptr;
  double result = value;
  std::from_chars(text, end, result);
  return result;
}

json JsonReader::take(const Field& field) {
  const auto take_from = [](json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end()) return json(json::value_t::discarded);
    json value = std::move(*found);
    object.erase(found);
    return value;
  };
  if (field.group[0] != '\0') {
    const auto group = object_.find(field.group);
    if (group != object_.end() && group->is_object()) {
      json value = take_from(*group, field.short_name());
      if (!value.is_discarded()) return value;
    }
  }
  const auto own = object_.find(field.name);
  // "aggregation" names a group and a field: an object is the group.
  const bool names_its_group = std::string_view(field.group) == field.name;
  if (own != object_.end() && own->is_object() && names_its_group) return json(json::value_t::discarded);
  return take_from(object_, field.name);
}

std::string JsonReader::path_of(const Field& field) const {
  const std::string group = field.group;
  return path_ + (group.empty() ? "" : group + ".") + field.short_name();
}

void JsonReader::note_known(const Field& field) {
  std::string& keys = known_[field.group];
  keys += (keys.empty() ? "" : ", ") + std::string(field.short_name());
}

void JsonReader::finish(bool only_changes) {
  if (!problem_.empty()) return;
  for (const auto& [key, value] : object_.items()) {
    const auto group = known_.find(key);
    const bool is_group = group != known_.end() && !key.empty() && value.is_object();
    if (is_group && value.empty()) continue;  // all its fields are taken
    const std::string path = path_ + key + (is_group ? "." + value.begin().key() : "");
    const std::string& keys = is_group ? group->second : known_[""];
    fail(path, "unknown key '" + path + "'; known are " + keys);
    return;
  }
  if (!only_changes && !missing_.empty()) fail(missing_, missing_ + " is missing");
}

}  // namespace sotto::proto
