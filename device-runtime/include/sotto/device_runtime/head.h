/* Training the head of a model on the board, for C and C++.
 *
 * The head is the model's last fully connected layer (FORMAT.md); the layers before it stay as they are. It
 * learns from the features that they leave, one example at a time or from a store of examples, the replay:
 *
 *   sotto_head_options options = {0};  // float32, the image's own loss and outputs
 *   options.replay_samples = 64;
 *   options.layer = 1;
 *   sotto_head_sizes sizes;
 *   error = sotto_head_measure(image, image_bytes, &options, &sizes);  // exact bytes, before flashing
 *   error = sotto_head_open(model, &options, seed, memory, sizeof memory, &head);
 *   const sotto_head_rates rates = {.learning_rate = 0.05f};
 *   error = sotto_head_set_rates(head, &rates);
 *   ...
 *   memcpy(sotto_model_input(model, 0).data, samples, sotto_model_input(model, 0).bytes);
 *   sotto_model_invoke_backbone(model);
 *   error = sotto_head_remember(head, sotto_model_features(model).data, &label);
 *   error = sotto_head_train(head, 100, &loss);  // whenever there is time
 *   error = sotto_head_apply(head);              // sotto_model_invoke() runs the trained head from now on
 *
 * Numbers: IEEE single precision, rounded to nearest, subnormals kept, one operation at a time and in one
 * order, on hosts and boards alike, with or without a floating-point unit; every draw follows from the seed.
 * The same calls give the same bytes everywhere. A core's unit must be as it is after reset (no flush to
 * zero). No heap, no global state, no double precision, no mathematical library. One head belongs to one
 * thread at a time, together with its model. The model and the memory must outlive it; sizes are the same on
 * hosts and boards.
 */
#ifndef SOTTO_DEVICE_RUNTIME_HEAD_H
#define SOTTO_DEVICE_RUNTIME_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/device_runtime/sotto_device.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOTTO_HEAD_CLASSES_MAX 256   /* outputs of a head that learns labels */
#define SOTTO_HEAD_OUTPUTS_MAX 16384 /* of one that learns values */
#define SOTTO_HEAD_REPLAY_SAMPLES_MAX 65535
#define SOTTO_HEAD_BATCH_MAX 16

/* What is wrong; sotto_head_error_text() says what to do. A call that fails has changed nothing, unless it
 * says otherwise. */
typedef enum sotto_head_error {
  SOTTO_HEAD_OK = 0,
  SOTTO_HEAD_NULL_ARGUMENT = 1,
  SOTTO_HEAD_NOT_AN_IMAGE = 2,
  SOTTO_HEAD_ABSENT = 3,         /* the model has no trainable head */
  SOTTO_HEAD_BAD_IMAGE = 4,      /* what the image says of its head contradicts itself */
  SOTTO_HEAD_ACTIVATION = 5,     /* the last layer has a fused activation */
  SOTTO_HEAD_FORM = 6,           /* options: form is no sotto_head_form */
  SOTTO_HEAD_LOSS = 7,           /* options: loss is no sotto_head_loss */
  SOTTO_HEAD_OUTPUTS = 8,        /* options: outputs_max */
  SOTTO_HEAD_REPLAY_SAMPLES = 9, /* options: replay_samples */
  SOTTO_HEAD_BATCH = 10,         /* options: batch, or more than one without a replay */
  SOTTO_HEAD_INT8_MOMENTUM = 11, /* options: momentum of int8 weights */
  SOTTO_HEAD_LAYER = 12,         /* options: a layer with more outputs than the image's */
  SOTTO_HEAD_SWITCH = 13,        /* options: momentum, anchor or layer is neither 0 nor 1 */
  SOTTO_HEAD_TOO_LARGE = 14,     /* it would take 2 GiB or more */
  SOTTO_HEAD_MISALIGNED = 15,    /* the memory is not on a SOTTO_ALIGNMENT boundary */
  SOTTO_HEAD_MEMORY_TOO_SMALL = 16,
  SOTTO_HEAD_LEARNING_RATE = 17,
  SOTTO_HEAD_MOMENTUM = 18,
  SOTTO_HEAD_WEIGHT_DECAY = 19,
  SOTTO_HEAD_PROXIMAL = 20,
  SOTTO_HEAD_NO_MOMENTUM = 21, /* the options have none */
  SOTTO_HEAD_NO_ANCHOR = 22,   /* the options have none */
  SOTTO_HEAD_NO_REPLAY = 23,   /* the options have none */
  SOTTO_HEAD_NO_LAYER = 24,    /* the options have none */
  SOTTO_HEAD_LABEL = 25,       /* no such class, or it was removed */
  SOTTO_HEAD_NOT_CLASSES = 26, /* this head learns values, it has no classes */
  SOTTO_HEAD_REPLAY_EMPTY = 27,
  SOTTO_HEAD_CLASSES_FULL = 28, /* all outputs_max classes are there */
  SOTTO_HEAD_LAST_CLASS = 29,
  SOTTO_HEAD_DIVERGED = 30,        /* outputs beyond +-1e15: the learning rate is too high */
  SOTTO_HEAD_COUNT = 31,           /* not as many values as the head has parameters */
  SOTTO_HEAD_VALUE = 32,           /* a value is not finite, or beyond +-1e15 */
  SOTTO_HEAD_SCALE = 33,           /* a weight's scale cannot be expressed as a multiplier */
  SOTTO_HEAD_NOT_THIS_HEAD = 34,   /* resumed with another image or other options, or damaged */
  SOTTO_HEAD_EPOCHS = 35,          /* these four of a round, head_round.h: no passes, or too many */
  SOTTO_HEAD_ROUND_BATCH = 36,     /* none, or more than the options' */
  SOTTO_HEAD_SAMPLES = 37,         /* no examples, or too many */
  SOTTO_HEAD_ROUND_UNDER_WAY = 38, /* finished before it was done */
  SOTTO_HEAD_CONFIDENCE = 39,      /* these four of a watch's options, head_watch.h */
  SOTTO_HEAD_FALL = 40,
  SOTTO_HEAD_HELD_OUT = 41,
  SOTTO_HEAD_DEVIATIONS = 42
} sotto_head_error;

