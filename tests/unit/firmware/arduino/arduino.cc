#include "Arduino.h"

#include "board.h"
#include "console.h"
#include "semihosting.h"
#include "serial_line.h"
#include "sotto/crypto/entropy.h"

namespace {

namespace board = sotto::board;
using board::serial_line::Line;

constexpr uint32_t kWindowBytes = 64;

// Windows of the file `samples`, once each: what the sensor reads, and which button is held at its end. A
// board without the file, or behind its end, reads nothing but zeros, and no button is held.
class Recording {
 public:
  int next() {
    if (at_ == kWindowBytes) read();
    return static_cast<uint8_t>(window_[at_++] + 128) * 4;
  }
  [[nodiscard]] int label() const { return has_label_ ? window_[kWindowBytes] : -1; }

 private:
  void read() {
    sotto::semihosting::File file("samples", sotto::semihosting::Mode::kRead);
    has_label_ = file.seek(place_) && file.read({window_, sizeof window_});
    place_ += has_label_ ? sizeof window_ : 0;
    at_ = 0;
  }
  uint8_t window_[kWindowBytes + 1] = {};
  uint32_t place_ = 0;
  uint32_t at_ = kWindowBytes;
  bool has_label_ = false;
};
Recording recording;

}  // namespace

HardwareSerial Serial(true), Serial1(false);

void HardwareSerial::begin(unsigned long) {
  if (is_line_) board::serial_line::open(Line::kGateway);
}
int HardwareSerial::available() {
  uint8_t byte = 0;
  if (next_ < 0 && is_line_ && board::serial_line::read(Line::kGateway, byte)) next_ = byte;
  if (next_ < 0) board::serial_line::sleep(1);
  return next_ < 0 ? 0 : 1;
}
int HardwareSerial::read() {
  const int byte = next_;
  next_ = -1;
  return byte;
}
size_t HardwareSerial::write(const uint8_t* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) board::serial_line::write(Line::kGateway, bytes[i]);
  return count;
}
void HardwareSerial::print(const char* text) { sotto::console::print(text); }
void HardwareSerial::print(unsigned long number) { sotto::console::print(static_cast<uint32_t>(number)); }
void HardwareSerial::println(unsigned long number) { sotto::console::line(static_cast<uint32_t>(number)); }

unsigned long millis() {
  static uint64_t ticks = 0;
  static uint32_t last = 0;
  const uint32_t now = board::counter_ticks();
  ticks += now - last;
  last = now;
  return static_cast<unsigned long>(ticks / (board::kCounterHz / 1000));
}
// A sketch waits after something was wrong: a test has no time for that.
void delay(unsigned long) { sotto::semihosting::exit(1); }
void pinMode(int, int) {}
void digitalWrite(int, int) {}
int digitalRead(int pin) { return recording.label() == pin - 2 ? LOW : HIGH; }
int analogRead(int) { return recording.next(); }

extern "C" int sotto_board_entropy(uint8_t* out, size_t count) {
  sotto::semihosting::File host("/dev/urandom", sotto::semihosting::Mode::kRead);
  return host.read({out, count}) ? 1 : 0;
}

int main() {
  setup();
  for (;;) loop();
}
