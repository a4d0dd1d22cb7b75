#include "sotto/client/session.h"

#include "sotto/client/client.h"
