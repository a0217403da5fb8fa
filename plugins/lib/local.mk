# SPDX-License-Identifier: MIT
# Libraries that plugins link: one folder, one libbackplane-NAME.so.0 with its headers in include/backplane. They see public
# headers only, hold no instances and register nothing by themselves.

include plugins/lib/bridge/local.mk
include plugins/lib/file/local.mk
include plugins/lib/json/local.mk
include plugins/lib/net/local.mk
include plugins/lib/mqtt/local.mk
include plugins/lib/process/local.mk
include plugins/lib/store/local.mk
include plugins/lib/http/local.mk
include plugins/lib/session/local.mk
include plugins/lib/config/local.mk
