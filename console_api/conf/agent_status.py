# SPDX-License-Identifier: Apache-2.0
"""Options of the address at which an agent tells of itself."""

from console_api.conf import status

GROUP = 'agent_status'

OPTS = status.options(GROUP)
