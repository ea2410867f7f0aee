# SPDX-License-Identifier: Apache-2.0
"""Options of the address at which a proxy tells of itself."""

from console_api.conf import status

GROUP = 'proxy_status'

OPTS = status.options(GROUP, 'proxy')