/* A sentence for people; never NULL. */
const char* sotto_head_error_text(sotto_head_error error);

/* How weights are kept while they learn. */
typedef enum sotto_head_form {
  SOTTO_HEAD_FLOAT32 = 0,
  SOTTO_HEAD_INT8 = 1,  /* a scale for each row, rounded at random; biases are float32 */
  SOTTO_HEAD_BIASES = 2 /* weights stay in flash, biases learn: for heads that do not fit */
} sotto_head_form;

/* Of the outputs before SOFTMAX or LOGISTIC. */
typedef enum sotto_head_loss {
  SOTTO_LOSS_OF_IMAGE = 0, /* softmax or logistic when such an operator follows the head, else squared */
  SOTTO_LOSS_SOFTMAX = 1,  /* cross-entropy of one class among the present ones; targets are labels */
  SOTTO_LOSS_LOGISTIC = 2, /* the sum of every class's own cross-entropy; targets are labels. With
                              outputs_max 1 the labels are 0 (no) and 1 (yes) */
  SOTTO_LOSS_SQUARED = 3   /* half the sum of squared differences; targets are int8 in the output's scale */
} sotto_head_loss;

/* What decides the memory. All zero: float32, the image's loss, one example at a time, no replay. */
typedef struct sotto_head_options {
  uint32_t form;           /* a sotto_head_form */
  uint32_t loss;           /* a sotto_head_loss */
  uint32_t outputs_max;    /* classes at most; 0: as many as the image's. Not below the image's */
  uint32_t replay_samples; /* examples that are kept, at most 65535 */
  uint32_t batch;          /* examples of a step of sotto_head_train(), at most 16; 0 is 1 */
  uint32_t momentum;       /* 1: room for velocities */
  uint32_t anchor;         /* 1: room for a copy: the proximal term, the difference, the way back */
  uint32_t layer;          /* 1: room for the int8 layer that sotto_head_apply() makes */
} sotto_head_options;

/* Bytes; each part rounded up to 16. */
typedef struct sotto_head_sizes {
  uint32_t bytes;           /* all that sotto_head_open() takes */
  uint32_t state_bytes;     /* fixed */
  uint32_t parameter_bytes; /* weights and biases as they learn */
  uint32_t momentum_bytes;
  uint32_t anchor_bytes;
  uint32_t work_bytes; /* features and errors of a step, which classes are there */
  uint32_t replay_bytes;
  uint32_t layer_bytes;
  uint32_t features;   /* inputs of the head */
  uint32_t outputs;    /* of the image */
  uint32_t parameters; /* what sotto_head_read() gives: (features + 1) * outputs_max */
} sotto_head_sizes;

/* Checks the options and tells what they need. Reads the image's header and its records of the head, any
 * bytes may be given. On failure *sizes is all zero. */
sotto_head_error sotto_head_measure(const void* image, size_t image_bytes, const sotto_head_options* options,
                                    sotto_head_sizes* sizes);

/* An opened head; it lies at the start of its memory. */
typedef struct sotto_head sotto_head;

/* Starts from the image's weights, with its classes present and a learning rate of 0. `memory` is on a
 * SOTTO_ALIGNMENT boundary and may be the end of the model's arena. On failure *head is NULL. */
sotto_head_error sotto_head_open(sotto_model* model, const sotto_head_options* options, uint64_t seed,
                                 void* memory, size_t memory_bytes, sotto_head** head);

/* Goes on with memory that was kept or copied elsewhere (the first sizes.bytes of it): parameters, replay,
 * draws. Image and options must be the same; whether the bytes are what was kept is the keeper's to check
 * (a CRC). Any bytes are refused or safe. The layer is not applied: withdraw it
 * before memory moves. On failure *head is NULL. */
