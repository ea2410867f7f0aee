# SPDX-License-Identifier: Apache-2.0
"""The use cases: get a console of a server, look up what a token is for."""

from collections.abc import Sequence

from oslo_log import log as logging
from oslo_utils import timeutils

from console_api import context as console_context
from console_api import exception
from console_api.agent import rpcapi as agent_rpcapi
from console_api.consoles import access
from console_api.consoles import output
from console_api.consoles import states
from console_api.consoles import targets
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.consoles import urls
from console_api.db import agents as db_agents
from console_api.db import api as db_api
from console_api.db import tokens as db_tokens
from console_api.servers import directory

LOG = logging.getLogger(__name__)


class ConsoleBroker:
    """Brings servers, agents and stored tokens together.

    ``ttl`` is how long a token is good for, in seconds. The clock that
    counts is this process's, never an agent's. ``allowed`` is where consoles
    may listen besides the addresses that the agent of the host registered.
    ``use`` says how many sessions a token is good for.
    """

    def __init__(
        self,
        database: db_api.Database,
        agents: agent_rpcapi.AgentAPI,
        ttl: int,
        allowed: targets.AllowedTargets | None = None,
        use: tokens.Use | None = None,
    ) -> None:
        self._database = database
        self._agents = agents
        self._ttl = ttl
        self._allowed = allowed or targets.AllowedTargets(())
        self._use = use or tokens.Use()

    def create(
        self,
        context: console_context.RequestContext,
        granted: access.ConsoleAccess,
        console_type: types.ConsoleType,
    ) -> str:
        """The URL of a new console; it carries the token.

        Where the access is view-only, no input through it reaches the guest.

        One call of the agent and one transaction; nothing is stored unless
        the agent answered with an address of its host, and only the agent of
        a host that was let in is asked.

        :raises PolicyNotAuthorized: the input of such a console cannot be
            kept back, and the caller may only look
        :raises InstanceNotReady: no host or no guest yet
        :raises InstanceInvalidState: the guest does not run
        :raises InstanceNotFound: the guest is gone
        :raises ConsoleTypeInvalid: no driver offers the type any more
        :raises ConsoleTypeUnavailable: switched off, or no such device
        :raises NotSupported: the hypervisor cannot do it
        :raises HostUnavailable: the host has no agent, the agent did not
            answer, or named an address that is not its host's
        :raises DatabaseUnavailable: the token could not be stored
        """
        server, view_only = granted.server, granted.view_only
        if view_only and not console_type.viewable:
            raise exception.PolicyNotAuthorized(granted.rule)
        host = states.check_ready(server, console_type)
        registered = self._registered(server, host)
        issued = self._issue(context, server, host, console_type)
        now = int(timeutils.utcnow_ts())
        record = db_tokens.TokenRecord(
            token_hash=issued.token.digest(),
            server_id=server.id,
            project_id=server.project_id,
            user_id=context.user_id,
            console_type=console_type.name,
            agent_host=host,
            host=issued.connect.host,
            port=issued.connect.port,
            tls_port=issued.connect.tls_port,
            internal_access_path=issued.connect.internal_access_path,
            created_at=now,
            expires_at=now + self._ttl,
            view_only=view_only,
        )
        if not self._listens(record, registered):
            raise exception.HostUnavailable(server.id)
        self._database.write(
            lambda connection: db_tokens.add(connection, record)
        )
        return urls.view_only_url(issued.url) if view_only else issued.url

    def _issue(
        self,
        context: console_context.RequestContext,
        server: directory.Server,
        host: str,
        console_type: types.ConsoleType,
    ) -> agent_rpcapi.IssuedConsole:
        try:
            return self._agents.get_console(
                context, host, server.id, console_type.name
            )
        except exception.InstanceNotFound as exc:
            if server.vm_state == 'building':
                raise exception.InstanceNotReady(server.id) from exc
            raise

    def _registered(
        self, server: directory.Server, host: str
    ) -> Sequence[str]:
        """Where the agent of the server's host said that consoles listen.

        :raises HostUnavailable: the host has no agent that was let in
        """
        if server.targets is not None:
            return server.targets
        with self._database.reader() as connection:
            agent = db_agents.get(connection, host)
        if agent is None:
            LOG.warning(
                'Server %(server)s is on %(host)s, which has no agent: '
                'console-api-manage agent enrol %(host)s',
                {'server': server.id, 'host': host},
            )
            raise exception.HostUnavailable(server.id)
        return db_agents.addresses(agent.addresses)

    def _listens(
        self, record: db_tokens.TokenRecord, registered: Sequence[str]
    ) -> bool:
        """Whether consoles of the host may listen there; tells if not."""
        if record.host in self._allowed or targets.is_registered(
            record.host, registered
        ):
            return True
        LOG.error(
            'The agent of %(agent)s names %(target)s for a console of server '
            '%(server)s; %(known)s registered, and [console] allowed_targets '
            'does not have it%(why)s',
            {
                'agent': record.agent_host,
                'target': record.host,
                'server': record.server_id,
                'known': f'only {",".join(registered)} is'
                if registered
                else 'nothing is',
                'why': ', as an address that is not of one host alone must be'
                if targets.is_near(record.host)
                else '',
            },
        )
        return False

    def grant(
        self,
        context: console_context.RequestContext,
        token_hash: str,
        session: bool = False,
        *,
        views: bool = False,
        key: tokens.SessionKey | None = None,
    ) -> types.ConsoleGrant:
        """What the token with this SHA-256 is good for now.

        One indexed read and one call of the agent, which confirms that the
        port still belongs to the server. Its host must still have an agent,
        and the console an address of that host. For a ``session`` that begins
        the agent also gives the password for the hypervisor. ``views``: the
        one who asks keeps the input of a view-only console back; nobody else
        gets such a grant.

        Where tokens are good for one session, one that begins uses its token,
        and ``key`` is what its client is known by; a look-up uses none. One
        with ``views`` and without a key asks for a file for a native client:
        it finds, and uses, tokens for these only.

        :raises TokenNotFound: unknown, expired, revoked or used, or not
            confirmed
        :raises HostUnavailable: the host has no agent, or it did not answer
        :raises DatabaseUnavailable: the token could not be read
        """
        now = int(timeutils.utcnow_ts())
        record = self._read(token_hash, now, views)
        if session and views and key is None:
            self._check_native(record)
        self._check_use(record, key, now)
        connect = _address(record)
        ask = self._agents.enter_console if session else self._confirm_console
        entry = ask(
            context,
            record.agent_host,
            record.server_id,
            record.console_type,
            connect,
        )
        if not entry.confirmed:
            raise exception.TokenNotFound()
        until = self._claim(record, key, now) if session else None
        return types.ConsoleGrant(
            server_id=record.server_id,
            console_type=record.console_type,
            connect=connect,
            expires_at=record.expires_at,
            project_id=record.project_id,
            user_id=record.user_id,
            secret=entry.secret,
            view_only=record.view_only,
            rejoin_until=until,
        )

    def _read(
        self, token_hash: str, now: int, views: bool
    ) -> db_tokens.TokenRecord:
        """The token, whose console still is at an address of its host."""
        with self._database.reader() as connection:
            found = db_tokens.find(connection, token_hash, now)
        if found is None or (found[0].view_only and not views):
            raise exception.TokenNotFound()
        return self._check_place(*found)

    def _check_place(
        self, record: db_tokens.TokenRecord, registered: str | None
    ) -> db_tokens.TokenRecord:
        """The record, if consoles may still listen where it says.

        :raises HostUnavailable: the host has no agent
        :raises TokenNotFound: they may not
        """
        if registered is None:
            raise exception.HostUnavailable(record.server_id)
        if not self._listens(record, db_agents.addresses(registered)):
            raise exception.TokenNotFound()
        return record

    def _check_native(self, record: db_tokens.TokenRecord) -> None:
        """Return if such a token may be used for a file.

        :raises TokenNotFound: it would be lost, for nothing
        """
        row = types.CONSOLE_TYPES.get(record.console_type)
        if self._use.single and not (row and row.native):
            raise exception.TokenNotFound()

    def _check_use(
        self,
        record: db_tokens.TokenRecord,
        key: tokens.SessionKey | None,
        now: int,
    ) -> None:
        """Return if the token is not used, or its client comes back.

        :raises TokenNotFound: neither
        """
        if not self._use.single or record.used_at is None:
            return
        if (
            key is None
            or key.shown is None
            or key.shown != record.session_hash
            or now >= record.used_at + self._use.window
        ):
            raise exception.TokenNotFound()

    def _claim(
        self,
        record: db_tokens.TokenRecord,
        key: tokens.SessionKey | None,
        now: int,
    ) -> int | None:
        """Use the token; until when its client may come back.

        :raises TokenNotFound: another session was faster
        """
        if not self._use.single or record.used_at is not None:
            return None
        offered = None if key is None else key.offered
        claimed = self._database.write(
            lambda connection: db_tokens.claim(
                connection, record.token_hash, offered, now
            )
        )
        if not claimed:
            raise exception.TokenNotFound()
        if offered is None or not self._use.window:
            return None
        return min(now + self._use.window, record.expires_at)

    def _confirm_console(
        self,
        context: console_context.RequestContext,
        host: str,
        server_id: str,
        console_type: str,
        connect: types.ConnectInfo,
    ) -> agent_rpcapi.Entry:
        return agent_rpcapi.Entry(
            self._agents.confirm_console(
                context, host, server_id, console_type, connect
            )
        )

    def console_output(
        self,
        context: console_context.RequestContext,
        granted: access.OutputAccess,
        lines: int | None,
    ) -> str:
        """The last lines of what the guest wrote; None and -1 mean all.

        :raises ConsoleNotAvailable: nothing is kept, or no guest yet
        :raises InstanceNotReady: the server has no host
        :raises InstanceNotFound: the guest is gone
        :raises NotSupported: the hypervisor cannot do it
        :raises HostUnavailable: the host has no agent, or it did not answer
        """
        server = granted.server
        building = server.vm_state == 'building'
        if server.host is None:
            if building:
                raise exception.ConsoleNotAvailable()
            raise exception.InstanceNotReady(server.id)
        self._registered(server, server.host)
        try:
            text = self._agents.get_console_output(
                context, server.host, server.id, output.MAX_BYTES
            )
        except exception.InstanceNotFound as exc:
            if building:
                raise exception.ConsoleNotAvailable() from exc
            raise
        return output.last_lines(text, lines)


def _address(record: db_tokens.TokenRecord) -> types.ConnectInfo:
    return types.ConnectInfo(
        host=record.host,
        port=record.port,
        internal_access_path=record.internal_access_path,
        tls_port=record.tls_port,
    )
