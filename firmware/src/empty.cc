// Start-up code and nothing else: what every firmware here has before the runtime is in it.
#include "board.h"

int main() { return 0; }
