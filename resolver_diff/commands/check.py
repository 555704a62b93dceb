"""resolver-diff check: is the config right, and what would a run cost."""

from resolver_diff.commands import _options as options


def command(
    resolvers: options.Resolvers = None,
    domains: options.Domains = None,
    qtypes: options.Qtypes = None,
    transports: options.Transports = None,
    repeat: options.Repeat = None,
    opt_out: options.OptOut = None,
    origins: options.Origins = None,
) -> int:
    """Read resolvers and names, say everything that is wrong with them, and what a run would ask. Sends nothing.

    \b
    Examples:
      resolver-diff check
      resolver-diff check --resolvers my-resolvers.yaml --domains my-names.txt
      resolver-diff check --transports udp,tls
    """
    from resolver_diff.commands import _cost
    from resolver_diff.commands._loading import asked, utc_today
    from resolver_diff.commands._output import page_width, show, warn
    from resolver_diff.errors import ExitStatus
    from resolver_diff.library.costs import asked_of, doubts
    from resolver_diff.plan import Plan

    config = asked(resolvers, domains, opt_out, qtypes, transports=transports, repeat=repeat)
    plan = Plan(asked_of(config), day=utc_today(), vantage="local")
    warn(doubts(config))
    show(_cost.describe(config, plan, page_width(), origins))
    return ExitStatus.DONE
