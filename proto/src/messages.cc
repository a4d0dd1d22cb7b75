#include "sotto/proto/messages.h"
