# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the documents."""

project = 'console_api'
copyright = 'console_api developers'
author = 'console_api developers'

extensions = [
    'openstackdocstheme',
    'oslo_config.sphinxext',
    'oslo_policy.sphinxext',
]
html_theme = 'openstackdocs'
html_theme_options = {'show_other_versions': False}
html_copy_source = False
html_static_path = ['_static']
openstackdocs_auto_name = False
openstackdocs_auto_version = False
