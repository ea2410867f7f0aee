# SPDX-License-Identifier: Apache-2.0
"""Options of the address at which a conductor tells of itself."""

from console_api.conf import status

GROUP = 'conductor_status'

OPTS = status.options(GROUP, 'conductor')
