# SPDX-License-Identifier: Apache-2.0
"""What a fault costs, and how long it is felt: run one of the modules."""
