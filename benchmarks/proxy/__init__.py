# SPDX-License-Identifier: Apache-2.0
"""The proxy's performance, with websockify and HAProxy beside it."""
