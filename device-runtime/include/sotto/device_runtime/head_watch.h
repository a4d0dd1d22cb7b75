/* What keeps a head that learns from doing harm, for C and C++: a check on examples held out, with the way
 * back; an answer for when the head is not sure; and counts of what is unlike the past, which a round can
 * report as metrics, so that only their sum over many boards is ever seen.
 *
 *   const sotto_head_watch_options options = {
 *       .confidence_min = 600, .fail_safe = 0, .fall_max = 50, .held_out_min = 20, .deviations_max = 4};
 *   error = sotto_head_watch_begin(&watch, head, &options);
 *   error = sotto_head_watch_learn(&watch, head, features);            // of each example of the usual
 *   ...
 *   error = sotto_head_watch_answer(&watch, head, features, &answer);  // answer.label is safe to act on
 *   ...
 *   error = sotto_head_watch_judge(&watch, head, &round.before, &round.after, &verdict);
 *
 * A watch takes no memory but its own, and may be kept over a restart as its bytes. Integers but for the
 * confidence: the same bits on hosts and boards, as head.h says. One thread at a time.
 */
#ifndef SOTTO_DEVICE_RUNTIME_HEAD_WATCH_H
#define SOTTO_DEVICE_RUNTIME_HEAD_WATCH_H

#include <stdint.h>

#include "sotto/device_runtime/head.h"
#include "sotto/device_runtime/head_round.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOTTO_HEAD_NO_ANSWER 0xFFFFFFFFu
/* What Sotto's own devices ask for, boards and hosts alike: so that their counts mean the same. */
#define SOTTO_HEAD_CONFIDENCE_USUAL 600u
#define SOTTO_HEAD_DEVIATIONS_USUAL 4u
#define SOTTO_HEAD_REFERENCE_MAX 4096 /* examples of the usual; later ones change nothing */

typedef struct sotto_head_watch_options {
  uint32_t confidence_min; /* thousandths, 0 .. 1000: below, the answer is fail_safe; 0: never */
  uint32_t fail_safe;      /* a class, or SOTTO_HEAD_NO_ANSWER */
  uint32_t fall_max;       /* thousandths, 0 .. 1000: of the examples held out, how many more may be wrong; of
                              a head that learns values, by what part their loss may grow */
  uint32_t held_out_min;   /* at least 1: fewer are too few to judge by */
  uint32_t deviations_max; /* 1 .. 16: features further from the usual are strange */
} sotto_head_watch_options;

/* Since the watch began or was cleared; each stops at its largest value. */
typedef struct sotto_head_counts {
  uint32_t answers;
  uint32_t unsure;  /* of them, below confidence_min */
  uint32_t strange; /* of them, from features unlike the reference */
} sotto_head_counts;

/* Who made it may read the options and counts. */
typedef struct sotto_head_watch {
  sotto_head_watch_options options;
  sotto_head_counts counts;
  uint32_t reference; /* examples in it */
  int64_t level_sum, level_squares, spread_sum, spread_squares;
} sotto_head_watch;

typedef struct sotto_head_answer {
  uint32_t label;      /* the head's, or fail_safe; SOTTO_HEAD_NO_ANSWER too when that class was removed */
  uint32_t confidence; /* thousandths, rounded down: the label's probability as the head sees it */
  int is_unsure;       /* label is not the head's */
  int is_strange;
} sotto_head_answer;

typedef enum sotto_head_verdict {
  SOTTO_HEAD_STAYED = 0,
  SOTTO_HEAD_WENT_BACK = 1, /* to its anchor: what was learned fell by more than fall_max */
  SOTTO_HEAD_UNJUDGED = 2   /* it stayed, too few examples were held out */
} sotto_head_verdict;

/* Checks the options and forgets what the watch knew. */
sotto_head_error sotto_head_watch_begin(sotto_head_watch* watch, const sotto_head* head,
                                        const sotto_head_watch_options* options);

/* Counts this example's features to the usual. Two figures of each example are kept: the mean of its features
 * and the mean of their squares. Up to the second example nothing is strange. */
sotto_head_error sotto_head_watch_learn(sotto_head_watch* watch, const sotto_head* head,
                                        const int8_t* features);

/* What to act on. A head whose outputs are beyond what can be learned from is not sure of anything: that is
 * no error. SOTTO_HEAD_NOT_CLASSES for heads that learn values. */
sotto_head_error sotto_head_watch_answer(sotto_head_watch* watch, sotto_head* head, const int8_t* features,
                                         sotto_head_answer* answer);

/* Counts are 0 again, when they have been reported; the usual stays. */
sotto_head_error sotto_head_watch_clear(sotto_head_watch* watch);

/* What the head makes of examples, as a round does of those held out. On failure *sums are as they were. */
sotto_head_error sotto_head_evaluate(sotto_head* head, sotto_head_samples samples, sotto_head_sums* sums);

/* Compares what two heads made of the same examples, of which `after` is the one in `head`. When it is worse
 * by more than fall_max the head goes back to its anchor, which must be the one that `before` tells of, as it
 * is after a round. SOTTO_HEAD_NO_ANCHOR: the options have none. SOTTO_HEAD_SAMPLES: not the same number. */
sotto_head_error sotto_head_watch_judge(const sotto_head_watch* watch, sotto_head* head,
                                        const sotto_head_sums* before, const sotto_head_sums* after,
                                        sotto_head_verdict* verdict);

#ifdef __cplusplus
}
#endif

#endif /* SOTTO_DEVICE_RUNTIME_HEAD_WATCH_H */
