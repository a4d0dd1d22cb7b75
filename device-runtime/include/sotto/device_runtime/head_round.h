/* One local round of a head, for C and C++: the global parameters in, passes over the examples, the change
 * of the parameters out, with what the received head was worth. Boards and hosts call the same, so the same
 * plan, examples and seed give the same update bit for bit (head.h says how).
 *
 *   sotto_head_round round;
 *   const sotto_head_training training = {.learning_rate = 0.01f, .epochs = 3, .batch = 8, .seed = seed};
 *   error = sotto_head_round_begin(head, &round, &training, sotto_head_replay(head), held_out, values, n);
 *   while (error == SOTTO_HEAD_OK && !round.is_done) {
 *     error = sotto_head_round_advance(head, &round, 16);  // then serve the link, feed the watchdog
 *   }
 *   error = sotto_head_round_finish(head, &round, values, n);  // values: what was learned
 *
 * It takes no memory but the round's, and that of the head: neither order nor gradient nor a second copy of
 * the parameters is kept. The head afterwards is what was learned here; sotto_head_write(), or
 * sotto_head_go_back() with an anchor, ends that.
 */
#ifndef SOTTO_DEVICE_RUNTIME_HEAD_ROUND_H
#define SOTTO_DEVICE_RUNTIME_HEAD_ROUND_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/device_runtime/head.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOTTO_HEAD_ROUND_EPOCHS_MAX 1000
#define SOTTO_HEAD_ROUND_SAMPLES_MAX SOTTO_HEAD_REPLAY_SAMPLES_MAX

/* Examples one after the other without gaps, each as the replay keeps it: the features, int8, then the
 * target: one byte, the label; of a head that learns values, its int8 values. They may lie in flash and must
 * not change while a round is under way: remember, forget and remove no class until it is finished. */
typedef struct sotto_head_samples {
  const void* samples;
  uint32_t count;
} sotto_head_samples;

/* What the head remembers. */
sotto_head_samples sotto_head_replay(const sotto_head* head);

/* What a plan says of local training. */
typedef struct sotto_head_training {
  float learning_rate; /* these three as sotto_head_rates */
  float momentum;
  float proximal;  /* towards the global parameters */
  uint32_t epochs; /* passes over the examples, 1 .. SOTTO_HEAD_ROUND_EPOCHS_MAX */
  uint32_t batch;  /* examples of a step, 1 .. the head's options.batch; a pass's last step takes the rest */
  uint64_t seed;   /* of the orders of passes, and of the rounding of int8 weights */
} sotto_head_training;

/* Over examples. */
typedef struct sotto_head_sums {
  uint64_t loss; /* in units of 2^-20 (nats, of classes); exact, an example counts at most 2^30 units */
  uint32_t examples;
  uint32_t correct; /* classified as their labels say; 0 of heads that learn values */
} sotto_head_sums;

/* A round under way. Who made it may read what has a comment. */
typedef struct sotto_head_round {
  int is_done;              /* nothing is left for sotto_head_round_advance() */
  sotto_head_sums received; /* of the examples, by the global parameters: a plan's metrics */
  sotto_head_sums before;   /* of the examples held out, by the global parameters */
  sotto_head_sums after;    /* of the same, by what was learned here */
  sotto_head_samples examples, held_out;
  sotto_head_rates rates;
  uint32_t generator[4];
  uint32_t epochs, batch, phase, place, pass_start, pass_stride;
} sotto_head_round;

/* Checks everything, then the head becomes `parameters` (weights [outputs_max][features], then biases
 * [outputs_max], as sotto_head_write()) and the round begins. `examples` are 1 ..
 * SOTTO_HEAD_ROUND_SAMPLES_MAX, `held_out` may be none; neither is copied. int8 heads need an anchor: what
 * they learn is counted from the parameters as rounded. Rates and draws of the head outside the round stay
 * as they are. */
sotto_head_error sotto_head_round_begin(sotto_head* head, sotto_head_round* round,
                                        const sotto_head_training* training, sotto_head_samples examples,
                                        sotto_head_samples held_out, const float* parameters, size_t count);

/* Goes on by at least one example and at most `examples`, or one step when that takes more. In how many
 * calls a round is done changes no bit. SOTTO_HEAD_DIVERGED ends the round: begin another, or write the
 * head. */
sotto_head_error sotto_head_round_advance(sotto_head* head, sotto_head_round* round, uint32_t examples);

/* `parameters` becomes what was learned: the head less what it began with. Without an anchor they must be
 * what the round began with; with one they are only written. Of biases-only heads the weights' part is 0.
 * SOTTO_HEAD_ROUND_UNDER_WAY before the round is done. */
sotto_head_error sotto_head_round_finish(const sotto_head* head, const sotto_head_round* round,
                                         float* parameters, size_t count);

#ifdef __cplusplus
}
#endif

#endif /* SOTTO_DEVICE_RUNTIME_HEAD_ROUND_H */