sotto_head_error sotto_head_resume(sotto_model* model, const sotto_head_options* options, void* memory,
                                   size_t memory_bytes, sotto_head** head);

/* What sotto_head_measure() said. */
sotto_head_error sotto_head_sizes_of(const sotto_head* head, sotto_head_sizes* sizes);

typedef struct sotto_head_rates {
  float learning_rate; /* 0 .. 1000 */
  float momentum;      /* 0 .. below 1; above 0 only with options.momentum */
  float weight_decay;  /* 0 .. 1000; of weights, not of biases; learning_rate * weight_decay at most 1 */
  float proximal;      /* 0 .. 1000, towards the anchor, also of biases; above 0 only with options.anchor;
                          learning_rate * proximal at most 1 */
} sotto_head_rates;

/* From now on. A parameter p with gradient g and anchor a goes by
 *   v = momentum * v + learning_rate * (g + weight_decay * p + proximal * (p - a));  p = p - v. */
sotto_head_error sotto_head_set_rates(sotto_head* head, const sotto_head_rates* rates);

/* Features: as many int8 as sizes.features, as the backbone leaves them. Targets: one byte, the label; of a
 * head that learns values, outputs_max int8 in the scale and with the zero point of the head's output. */

/* One step from one example. *loss, before the step, may be NULL. */
sotto_head_error sotto_head_step(sotto_head* head, const int8_t* features, const void* target, float* loss);

/* Keeps the example, or not: classes are kept in balance, within a class (or without classes) every example
 * ever shown is equally likely to be kept. */
sotto_head_error sotto_head_remember(sotto_head* head, const int8_t* features, const void* target);
/* Examples that are kept. */
uint32_t sotto_head_remembered(const sotto_head* head);
/* Drops them all. */
void sotto_head_forget(sotto_head* head);

/* `steps` steps of options.batch examples from the replay, in passes that show each example once, in an order
 * of their own. *loss, the mean before each step, may be NULL. SOTTO_HEAD_DIVERGED leaves the steps before
 * the one that was refused. */
sotto_head_error sotto_head_train(sotto_head* head, uint32_t steps, float* loss);

/* The outputs_max outputs, before SOFTMAX or LOGISTIC; of classes that are not there -infinity. */
sotto_head_error sotto_head_predict(sotto_head* head, const int8_t* features, float* outputs);
/* The class of the greatest output, the first of several; of a single logistic output, 1 when above 0. */
sotto_head_error sotto_head_classify(sotto_head* head, const int8_t* features, uint32_t* label);
/* How many of the replay's examples it classifies as their labels say. */
sotto_head_error sotto_head_check(sotto_head* head, uint32_t* right);

/* The lowest absent class becomes present, its weights and bias 0; *label names it. */
sotto_head_error sotto_head_add_class(sotto_head* head, uint32_t* label);
/* The class and its examples go; other labels stay as they are. */
sotto_head_error sotto_head_remove_class(sotto_head* head, uint32_t label);
/* Whether the class is there, 1 or 0. */
int sotto_head_has_class(const sotto_head* head, uint32_t label);

/* Parameters as float32: weights [outputs_max][features], then biases [outputs_max]; of biases-only heads the
 * weights are the image's. `count` must be sizes.parameters. */
sotto_head_error sotto_head_read(const sotto_head* head, float* parameters, size_t count);
/* What is written becomes the head; velocities become 0. int8 weights are rounded to nearest, each row with
 * the scale of its largest; biases-only heads take the biases and leave the rest. */
sotto_head_error sotto_head_write(sotto_head* head, const float* parameters, size_t count);

/* The anchor is the head as it is now; opening and writing set it too. */
sotto_head_error sotto_head_set_anchor(sotto_head* head);
/* The head as it is less the anchor, in the order of sotto_head_read(). */
sotto_head_error sotto_head_difference(const sotto_head* head, float* difference, size_t count);
/* The head becomes its anchor again, velocities become 0. */
sotto_head_error sotto_head_go_back(sotto_head* head);

/* Quantises the head as it is now into its layer. sotto_model_invoke() runs that in place of the image's,
 * with the kernel that runs the image's, until it is withdrawn; what is learned later needs another call.
 * Absent classes get the least output. */
sotto_head_error sotto_head_apply(sotto_head* head);
/* One row as sotto_head_apply() quantises it, for who writes the head elsewhere, as a .tflite: sizes.features
 * weights, their scale, and the bias in steps of the features' scale times that one. Does not need a layer.
 * SOTTO_HEAD_LABEL for a row that is not there. */
sotto_head_error sotto_head_quantized_row(const sotto_head* head, uint32_t row, int8_t* weights, float* scale,
                                          int32_t* bias);
/* The model runs the image's own head again. */
void sotto_head_withdraw(sotto_head* head);

#ifdef __cplusplus
}
#endif

#endif /* SOTTO_DEVICE_RUNTIME_HEAD_H */
