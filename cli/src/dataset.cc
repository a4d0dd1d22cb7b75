#include <cstdio>
#include <memory>

#include "commands.h"
#include "output.h"
#include "places.h"
#include "sotto/simulation/data_set.h"

namespace sotto::cli {
namespace {

struct DatasetOptions {
  std::string name;
  std::string source;
  std::string destination;
  simulation::DataOptions data;
};

ExitCode convert(const DatasetOptions& options) {
  const Status status = simulation::convert_data_set(options.name, options.source, options.destination);
  if (!status.ok()) return report_error(status);
  std::printf("converted %s into %s; try: sotto simulate %s --data %s\n", options.name.c_str(),
              options.destination.c_str(), options.name.c_str(), options.destination.c_str());
  return ExitCode::kDone;
}

ExitCode export_devices(const DatasetOptions& options) {
  auto data = simulation::load_data_set(options.data);
  if (!data) return report_error(data.error());
  const Status status = simulation::export_data_set(*data, options.destination);
  if (!status.ok()) return report_error(status);
  std::printf("wrote %zu device folders and test/ into %s: %u features, %u classes\n", data->devices.size(),
              options.destination.c_str(), data->features, data->classes);
  return ExitCode::kDone;
}

}  // namespace

void add_dataset_command(CLI::App& app, ExitCode& exit_code) {
  CLI::App* command = app.add_subcommand("dataset", "Prepare data sets")->require_subcommand(1);
  auto options = std::make_shared<DatasetOptions>();

  CLI::App* converter = command->add_subcommand(
      "convert",
      "Turn a published data set, as downloaded, into the compact files that `sotto simulate` reads.\n"
      "har: the unpacked \"UCI HAR Dataset\" folder; fsdd: the repository with its recordings/ folder.\n"
      "Fashion-MNIST's IDX files need no conversion.");
  converter->add_option("dataset", options->name)
      ->required()
      ->check(CLI::IsMember({"har", "fsdd"}))
      ->type_name("har|fsdd");
  converter->add_option("source", options->source, "Folder with the originals")
      ->check(existing_folder())
      ->required();
  converter->add_option("destination", options->destination, "Folder to write; made if missing")->required();
  converter->callback([options, &exit_code] { exit_code = convert(*options); });

  CLI::App* exporter = command->add_subcommand(
      "export", "Write each device's examples into a folder of its own, for `sotto device run --data`");
  exporter->add_option("dataset", options->data.name)
      ->required()
      ->check(CLI::IsMember({"motion", "har", "fashion-mnist", "fsdd"}))
      ->type_name("motion|har|fashion-mnist|fsdd");
  exporter->add_option("destination", options->destination, "Folder to write; made if missing")->required();
  exporter
      ->add_option("--data", options->data.directory, "Folder with the data set's files (motion needs none)")
      ->check(existing_folder());
  exporter->add_option("--devices", options->data.devices,
                       "Devices in the fleet [the data set's own number]");
  exporter->add_option("--seed", options->data.seed)->capture_default_str();
  exporter->callback([options, &exit_code] { exit_code = export_devices(*options); });
}

}  // namespace sotto::cli
