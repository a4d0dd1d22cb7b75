// A sensor that learns with others: it samples, answers for each window, keeps those that somebody labels with
// a button, and takes part in secure rounds over its serial port, on whose other end `sotto gateway --serial`
// waits. No sample leaves it; of what it learns only sums of many boards are ever seen.
//
// Two tabs are yours: model.h, which `sotto image compile model.tflite -o model.h --c-array` writes, and
// my_board.h with your board's flash and its generator of random numbers (PORTING.md says what they must keep).
#include <SottoFleet.h>

#include "model.h"
#include "my_board.h"

namespace board = sotto::board;

constexpr uint32_t kSampleEveryMs = 2;
constexpr uint32_t kGapMs = 500;  // a window with a longer one in it is none
constexpr int kSensor = A0;
constexpr int kButtons[] = {2, 3, 4, 5};  // one for each class, held while its window is recorded
constexpr int kUnsureLight = 13;

// ---- samples ----

class Sensor {
 public:
  bool isDue() const { return static_cast<int32_t>(millis() - next_) >= 0; }

  // One sample; a whole window is run, answered and, with a button, learned from.
  void sample(board::WindowTaker& taker) {
    if (millis() - next_ > kGapMs) {
      size_ = 0;
      next_ = millis();
    }
    next_ += kSampleEveryMs;
    const sotto::MutableBytes window = taker.window();
    window[size_++] = quantised(analogRead(kSensor));
    if (size_ < window.size()) return;
    size_ = 0;
    uint8_t label = 0;
    board::SampleAnswer answer;
    board::SampleRefusal why;
    if (taker.take_window(readLabel(label) ? &label : nullptr, answer, why)) show(answer);
  }

 private:
  // 10 bits to the int8 that this model was trained on.
  static uint8_t quantised(int reading) { return static_cast<uint8_t>((reading >> 2) - 128); }

  static bool readLabel(uint8_t& label) {
    for (label = 0; label < sizeof kButtons / sizeof kButtons[0]; ++label) {
      if (digitalRead(kButtons[label]) == LOW) return true;
    }
    return false;
  }

  // Act on answer.label here. There is none when the head is not sure: do what is safe then.
  static void show(const board::SampleAnswer& answer) {
    digitalWrite(kUnsureLight, answer.label == board::kNoLabel ? HIGH : LOW);
    Serial1.print("answer ");
    Serial1.print(answer.label);
    Serial1.print(" of ");
    Serial1.println(answer.confidence);
  }

  uint32_t next_ = 0;
  size_t size_ = 0;  // of the window so far
};

// ---- the board as the application sees it ----

class SketchPort final : public board::Port {
 public:
  sotto::Flash& flash() override { return boardFlash(); }
  uint32_t now_ms() override { return millis(); }

  // The core's ring of received bytes is often 64: make it 2,048 (SERIAL_RX_BUFFER_SIZE).
  bool read_line(uint8_t& byte, uint32_t wait_ms) override {
    const uint32_t from = millis();
    while (Serial.available() == 0) {
      if (millis() - from >= wait_ms || sensor_.isDue()) return false;
    }
    byte = static_cast<uint8_t>(Serial.read());
    return true;
  }
  bool write_line(sotto::Bytes bytes) override {
    Serial.write(bytes.data(), bytes.size());
    return true;
  }

  bool has_samples() const override { return true; }
  bool sample(board::WindowTaker& taker) override {
    if (!sensor_.isDue()) return false;
    sensor_.sample(taker);
    return true;
  }

  void say(const char* text, uint64_t number) override {
    Serial1.print(text);
    Serial1.print(" ");
    Serial1.println(static_cast<unsigned long>(number));
  }

 private:
  Sensor sensor_;
};

// ---- Arduino ----

alignas(SOTTO_ALIGNMENT) static uint8_t arena[board::profile::kArenaBytes];

void setup() {
  Serial.begin(115200);   // the gateway's
  Serial1.begin(115200);  // for people
  pinMode(kUnsureLight, OUTPUT);
  for (const int button : kButtons) pinMode(button, INPUT_PULLUP);
}

// Rounds without end; back only when something is wrong, which the last line says.
void loop() {
  static SketchPort port;
  const int result = board::run_application(
      {.port = port, .image = {model, sizeof model}, .arena = arena, .kernels = model_kernels}, UINT32_MAX);
  port.say("the application has ended", result);
  delay(10000);
}
