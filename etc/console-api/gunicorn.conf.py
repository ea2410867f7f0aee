# SPDX-License-Identifier: Apache-2.0
"""The API under gunicorn: gunicorn -c /etc/console-api/gunicorn.conf.py.

Put a web server in front of it that ends TLS, and that sends requests on when
all of their body is there: a thread waits for it as long as it takes.
"""

wsgi_app = 'console_api.wsgi.api:application'
bind = '127.0.0.1:8774'
# Where console-api.conf and api-paste.ini are.
raw_env = ['OS_CONSOLE_API_CONFIG_DIR=/etc/console-api']

workers = 2
worker_class = 'gthread'
# A process works on [api] max_requests at once. The other threads are for
# requests that wait for their turn, and for those that are refused.
threads = 48
# Connections that may wait until a process takes them. The kernel has to allow
# as many: sysctl net.core.somaxconn.
backlog = 1024
# Each process opens its own connections to the database and the bus.
preload_app = False
# SIGTERM leaves requests so many seconds to be answered.
graceful_timeout = 30
# Signals are enough to rule it, and below the home of the user that the unit
# runs as there is no place for a socket. Before 25.1, gunicorn ignores this.
control_socket_disable = True
