# SPDX-License-Identifier: Apache-2.0
"""What has gone wrong in console systems elsewhere, and does not here."""
