# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the API reference."""

project = 'Console API reference'
copyright = 'console_api developers'
author = 'console_api developers'

extensions = ['os_api_ref', 'openstackdocstheme']
html_theme = 'openstackdocs'
html_theme_options = {'sidebar_mode': 'toc', 'show_other_versions': False}
openstackdocs_auto_name = False
openstackdocs_auto_version = False
html_copy_source = False
