#include "sotto/crypto/primitives.h"
