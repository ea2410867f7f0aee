# SPDX-License-Identifier: Apache-2.0
"""What is asked of the API, the same of a registry of any size."""

from collections.abc import Callable
import random

from benchmarks.scale import population
from benchmarks.scale import stores

#: Servers on a page; a smaller project has more.
PAGE = 20

Question = Callable[[stores.Store, random.Random], object]


def _any(store: stores.Store, chance: random.Random) -> int:
    return chance.randrange(store.population.servers)


def _create(store: stores.Store, chance: random.Random) -> object:
    return store.call(
        'POST',
        f'/v2.1/servers/{population.server_id(_active(store, chance))}'
        '/remote-consoles',
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
    )


def _active(store: stores.Store, chance: random.Random) -> int:
    # Two in one of these are in a state of their own.
    rare = max(1, store.population.servers // population.RARE)
    number = _any(store, chance)
    return number - 1 if number % rare in (1, 2) else number


def _show(store: stores.Store, chance: random.Random) -> object:
    return store.call(
        'GET', f'/v2.1/servers/{population.server_id(_any(store, chance))}'
    )


def _token(store: stores.Store, chance: random.Random) -> object:
    number = chance.randrange(store.population.tokens)
    return store.call(
        'GET',
        f'/v2.1/os-console-auth-tokens/{population.token(number).reveal()}',
    )


def _list(
    query: Callable[[stores.Store, random.Random], str],
    rows: int = PAGE,
    project: Callable[[stores.Store, random.Random], str] | None = None,
) -> Question:
    """A page that must have so many servers, of a project or of all."""

    def ask(store: stores.Store, chance: random.Random) -> object:
        path = f'/v2.1/servers/detail?limit={PAGE}&{query(store, chance)}'
        if project is None:
            answer = store.call('GET', f'{path}&all_tenants=1')
        else:
            caller = f'user:{project(store, chance)}:member'
            answer = store.call('GET', path, token=caller)
        if len(answer['servers']) != rows:
            raise RuntimeError(f'{path}: {len(answer["servers"])} servers')
        return answer

    return ask


def _fixed(query: str) -> Callable[[stores.Store, random.Random], str]:
    return lambda _store, _chance: query


def _small(store: stores.Store, chance: random.Random) -> str:
    return population.project(_any(store, chance) // 2 * 2)


_large = _fixed(population.LARGE)


def _deep(store: stores.Store, _chance: random.Random) -> str:
    # A server of the large project, with the older half after it.
    number = store.population.servers // 2 - 1
    return f'marker={population.server_id(number | 1)}'


def _host(store: stores.Store, chance: random.Random) -> str:
    number = chance.randrange(store.population.hosts)
    return f'host={population.host(number)}'


def _name(store: stores.Store, chance: random.Random) -> str:
    return f'name=^{population.name(_any(store, chance))}$'


def _name_in_large(store: stores.Store, chance: random.Random) -> str:
    return f'name=^{population.name(_any(store, chance) | 1)}$'


QUESTIONS: dict[str, Question] = {
    'create': _create,
    'show': _show,
    'token': _token,
    'list, small project': _list(_fixed(''), project=_small),
    'list, large project': _list(_fixed(''), project=_large),
    '... from the middle': _list(_deep, project=_large),
    '... name=^x$': _list(_name_in_large, 1, project=_large),
    '... status=ERROR': _list(_fixed('status=ERROR'), PAGE, project=_large),
    'list, all': _list(_fixed('')),
    '.... from the middle': _list(_deep),
    '.... host': _list(_host),
    '.... status=ACTIVE': _list(_fixed('status=ACTIVE')),
    '.... status=ERROR': _list(_fixed('status=ERROR')),
    '.... status=REBOOT': _list(_fixed('status=REBOOT')),
    '.... name=^x$': _list(_name, 1),
    '.... name=x': _list(_fixed('name=erver-')),
    '.... name of none': _list(_fixed('name=nobody'), 0),
}
