"""Resolvers on this machine that play a scenario: the demo, and the tests' servers.

A *saying* is what a resolver says about one question; a *scenario* is who says
what about which name on which day; ``respond`` turns both into DNS messages, and
``servers`` puts them behind sockets on 127.0.0.1. Nothing here leaves the machine.
"""
