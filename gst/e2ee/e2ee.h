/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Everything of the library; the only header to include. */
#include <gst/e2ee/e2ee-enums.h>
#include <gst/e2ee/e2ee-prelude.h>
#include <gst/e2ee/gste2eedatacryptor.h>
#include <gst/e2ee/gste2eeframe.h>
#include <gst/e2ee/gste2eeframecryptor.h>
#include <gst/e2ee/gste2eekeymaterial.h>
#include <gst/e2ee/gste2eekeyprovider.h>
#include <gst/e2ee/gste2eemeta.h>
#include <gst/e2ee/gste2eeparticipantkeyprovider.h>
#include <gst/e2ee/gste2eesharedkeyprovider.h>
