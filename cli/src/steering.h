// What operators do to tasks that there are: put beside the commands that show them.
#pragma once

#include "administration.h"
#include "commands.h"

namespace sotto::cli {

// `task edit` and `task delete`
void add_task_acts(CLI::App& task, ExitCode& exit_code);
// `round abort`
void add_round_acts(CLI::App& round, ExitCode& exit_code);
// `model rollback` and `model branch`
void add_model_acts(CLI::App& model, ExitCode& exit_code);

// `model evaluate`
void add_evaluate_command(CLI::App& model, ExitCode& exit_code);

// The task as the coordinator answers, or its refusal.
ExitCode print_one(const Result<proto::TaskStatus>& task, bool json);

// The version of that number, or the newest for "latest". kInvalidArgument for any other word, kNotFound when
// the coordinator does not keep it.
[[nodiscard]] Result<proto::ModelRecord> find_model(client::AdminClient& client, const std::string& task,
                                                    const std::string& version);

}  // namespace sotto::cli
