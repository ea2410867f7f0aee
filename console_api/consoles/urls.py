# SPDX-License-Identifier: Apache-2.0
"""The URL of a console: the operator's base URL with the token in its query.

API.md, section URLs: the result has a ``?`` and no ``#``, because dashboards
append parameters of their own with ``&``.
"""

from urllib import parse

from console_api.consoles import types


def console_url(rule: types.UrlRule, base_url: str, token: str) -> str:
    """The URL to hand out.

    The query of the base URL is kept. With ``UrlRule.PATH`` the token goes
    into the value of ``path``, after the value that the base URL gives it.
    """
    parts = parse.urlsplit(base_url)
    query = parse.parse_qsl(parts.query, keep_blank_values=True)
    question = parse.urlencode({'token': token})
    if rule is types.UrlRule.TOKEN:
        query.append(('token', token))
    else:
        given = dict(query)
        query = [(name, value) for name, value in query if name != 'path']
        query.append(('path', f'{given.get("path", "")}?{question}'))
    return parse.urlunsplit(
        parts._replace(query=parse.urlencode(query), fragment='')
    )


def view_only_url(url: str) -> str:
    """The URL of a console that shows its page that it is view-only.

    This is the name that noVNC's own pages have for it. What is kept from
    the guest is not up to any page.
    """
    return f'{url}&view_only=true'
