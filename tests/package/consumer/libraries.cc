// Uses the installed libraries as another project would: hashes, trains a model on two points, opens a store.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sotto/base/hex.h"
#include "sotto/client/trainer.h"
#include "sotto/crypto/primitives.h"
#include "sotto/crypto/secret_bytes.h"
#include "sotto/server/store.h"

namespace {

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "consumer: %s\n", what);
  std::exit(1);
}

void hash() {
  const std::string text = "abc";
  const sotto::Bytes bytes = sotto::text_bytes(text);
  // The example of FIPS 180-4 for one block.
  require(sotto::to_hex(sotto::crypto::sha256({bytes})) ==
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
          "SHA-256 of abc is wrong");
  sotto::crypto::SecretBytes<32> secret;
  sotto::crypto::SystemRandom random;
  random.fill(secret.reveal_mutable());
  const sotto::crypto::SecretBytes<32> moved = std::move(secret);
  require(!(moved == sotto::crypto::SecretBytes<32>()), "32 random bytes are all zero");
}

void train() {
  const sotto::client::Examples examples{.features = 1, .x = {-1.0f, 1.0f}, .y = {0, 1}};
  const auto trainer = sotto::client::make_builtin_trainer(examples);
  sotto::proto::ModelSpec model;
  model.architecture = sotto::proto::Architecture::kSoftmax;
  model.features = 1;
  model.classes = 2;
  sotto::proto::TrainingSpec training;
  training.local_epochs = 20;
  training.batch_size = 2;
  training.learning_rate = 0.5f;
  std::vector<float> parameters(model.parameter_count(), 0.0f);
  sotto::crypto::SeededRandom random(1);
  const auto update = trainer->train(
      {.model = model, .training = training, .weight_max = 10, .parameters = parameters}, random);
  require(update.has_value(), "training failed");
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] += update->delta[i];
  const auto evaluation = sotto::client::evaluate(model, parameters, examples);
  require(evaluation.has_value() && evaluation->accuracy == 1.0, "two separable points were not learnt");
}

void store() {
  const auto absent = sotto::server::open_sqlite_store({.path = "/nonexistent/directory/sotto.db"});
  require(!absent.has_value() && !absent.error().message().empty(),
          "a store opened in a directory that does not exist");
}

}  // namespace

int main() {
  hash();
  train();
  store();
  std::puts("consumer: the installed libraries work");
}
