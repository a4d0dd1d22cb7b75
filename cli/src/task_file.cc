#include "task_file.h"

#include <toml++/toml.h>

#include <sstream>
#include <string_view>

#include "field_text.h"
#include "sotto/host/file.h"
#include "sotto/proto/task_json.h"
#include "toml_depth.h"

namespace sotto::cli {
namespace {

using proto::TaskSpec;

std::string line_of(const toml::table& table, const std::string& path) {
  const toml::node* node = table.at_path(path).node();
  const auto begin = node == nullptr ? toml::source_position{} : node->source().begin;
  return begin ? "line " + std::to_string(begin.line) : "the file";
}

constexpr std::size_t kFileBytesMax = 1 << 20;

Result<toml::table> parse(const std::string& path) {
  const auto content = host::read_file(path, kFileBytesMax);
  if (!content) return content.error();
  if (!content->has_value()) return not_found("there is no task file " + path);
  const std::string_view file(reinterpret_cast<const char*>((*content)->data()), (*content)->size());
  if (nests_too_deep(file)) return invalid_argument(path + ": a line has more dots than any key");
  try {
    return toml::parse(file);
  } catch (const toml::parse_error& error) {
    std::ostringstream text;
    text << path;
    if (error.source().begin) text << ", line " << error.source().begin.line;
    text << ": " << error.description();
    return invalid_argument(text.str());
  }
}

bool parses(const std::string& text) {
  try {
    static_cast<void>(toml::parse(text));
    return true;
  } catch (const toml::parse_error&) {
    return false;
  }
}

// Writes a task file with every field, its help and its range.
class ExampleWriter {
 public:
  template <typename T, typename... Range>
  void operator()(const Field& field, const T& value, const Range&... range) {
    if (group_ != field.group) {
      group_ = field.group;
      text_ += "\n[" + group_ + "]\n";
    }
    text_ += "# " + meaning_of(field);
    (add_range(range), ...);
    text_ += '\n';
    if constexpr (NamedEnum<T>) add_choices<T>();
    text_ += field.short_name();
    text_ += " = " + toml_of(value) + '\n';
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  template <typename T>
  void add_range(const Range<T>& range) {
    text_ += " (" + describe_range(range) + ")";
  }
  void add_range(const NameRange&) {}
  template <typename E>
  void add_choices() {
    for (const EnumName<E>& name : EnumNames<E>::kAll) {
      text_ += "#   \"" + std::string(name.word) + "\": " + name.meaning + '\n';
    }
  }

  std::string group_;
  std::string text_;
};

TaskSpec example_task() {
  TaskSpec spec;
  spec.name = "activity";
  spec.population = "wearables";
  spec.rounds = 20;
  spec.participants = 8;  // of ten that are given plans: two may be away
  spec.over_selection = 1.25f;
  spec.model.features = 84;
  spec.model.classes = 6;
  // As `sotto dataset export motion` says.
  spec.model.input = {.features = "blocks of x, y, z and magnitude of acceleration",
                      .unit = "standard deviations",
                      .labels = "still,walking,running,stairs,cycling,driving"};
  spec.training.batch_size = 16;
  spec.training.learning_rate = 0.05f;
  spec.aggregation.clip = 0.1f;
  spec.aggregation.weight_max = 64;
  return spec;
}

}  // namespace

Result<TaskSpec> read_task_file(const std::string& path) {
  const Result<toml::table> table = parse(path);
  if (!table) return table.error();
  std::ostringstream json;
  json << toml::json_formatter(*table);
  auto spec =
      proto::decode_task_spec(json.str(), [&](const std::string& key) { return line_of(*table, key); });
  if (!spec) return spec.error().with_context(path);
  SOTTO_RETURN_IF_ERROR(proto::validate_task_spec(*spec).with_context(path));
  return spec;
}

Result<std::string> read_assignments(const std::vector<std::string>& assignments) {
  std::string text;
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0 || assignment.find('\n') != std::string::npos) {
      return invalid_argument("'" + assignment + "' is no key=value, as training.learning_rate=0.02");
    }
    if (nests_too_deep(assignment)) return invalid_argument("what is to change: no key has so many dots");
    const std::string line = assignment.substr(0, equals) + " = " + assignment.substr(equals + 1);
    const std::string quoted = assignment.substr(0, equals) + " = '" + assignment.substr(equals + 1) + "'";
    text += (parses(line) ? line : quoted) + "\n";
  }
  try {
    std::ostringstream json;
    json << toml::json_formatter(toml::parse(text));
    return json.str();
  } catch (const toml::parse_error& error) {
    return invalid_argument("what is to change: " + std::string(error.description()));
  }
}

std::string example_task_file() {
  const TaskSpec example = example_task();
  ExampleWriter writer;
  visit_fields(example, writer);
  return "# A Sotto task. Create it with: sotto task create --file THIS_FILE\n" + writer.text();
}

}  // namespace sotto::cli
