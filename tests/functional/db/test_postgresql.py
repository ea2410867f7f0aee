# SPDX-License-Identifier: Apache-2.0
"""What is true of SQLite is true of PostgreSQL."""

from tests.functional.db import base
from tests.functional.db import test_api
from tests.functional.db import test_migration
from tests.functional.db import test_plans
from tests.functional.db import test_servers
from tests.functional.db import test_tokens


class TransactionTest(test_api.TransactionTest):
    backend = base.PostgreSQL()


class MigrationTest(test_migration.MigrationTest):
    backend = base.PostgreSQL()


class EmptyDatabaseTest(test_migration.EmptyDatabaseTest):
    backend = base.PostgreSQL()


class PlansTest(test_plans.PlansTest):
    backend = base.PostgreSQL()


class ServersTest(test_servers.ServersTest):
    backend = base.PostgreSQL()


class PageTest(test_servers.PageTest):
    backend = base.PostgreSQL()


class TokensTest(test_tokens.TokensTest):
    backend = base.PostgreSQL()


class ClaimTest(test_tokens.ClaimTest):
    backend = base.PostgreSQL()


class RevokeTest(test_tokens.RevokeTest):
    backend = base.PostgreSQL()


class PurgeTest(test_tokens.PurgeTest):
    backend = base.PostgreSQL()
