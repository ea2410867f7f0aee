# SPDX-License-Identifier: Apache-2.0
"""The revisions of the schema are one chain."""

from alembic import config
from alembic import script

from tests import base


class RevisionsTest(base.TestCase):
    def test_there_is_one_newest(self) -> None:
        settings = config.Config()
        settings.set_main_option('script_location', 'console_api.db:alembic')
        found = script.ScriptDirectory.from_config(settings)
        self.assertEqual(1, len(found.get_heads()))
        self.assertEqual(1, len(found.get_bases()))
        files = [one.revision for one in found.walk_revisions()]
        self.assertEqual(len(files), len(set(files)))
