// What the programs of the examples have in common: a device with this trainer, taking part in some rounds.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "sotto/client/client.h"

inline int run_device(int argc, char** argv, const char* population, sotto::client::Trainer& trainer) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s HOST:PORT CA_FILE IDENTITY_FILE DEVICE_ID ROUNDS\n", argv[0]);
    return 2;
  }
  const sotto::client::DeviceOptions options{.coordinator = argv[1],
                                             .ca_file = argv[2],
                                             .device_id = argv[4],
                                             .population = population,
                                             .identity_file = argv[3],
                                             .ledger_file = std::string(argv[3]) + ".ledger",
                                             .cohort_min = 4,  // a fleet of examples: leave both out
                                             .honest_min = 2};
  auto device = sotto::client::Device::connect(options, trainer);
  if (!device) {
    std::fprintf(stderr, "%s: %s\n", argv[0], device.error().message().c_str());
    return 1;
  }
  int counted = 0;
  for (int round = 0; round < std::atoi(argv[5]); ++round) {
    const sotto::client::Participation result = device->take_part();
    counted += result.counted ? 1 : 0;
    std::printf("%s: %s (%llu bytes sent)\n", result.counted ? "counted" : "not counted",
                result.outcome.c_str(), static_cast<unsigned long long>(result.uplink_bytes));
  }
  return counted > 0 ? 0 : 1;
}
