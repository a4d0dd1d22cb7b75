// A round in four parts, each an example or a step at a time: the received head on the examples, the same on
// those held out, the passes, the new head on those held out.
#include "sotto/device_runtime/head_round.h"

#include <cstring>
#include <utility>

#include "head/float_arithmetic.h"
#include "head/judge.h"
#include "head/replay.h"
#include "head/step.h"

namespace sotto::device::head {
namespace {

enum Phase : std::uint32_t { kReceived, kBefore, kLearn, kAfter, kDone, kFailed };

static_assert(sizeof(Generator) == sizeof(sotto_head_round::generator));

// The head's rates and draws are the round's as long as this lives.
class Borrowed {
 public:
  Borrowed(sotto_head& head, sotto_head_round& round) : head_(head), round_(round) { exchange(); }
  ~Borrowed() { exchange(); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

 private:
  void exchange() {
    std::swap(head_.rates, round_.rates);
    Generator drawn;
    std::memcpy(&drawn, round_.generator, sizeof drawn);
    std::swap(head_.generator, drawn);
    std::memcpy(round_.generator, &drawn, sizeof drawn);
  }
  sotto_head& head_;
  sotto_head_round& round_;
};

// One step; `place` counts the examples of all passes.
sotto_head_error learn_batch(sotto_head& head, sotto_head_round& round, std::uint32_t& taken) {
  const std::uint32_t count = round.examples.count;
  if (round.place == 0) {
    const Order order = draw_order(head.generator, count);
    round.pass_start = order.start;
    round.pass_stride = order.stride;
  }
  Sample samples[SOTTO_HEAD_BATCH_MAX];
  taken = 0;
  for (; taken < round.batch && round.place < count; ++taken, ++round.place) {
    const Order order{round.pass_start, round.pass_stride};
    samples[taken] = sample_of(head, round.examples, order.at(round.place, count));
  }
  float loss = 0;
  const sotto_head_error error = learn(head, samples, taken, &loss);
  if (round.place == count && --round.epochs != 0) round.place = 0;
  return error;
}

// One part's next example or step.
sotto_head_error advance_once(sotto_head& head, sotto_head_round& round, std::uint32_t& taken) {
  sotto_head_error error = SOTTO_HEAD_OK;
  const bool is_learning = round.phase == kLearn;
  const sotto_head_samples& samples =
      round.phase == kReceived || is_learning ? round.examples : round.held_out;
  if (is_learning) {
    error = learn_batch(head, round, taken);
  } else {
    sotto_head_sums& sums = round.phase == kReceived ? round.received
                            : round.phase == kBefore ? round.before
                                                     : round.after;
    error = judge(head, sample_of(head, samples, round.place++), sums);
    taken = 1;
  }
  if (error != SOTTO_HEAD_OK) round.phase = kFailed;
  if (error != SOTTO_HEAD_OK || round.place != samples.count) return error;
  round.place = 0;
  do {
    ++round.phase;
  } while ((round.phase == kBefore || round.phase == kAfter) && round.held_out.count == 0);
  round.is_done = round.phase == kDone;
  return SOTTO_HEAD_OK;
}

sotto_head_error check_training(sotto_head& head, const sotto_head_training& training,
                                sotto_head_round& round) {
  if (training.epochs == 0 || training.epochs > SOTTO_HEAD_ROUND_EPOCHS_MAX) return SOTTO_HEAD_EPOCHS;
  if (training.batch == 0 || training.batch > head.layout.batch) return SOTTO_HEAD_ROUND_BATCH;
  if (head.layout.form == SOTTO_HEAD_INT8 && head.layout.anchor == 0) return SOTTO_HEAD_NO_ANCHOR;
  const sotto_head_rates own = head.rates;
  const sotto_head_rates wanted = {training.learning_rate, training.momentum, 0, training.proximal};
  const sotto_head_error error = sotto_head_set_rates(&head, &wanted);
  head.rates = own;
  round.rates = wanted;
  return error;
}

}  // namespace
}  // namespace sotto::device::head

using namespace sotto::device::head;

sotto_head_samples sotto_head_replay(const sotto_head* head) {
  if (head == nullptr || head->remembered == 0) return {nullptr, 0};
  return {sample_at(*head, 0).features, head->remembered};
}

sotto_head_error sotto_head_round_begin(sotto_head* head, sotto_head_round* round,
                                        const sotto_head_training* training, sotto_head_samples examples,
                                        sotto_head_samples held_out, const float* parameters, size_t count) {
  if (head == nullptr || round == nullptr || training == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  *round = {};
  sotto_head_error error = check_training(*head, *training, *round);
  if (error == SOTTO_HEAD_OK && examples.count == 0) error = SOTTO_HEAD_SAMPLES;
  if (error == SOTTO_HEAD_OK) error = check_samples(*head, examples);
  if (error == SOTTO_HEAD_OK) error = check_samples(*head, held_out);
  if (error == SOTTO_HEAD_OK) error = sotto_head_write(head, parameters, count);
  if (error != SOTTO_HEAD_OK) return error;
  round->examples = examples;
  round->held_out = held_out;
  round->epochs = training->epochs;
  round->batch = training->batch;
  Generator generator;
  generator.seed(training->seed);
  std::memcpy(round->generator, &generator, sizeof generator);
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_round_advance(sotto_head* head, sotto_head_round* round, uint32_t examples) {
  if (head == nullptr || round == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (round->phase == kFailed) return SOTTO_HEAD_DIVERGED;
  const Borrowed borrowed(*head, *round);
  std::uint32_t done = 0;
  while (!round->is_done) {
    std::uint32_t taken = 0;
    const sotto_head_error error = advance_once(*head, *round, taken);
    if (error != SOTTO_HEAD_OK) return error;
    done += taken;
    if (done >= examples || round->batch > examples - done) break;
  }
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_round_finish(const sotto_head* head, const sotto_head_round* round,
                                         float* parameters, size_t count) {
  if (head == nullptr || round == nullptr || parameters == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (!round->is_done) return SOTTO_HEAD_ROUND_UNDER_WAY;
  const HeadLayout& layout = head->layout;
  if (layout.anchor != 0) return sotto_head_difference(head, parameters, count);
  if (count != sizes_of(layout).parameters) return SOTTO_HEAD_COUNT;
  const ConstParameters now = head->parameters();
  const std::size_t weights = std::size_t{layout.outputs} * layout.features;
  for (std::size_t i = 0; i < weights; ++i)
    parameters[i] = now.weights == nullptr ? 0 : rounded(now.weights[i] - parameters[i]);
  for (std::size_t row = 0; row < layout.outputs; ++row)
    parameters[weights + row] = rounded(now.biases[row] - parameters[weights + row]);
  return SOTTO_HEAD_OK;
}
