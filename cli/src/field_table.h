// A record's fields as a table for people: `sotto task fields`, and the same as Markdown for the documents.
#pragma once

#include <string>
#include <vector>

namespace sotto::cli {

// The heading and a row for each key of a task file: key, values, default, whether `sotto task edit` may
// change it, meaning.
[[nodiscard]] std::vector<std::vector<std::string>> task_field_rows();
// The heading and a row for each field of a plan in the order of its bytes: field, type, values, meaning.
[[nodiscard]] std::vector<std::vector<std::string>> plan_field_rows();

[[nodiscard]] std::string to_markdown(const std::vector<std::vector<std::string>>& rows);

}  // namespace sotto::cli
