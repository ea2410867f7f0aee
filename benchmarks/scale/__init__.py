# SPDX-License-Identifier: Apache-2.0
# It chooses threads for oslo's libraries, before they choose for themselves.
import console_api  # noqa: F401
