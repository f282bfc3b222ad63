/* SPDX-License-Identifier: MIT */
#pragma once

#include "source.h"

#ifdef __cplusplus
extern "C" {
#endif

struct subid_host {
	struct subid_text shadow; /* of etc/shadow; empty if it may not be read */
};

#ifdef __cplusplus
}
#endif
