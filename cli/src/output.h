// What the commands print: tables for people, JSON for scripts, one form of error for both.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands.h"
#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/proto/messages.h"

namespace sotto::cli {

// For people's terminals and logs: what is no printable character of UTF-8 stands as \x1b. File names, files'
// contents and what others have said may hold such; lines stay lines.
[[nodiscard]] std::string terminal_text(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

// "sotto: error: ..." on standard error; the exit code that fits the status.
ExitCode report_error(const Status& status);
[[nodiscard]] ExitCode exit_code_of(const Status& status);

[[nodiscard]] nlohmann::json to_json(const proto::TaskStatus& task);
[[nodiscard]] nlohmann::json to_json(const proto::RoundRecord& round, const proto::MetricList& metrics);
[[nodiscard]] nlohmann::json to_json(const proto::ModelRecord& model);

// A number, or from 2^53 on text: readers of JSON that know doubles only would round it to another one.
// Rounds have such numbers after a restore.
[[nodiscard]] nlohmann::json json_number(std::uint64_t number);

// Columns as wide as their widest cell; the first row is the heading.
void print_table(std::vector<std::vector<std::string>> rows);
void print_json(const nlohmann::json& value);

[[nodiscard]] std::string decimal(double value, int digits);

// The places that a command's user names for what it makes: files, or "-" for standard output.
class Outputs {
 public:
  // Before long work: whether all of them can be written; empty ones are not wanted. With "-" among them
  // everything else that the command prints goes to standard error from now on. kInvalidArgument when two
  // are the same file, or one is among `inputs`, which it would destroy.
  [[nodiscard]] static Result<Outputs> open(const std::vector<std::string>& places,
                                            const std::vector<std::string>& inputs = {});
  ~Outputs();
  Outputs(Outputs&& other) noexcept : standard_output_(std::exchange(other.standard_output_, -1)) {}
  Outputs& operator=(Outputs&&) = delete;
  Outputs(const Outputs&) = delete;
  Outputs& operator=(const Outputs&) = delete;

  // The whole content or, of a file, its old one and why not. Nothing for an empty place.
  [[nodiscard]] Status write(const std::string& place, Bytes content, mode_t mode = 0666) const;

 private:
  Outputs() = default;
  int standard_output_ = -1;
};

// What was printed has arrived; kIo when some of it has not.
[[nodiscard]] Status finish_standard_output();

}  // namespace sotto::cli
