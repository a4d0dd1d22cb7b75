// What the commands print: tables for people, JSON for scripts, one form of error for both.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "sotto/base/status.h"
#include "sotto/proto/messages.h"

namespace sotto::cli {

// "sotto: error: ..." on standard error; the exit code that fits the status.
ExitCode report_error(const Status& status);
[[nodiscard]] ExitCode exit_code_of(const Status& status);

[[nodiscard]] nlohmann::json to_json(const proto::TaskStatus& task);
[[nodiscard]] nlohmann::json to_json(const proto::RoundRecord& round, const proto::MetricList& metrics);
[[nodiscard]] nlohmann::json to_json(const proto::ModelRecord& model);

// Columns as wide as their widest cell; the first row is the heading.
void print_table(const std::vector<std::vector<std::string>>& rows);
void print_json(const nlohmann::json& value);

[[nodiscard]] std::string decimal(double value, int digits);

// The whole file, or its old content and why not.
[[nodiscard]] Status write_file(const std::string& path, const std::string& content);

}  // namespace sotto::cli
