// As much of Arduino's interface as the sketches of packages/ use, for the emulated boards: Serial is the
// first UART, Serial1 the console, the sensor and the buttons play the file `samples`: windows, each with its
// label.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { LOW, HIGH };
enum { INPUT, OUTPUT, INPUT_PULLUP };
inline constexpr int A0 = 14;

class HardwareSerial {
 public:
  explicit constexpr HardwareSerial(bool is_line) : is_line_(is_line) {}
  void begin(unsigned long baud);
  int available();
  int read();
  size_t write(const uint8_t* bytes, size_t count);
  void print(const char* text);
  void print(unsigned long number);
  void println(unsigned long number);

 private:
  const bool is_line_;
  int next_ = -1;
};
extern HardwareSerial Serial, Serial1;

unsigned long millis();
void delay(unsigned long ms);
void pinMode(int pin, int mode);
int digitalRead(int pin);
void digitalWrite(int pin, int value);
int analogRead(int pin);

void setup();
void loop();
