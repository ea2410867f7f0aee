# SPDX-License-Identifier: Apache-2.0
"""Simulated servers that are on no host, or on one without an agent."""

import dataclasses

from oslo_config import cfg

from console_api.servers import reports
from console_api.virt.fake import inventory


def place_strangers(
    conf: cfg.ConfigOpts, recorder: reports.ReportRecorder
) -> None:
    """Register the simulated servers that the agent here will not report."""
    if conf.agent.driver != 'fake' or not conf.fake.inventory:
        return
    strangers: dict[str | None, list[reports.ReportedServer]] = {}
    for server in inventory.load(conf.fake.inventory):
        host = server.host_seen_from(conf.host)
        if host != conf.host:
            strangers.setdefault(host, []).append(_reported(server))
    for host, servers in strangers.items():
        recorder.place(host, servers)


def _reported(server: inventory.SimulatedServer) -> reports.ReportedServer:
    return reports.parse(
        {
            **dataclasses.asdict(server),
            'power_state': server.power_state,
            'created_at': None,
        }
    )
