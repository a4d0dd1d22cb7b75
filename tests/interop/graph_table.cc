// What this implementation answers to requests for neighbours and threshold: a line of standard input
//   curious|semi_malicious GAMMA DELTA HONEST_MIN N
// gives "K T" or "none".
#include <cstdint>
#include <iostream>
#include <string>

#include "sotto/secagg/parameters.h"

int main() {
  std::string adversary;
  sotto::secagg::GraphRequest request;
  while (std::cin >> adversary >> request.corrupt_fraction >> request.dropout_fraction >>
         request.honest_min >> request.participants) {
    request.adversary = adversary == "curious" ? sotto::secagg::Adversary::kCurious
                                               : sotto::secagg::Adversary::kSemiMalicious;
    const auto graph = sotto::secagg::choose_graph(request);
    if (graph) {
      std::cout << graph->neighbours << ' ' << graph->threshold << '\n';
    } else {
      std::cout << "none\n";
    }
  }
  return std::cin.eof() ? 0 : 1;
}
