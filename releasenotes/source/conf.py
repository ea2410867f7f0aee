# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the release notes."""

project = 'console_api release notes'
copyright = 'console_api developers'
author = 'console_api developers'

extensions = ['openstackdocstheme', 'reno.sphinxext']
html_theme = 'openstackdocs'
html_theme_options = {'show_other_versions': False}
html_copy_source = False
openstackdocs_auto_name = False
openstackdocs_auto_version = False
