#include "places.h"

#include <fmt/core.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "sotto/base/status.h"
#include "sotto/host/address.h"
#include "sotto/host/input_file.h"
#include "sotto/hosting/listen_address.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/server/grpc_server.h"

namespace sotto::cli {
namespace {

constexpr const char* kName = "place";  // of all these validators

template <typename Check>
CLI::Validator validator(Check check) {
  return CLI::Validator([check](std::string& text) { return check(text).message(); }, "", kName);
}

}  // namespace

CLI::Validator listen_address() { return validator(hosting::check_listen_address); }

CLI::Validator peer_address() {
  return validator([](const std::string& text) -> Status {
    const auto address = host::parse_host_port(text);
    if (address && address->port != 0) return {};
    return invalid_argument("\"" + text + "\": " + host::describe_bad_host_port(text));
  });
}

CLI::Validator certificate_name() {
  return validator([](const std::string& text) { return hosting::check_certificate_names({text}); });
}

CLI::Validator network_address() {
  return validator([](const std::string& text) { return server::check_door_options({.gateways = {text}}); });
}

CLI::Validator readable_file() {
  return validator([](const std::string& text) -> Status {
    const auto file = host::InputFile::open(text);
    if (!file) return file.error();
    return file->has_value() ? Status() : not_found("there is no file " + text + ": check the path");
  });
}

CLI::Validator existing_folder() {
  return validator([](const std::string& text) -> Status {
    std::error_code error;
    if (std::filesystem::is_directory(text, error)) return {};
    return not_found("there is no folder " + text + ": check the path");
  });
}

void look_at_no_places(CLI::App& command) {
  for (CLI::Option* option : command.get_options({})) {
    try {
      option->get_validator(kName)->active(false);
    } catch (const CLI::OptionNotFound&) {  // it names no place
    }
  }
}

}  // namespace sotto::cli
