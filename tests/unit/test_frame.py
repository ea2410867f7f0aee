# SPDX-License-Identifier: Apache-2.0
"""What stands around the code fits the code."""

import configparser
import importlib
import json
import pathlib
import re
import unittest

from oslo_config import cfg
from oslo_config import generator
from oslo_policy import generator as policy_generator
from packaging import requirements
from packaging import version
import yaml

from console_api import conf as console_conf
from console_api import policies
from tests import base
from tests.fixtures import source

ROOT = source.ROOT
REQUIREMENTS = (
    'requirements.txt',
    'test-requirements.txt',
    'doc/requirements.txt',
)
NOTE_NAME = re.compile(r'[a-z0-9-]+-[0-9a-f]{16}\.yaml')
NOTE_SECTIONS = frozenset(
    {
        'critical',
        'deprecations',
        'features',
        'fixes',
        'issues',
        'other',
        'prelude',
        'security',
        'upgrade',
    }
)
SAMPLE = re.compile(r'literalinclude:: \.\./\.\./(doc/api_samples/\S+)')


def setup_cfg() -> configparser.ConfigParser:
    """The package's own description."""
    parser = configparser.ConfigParser(delimiters=('=',))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / 'setup.cfg', encoding='utf-8')
    return parser


def lines(text: str) -> list[str]:
    """The lines that say something, without comments."""
    stripped = (line.partition(' #')[0].strip() for line in text.split('\n'))
    return [line for line in stripped if line and line[0] != '#']


class EntryPointTest(base.TestCase):
    def test_each_entry_point_loads(self) -> None:
        section = setup_cfg()['options.entry_points']
        self.assertNotEqual([], list(section))
        for group in section:
            for line in lines(section[group]):
                with self.subTest(group=group, line=line):
                    target = line.partition('=')[2].strip()
                    module, _, name = target.partition(':')
                    found = getattr(importlib.import_module(module), name)
                    self.assertTrue(callable(found))


class RequirementTest(unittest.TestCase):
    """Each requirement has a version that is installed and tested."""

    def setUp(self) -> None:
        text = (ROOT / 'constraints.txt').read_text(encoding='utf-8')
        pins = (line.split('==') for line in lines(text))
        self.pins = {name: version.Version(number) for name, number in pins}

    def check(self, text: str) -> None:
        wanted = lines(text)
        self.assertNotEqual([], wanted)
        for line in wanted:
            with self.subTest(line):
                requirement = requirements.Requirement(line)
                name = re.sub(r'[-_.]+', '-', requirement.name).lower()
                advice = 'run tools/update-constraints'
                self.assertIsNotNone(self.pins.get(name), advice)
                self.assertIn(self.pins[name], requirement.specifier)

    def test_requirements_are_pinned(self) -> None:
        for name in REQUIREMENTS:
            self.check((ROOT / name).read_text(encoding='utf-8'))

    def test_requirements_of_extras_are_pinned(self) -> None:
        section = setup_cfg()['options.extras_require']
        for name in section:
            self.check(section[name])

    def test_requirements_name_their_licence(self) -> None:
        for name in REQUIREMENTS:
            text = (ROOT / name).read_text(encoding='utf-8')
            for line in text.splitlines():
                if not line.startswith('#'):
                    self.assertRegex(line, r'^\S+>=[\d.]+ # \S')


class OptionTest(unittest.TestCase):
    @staticmethod
    def options() -> list[tuple[str, cfg.Opt]]:
        return [
            (f'[{group}] {option.name}', option)
            for group, options in console_conf.list_opts()
            for option in options
        ]

    def test_help_starts_with_a_sentence(self) -> None:
        for name, option in self.options():
            with self.subTest(name):
                first = (option.help or '').strip().split('\n\n')[0]
                self.assertRegex(first, r'(?s)^[A-Z].*\.$')

    def test_help_fits_a_sample_file(self) -> None:
        for name, option in self.options():
            with self.subTest(name):
                widest = max(map(len, (option.help or '').split('\n')))
                self.assertLessEqual(widest, 79)

    def test_choices_are_explained(self) -> None:
        for name, option in self.options():
            choices = getattr(option.type, 'choices', None) or {}
            for choice in choices:
                with self.subTest(name, choice=choice):
                    self.assertTrue(choices[choice])

    def test_no_secret_has_a_default(self) -> None:
        for name, option in self.options():
            if option.secret:
                with self.subTest(name):
                    self.assertIsNone(option.default)


class SampleTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = self.create_tempfiles([('sample', '')])[0]
        self.target = pathlib.Path(folder)

    def test_sample_configuration_has_each_option(self) -> None:
        conf = cfg.ConfigOpts()
        generator.register_cli_opts(conf)
        etc = ROOT / 'etc' / 'console-api' / 'config-generator.conf'
        target = ['--output-file', str(self.target)]
        conf(['--config-file', str(etc), *target], default_config_files=[])
        generator.generate(conf)
        sample = self.target.read_text(encoding='utf-8')
        for group, options in console_conf.list_opts():
            self.assertIn(f'\n[{group}]\n', f'\n{sample}')
            for option in options:
                self.assertIn(f'\n#{option.dest} =', sample)

    def test_sample_policy_has_each_rule(self) -> None:
        conf = cfg.ConfigOpts()
        etc = ROOT / 'etc' / 'console-api' / 'policy-generator.conf'
        target = ['--output-file', str(self.target)]
        policy_generator.generate_sample(
            ['--config-file', str(etc), *target], conf
        )
        sample = self.target.read_text(encoding='utf-8')
        for rule in policies.list_rules():
            self.assertIn(f'#"{rule.name}": "{rule.check_str}"', sample)


class DocumentTest(unittest.TestCase):
    def test_samples_and_reference_name_each_other(self) -> None:
        named = set()
        for path in (ROOT / 'api-ref' / 'source').glob('*.inc'):
            named |= set(SAMPLE.findall(path.read_text(encoding='utf-8')))
        folder = ROOT / 'doc' / 'api_samples'
        there = {str(p.relative_to(ROOT)) for p in folder.rglob('*.json')}
        self.assertEqual(there, named)

    def test_samples_are_json(self) -> None:
        paths = list((ROOT / 'doc' / 'api_samples').rglob('*.json'))
        self.assertNotEqual([], paths)
        for path in paths:
            with self.subTest(path.name):
                json.loads(path.read_text(encoding='utf-8'))

    def test_release_notes_have_known_sections(self) -> None:
        for path in (ROOT / 'releasenotes' / 'notes').iterdir():
            with self.subTest(path.name):
                self.assertRegex(path.name, NOTE_NAME)
                note = yaml.safe_load(path.read_text(encoding='utf-8'))
                self.assertLessEqual(set(note), NOTE_SECTIONS)

    def test_hooks_fetch_nothing(self) -> None:
        text = (ROOT / '.pre-commit-config.yaml').read_text(encoding='utf-8')
        repositories = yaml.safe_load(text)['repos']
        self.assertEqual(['local'], [r['repo'] for r in repositories])
        for hook in repositories[0]['hooks']:
            self.assertEqual('system', hook['language'], hook['id'])


class SourceFileTest(unittest.TestCase):
    def test_each_python_file_states_its_licence(self) -> None:
        for package in ('console_api', 'tests', 'tools', 'benchmarks'):
            for path in (ROOT / package).rglob('*.py'):
                text = path.read_text(encoding='utf-8')
                with self.subTest(str(path)):
                    if text:
                        head = '# SPDX-License-Identifier: Apache-2.0\n'
                        self.assertTrue(text.startswith(head))

    def test_each_folder_of_tests_is_a_package(self) -> None:
        for path in (ROOT / 'tests').rglob('*.py'):
            with self.subTest(str(path)):
                self.assertTrue((path.parent / '__init__.py').exists())
