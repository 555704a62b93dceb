"""resolver-diff check: is the config right, and what would a run cost."""

from resolver_diff.commands import _options as options


def command(
    resolvers: options.Resolvers = None,
    domains: options.Domains = None,
    qtypes: options.Qtypes = None,
) -> int:
    """Read resolvers and names, say everything that is wrong with them, and what a run would ask. Sends nothing.

    \b
    Examples:
      resolver-diff check
      resolver-diff check --resolvers my-resolvers.yaml --domains my-names.txt
    """
    from datetime import UTC, datetime

    from resolver_diff.commands import _cost
    from resolver_diff.commands._loading import asked
    from resolver_diff.commands._output import page_width, show
    from resolver_diff.errors import ExitStatus
    from resolver_diff.plan import Plan

    config = asked(resolvers, domains, qtypes=qtypes)
    plan = Plan(config, day=datetime.now(UTC).date(), vantage="local")
    show(_cost.describe(plan, page_width()))
    return ExitStatus.DONE
