# SPDX-License-Identifier: Apache-2.0
"""What is true of SQLite is true of MariaDB."""

from tests.functional.db import base
from tests.functional.db import test_api
from tests.functional.db import test_migration
from tests.functional.db import test_plans
from tests.functional.db import test_servers
from tests.functional.db import test_tokens


class TransactionTest(test_api.TransactionTest):
    backend = base.MariaDB()


class MigrationTest(test_migration.MigrationTest):
    backend = base.MariaDB()


class EmptyDatabaseTest(test_migration.EmptyDatabaseTest):
    backend = base.MariaDB()


class PlansTest(test_plans.PlansTest):
    backend = base.MariaDB()


class ServersTest(test_servers.ServersTest):
    backend = base.MariaDB()


class PageTest(test_servers.PageTest):
    backend = base.MariaDB()


class TokensTest(test_tokens.TokensTest):
    backend = base.MariaDB()


class ClaimTest(test_tokens.ClaimTest):
    backend = base.MariaDB()


class RevokeTest(test_tokens.RevokeTest):
    backend = base.MariaDB()


class PurgeTest(test_tokens.PurgeTest):
    backend = base.MariaDB()
