// `sotto model export`: what a task has learned, as parameters or as a .tflite file.
#pragma once

#include "commands.h"

namespace sotto::cli {

void add_model_export_command(CLI::App& model, ExitCode& exit_code);

}  // namespace sotto::cli
